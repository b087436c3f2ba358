import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { code } from '#jobs/check-code.ts';
import { markStarted, newAttempt, writeFailure } from '#models/plans/attempts.ts';
import { createPlan, makePlan } from '#models/plans/plan.ts';
import { writeResult } from '#models/plans/results.ts';
import { readSubmission } from '#models/plans/submissions.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { openObjectStore } from '#models/stores/open.ts';
import { type AwsServer, outputs, startAwsServer } from '../batch/aws-server.fixture.ts';
import type { StackOutputs } from '../stack/target.ts';
import { batchQueue } from './batch-queue.fixture.ts';
import { sweepDraft } from './plan.fixture.ts';
import { readShardRows } from './plan-children.ts';
import { planJobs } from './plan-jobs.ts';
import { readPlanStatus } from './plan-status.ts';
import { describeRetry, retryPlan } from './retry-plan.ts';
import { describePlan, plansTable, shardsTable } from './show-plan.ts';
import { type StoredPlan, submitPlan } from './submit-plan.ts';

const stack = outputs as unknown as StackOutputs;
let folder: string;
let store: ObjectStore;
let queue: ReturnType<typeof batchQueue>;
let aws: AwsServer;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'status-'));
  store = await openObjectStore(folder);
  queue = batchQueue();
  aws = await startAwsServer(queue.answer);
});
afterEach(async () => {
  await aws[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

async function storedSweep(runs: number, draft = sweepDraft(runs)): Promise<StoredPlan> {
  const plan = makePlan(draft);
  return { id: (await createPlan(store, plan)).id, plan };
}

/** Begins shards a minute ago. @returns the names of the attempts */
async function begin({ id }: StoredPlan, shards: readonly string[], child = 0): Promise<string[]> {
  const attempts: string[] = [];
  for (const shard of shards) {
    const attempt = newAttempt({ submission: '0001', child }, new Date(Date.now() - 60_000));
    await markStarted(store, id, shard, { attempt });
    attempts.push(attempt);
  }
  return attempts;
}

async function finish(stored: StoredPlan, shards: readonly string[]): Promise<void> {
  const attempts = await begin(stored, shards);
  for (const [index, shard] of shards.entries()) {
    const attempt = attempts[index]!;
    await writeResult(store, stored.id, shard, { at: new Date().toISOString(), attempt, seconds: 60, result: {} });
  }
}

const shardsOf = ({ plan }: StoredPlan) => plan.items.map(({ shard }) => shard);
const operations = () => aws.requests.map(({ operation }) => operation);

describe('readPlanStatus', () => {
  it('counts 10,003 shards of two arrays as one line, and asks about no child', async () => {
    const stored = await storedSweep(10_003);
    const shards = shardsOf(stored);
    const target = aws.target(store);
    await submitPlan(target, stored, { on: 'cpu' });
    await finish(stored, shards.slice(0, 40));
    await begin(stored, shards.slice(40, 48));
    for (let child = 0; child < 48; child++) queue.jobs[0]!.states[child] = child < 40 ? 'SUCCEEDED' : 'RUNNING';
    const before = operations().length;

    const jobs = await planJobs(target, stack, stored.id);
    const status = await readPlanStatus(target, stack, store, jobs);

    expect(operations().slice(before)).toEqual(['ListJobs', 'ListJobs', 'DescribeJobs']);
    expect(aws.requests.some(({ input }) => 'arrayJobId' in input)).toBe(false);
    expect(status).toMatchObject({
      ...{ plan: stored.id, kind: 'sweep', state: 'running', device: 'cpu', total: 10_003 },
      ...{ done: 40, running: 8, waiting: 9955, failed: 0 },
      children: { running: 8, succeeded: 40, waiting: 9955, failed: 0 },
    });
    // Each took a minute, and eight work at once.
    expect(status.etaSeconds! / (9955 * 7.5)).toBeCloseTo(1, 1);
    // 48 minutes of work, and the start of the 16 machines that the queue may have.
    expect(status.machineSeconds).toBeGreaterThan(48 * 60 + 16 * 120);
    expect(status.dollars).toBeCloseTo((status.machineSeconds / 3600) * 0.11422, 3);
    const [, line] = plansTable([status], target);
    expect(line).toMatch(
      new RegExp(`^${stored.id} +sweep +running +cpu +40 of 10,003 +8 +9,955 +0 +\\d.* at most \\$0.\\d\\d$`),
    );
  });

  it('takes what a killed child had begun for waiting, and a cancelled plan for cancelled', async () => {
    const stored = await storedSweep(4);
    const target = aws.target(store, { name: 'local' });
    await submitPlan(target, stored, { on: 'cpu' });
    await begin(stored, shardsOf(stored).slice(0, 2));
    queue.jobs[0]!.states.splice(0, 2, 'RUNNABLE', 'RUNNING');

    const status = await readPlanStatus(target, stack, store, await planJobs(target, stack, stored.id));

    expect(status).toMatchObject({ done: 0, running: 1, waiting: 3, state: 'running' });
    expect(status).not.toHaveProperty('dollars');
    expect(status).not.toHaveProperty('etaSeconds');
    expect(stripVTControlCharacters(describePlan(target, stack, status, []))).toMatch(
      /^shards +0 of 4 done, 1 running, 3 waiting$/m,
    );
  });

  it('shows the children of a plan that cannot be read, and why', async () => {
    const stored = await storedSweep(3);
    const target = aws.target(store);
    await submitPlan(target, stored, { on: 'cpu' });
    await store.delete(`plans/${stored.id}/plan.json`);

    const status = await readPlanStatus(target, stack, store, await planJobs(target, stack, stored.id));

    expect(status).toMatchObject({ total: 3, waiting: 3, problem: expect.stringContaining('has no plan') });
  });
});

describe('plansTable', () => {
  it('tells the plan that publishes runs of a sweep from the sweep', async () => {
    const sweep = await storedSweep(2);
    const publishing = await storedSweep(1, { ...sweepDraft(1), options: { publishes: sweep.id } });
    const target = aws.target(store);
    const statuses = [];
    for (const stored of [sweep, publishing]) {
      await submitPlan(target, stored);
      statuses.push(await readPlanStatus(target, stack, store, await planJobs(target, stack, stored.id)));
    }
    const [, ...rows] = plansTable(statuses, target).map((line) => line.split(/ +/).slice(0, 2));
    expect(rows).toEqual([
      [sweep.id, 'sweep'],
      [publishing.id, 'publish'],
    ]);
  });
});

describe('readShardRows', () => {
  it('tells of each shard who has it, and why it failed: by its program, or by how its container ended', async () => {
    const stored = await storedSweep(6);
    const { id, plan } = stored;
    const shards = shardsOf(stored);
    const target = aws.target(store);
    await submitPlan(target, stored, { on: 'cpu' });
    const [job] = queue.jobs;
    await finish(stored, [shards[0]!]);
    const [failed] = await begin(stored, [shards[1]!], 1);
    const at = new Date().toISOString();
    await writeFailure(store, id, shards[1]!, failed!, { at, message: 'The loss is not a number.' });
    await begin(stored, [shards[2]!], 2); // killed
    await begin(stored, [shards[3]!], 3);
    job!.states.splice(0, 6, 'SUCCEEDED', 'FAILED', 'FAILED', 'RUNNING', 'FAILED', 'RUNNABLE'); // 4 died at its start
    Object.assign(job!, { statusReason: 'Essential container in task exited', exitCode: 137 });
    const jobs = await planJobs(target, stack, id);

    const rows = await readShardRows(target, store, { id, plan, jobs });

    const killed =
      'Essential container in task exited, exit code 137 (killed, for a reason that Batch does not give: most often the memory of its machine was used up)';
    expect(
      rows.map(({ name, state, attempts, child, job: of, reason }) => [name, state, attempts, child, of, reason]),
    ).toEqual([
      ['seed=0', 'done', 1, 0, undefined, undefined],
      ['seed=1', 'failed', 1, 1, 'job-1:1', 'The loss is not a number.'],
      ['seed=2', 'failed', 1, 2, 'job-1:2', killed],
      ['seed=3', 'running', 1, 3, 'job-1:3', undefined],
      ['seed=4', 'failed', 0, 4, 'job-1:4', killed],
      ['seed=5', 'waiting', 0, 5, undefined, undefined],
    ]);
    const wanted = await readShardRows(target, store, { id, plan, jobs }, 'failed');
    expect(wanted.map(({ name }) => name)).toEqual(['seed=1', 'seed=2', 'seed=4']);
    expect(stripVTControlCharacters(shardsTable(wanted).join('\n'))).toMatch(
      new RegExp(`^${shards[2]} +failed +1 +0001:2 +.*seed=2 +Essential`, 'm'),
    );
  });
});

describe('retryPlan', () => {
  it('submits the shards without a result alone, with the cap and on the device of the last submission', async () => {
    const stored = await storedSweep(7, { ...sweepDraft(7), code: code() });
    const shards = shardsOf(stored);
    const target = aws.target(store, { name: 'local' });
    await submitPlan(target, stored, { on: 'cpu', atMost: 2 });
    await finish(stored, [shards[0]!, shards[3]!]);
    queue.jobs[0]!.states.splice(0, 2, 'SUCCEEDED', 'FAILED');

    const submitted = await retryPlan(target, stack, store, stored.id);

    expect(submitted).toMatchObject({ submission: '0002', missing: 5, children: 2, active: 0 });
    expect(describeRetry(submitted!)).toBe(`Submitted 2 children for 5 shards without a result of plan ${stored.id}.`);
    expect((await readSubmission(store, stored.id, '0002')).shards).toEqual(
      shards.filter((_, index) => index !== 0 && index !== 3),
    );
    expect(queue.jobs[1]).toMatchObject({ jobQueue: 'cpu-queue', arrayProperties: { size: 2 } });

    await finish(stored, shards);
    for (const { states } of queue.jobs) states.fill('SUCCEEDED');
    expect(describeRetry((await retryPlan(target, stack, store, stored.id))!)).toContain('nothing to do');
    expect(queue.jobs).toHaveLength(2);
  });

  it('submits nothing that costs money without a yes', async () => {
    const stored = await storedSweep(2, { ...sweepDraft(2), code: code() });
    const target = aws.target(store);

    const asked = retryPlan(target, stack, store, stored.id);
    await expect(asked).rejects.toThrow(/^2 runs, about .*\n.*Add --yes to confirm/);
    expect(queue.jobs).toEqual([]);

    expect(await retryPlan(target, stack, store, stored.id, { yes: true })).toMatchObject({ children: 2 });
    expect(queue.jobs).toHaveLength(1);
  });

  it('refuses a plan of other code', async () => {
    const stored = await storedSweep(2);
    const target = aws.target(store, { name: 'local' });
    await submitPlan(target, stored);

    await expect(retryPlan(target, stack, store, stored.id)).rejects.toThrow('was made by other sources');
    expect(queue.jobs).toHaveLength(1);
  });
});
