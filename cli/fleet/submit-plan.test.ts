import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { markStarted, newAttempt } from '#models/plans/attempts.ts';
import { createPlan, makePlan } from '#models/plans/plan.ts';
import { writeResult } from '#models/plans/results.ts';
import { missingShards } from '#models/plans/shards.ts';
import { listSubmissions, readSubmission } from '#models/plans/submissions.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { openObjectStore } from '#models/stores/open.ts';
import { type AwsAnswer, type AwsRequest, outputs, startAwsServer } from '../batch/aws-server.fixture.ts';
import { batchQueue } from './batch-queue.fixture.ts';
import { sweepDraft } from './plan.fixture.ts';
import { cancelPlan, planJobs } from './plan-jobs.ts';
import { type StoredPlan, submitPlan } from './submit-plan.ts';

let folder: string;
let store: ObjectStore;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'fleet-'));
  store = await openObjectStore(folder);
});
afterEach(async () => rm(folder, { recursive: true }));

async function storedSweep(runs: number): Promise<StoredPlan> {
  const plan = makePlan(sweepDraft(runs));
  return { id: (await createPlan(store, plan)).id, plan };
}

const shardsOf = ({ plan }: StoredPlan) => plan.items.map(({ shard }) => shard);

async function finish({ id }: StoredPlan, shards: readonly string[]): Promise<void> {
  for (const shard of shards) {
    const attempt = newAttempt({ submission: '0001', child: 0 });
    await markStarted(store, id, shard, { attempt });
    await writeResult(store, id, shard, { at: new Date().toISOString(), attempt, seconds: 1, result: {} });
  }
}

describe('submitPlan', () => {
  it('submits 25,001 children as three arrays, and a single one as a plain job', async () => {
    const queue = batchQueue();
    await using aws = await startAwsServer(queue.answer);
    const stored = await storedSweep(25_001);
    const target = aws.target(store);

    const submitted = await submitPlan(target, stored);

    expect(submitted).toMatchObject({ submission: '0001', missing: 25_001, children: 25_001, active: 0 });
    const name = `plan-${stored.id}-0001`;
    const shards = ['shards', '--plan', stored.id, '--submission', '0001'];
    expect(
      queue.jobs.map(({ jobName, arrayProperties, containerOverrides }) => [
        ...[jobName, arrayProperties?.size, ...containerOverrides.command],
      ]),
    ).toEqual([
      [name, 10_000, ...shards],
      [name, 10_000, ...shards, '--offset', '10000'],
      [name, 5001, ...shards, '--offset', '20000'],
    ]);
    expect((await readSubmission(store, stored.id, '0001')).shards).toEqual(shardsOf(stored));

    await submitPlan(target, { id: '000000000000', plan: stored.plan }, { atMost: 10_001 });
    expect(queue.jobs.at(-1)).toMatchObject({
      containerOverrides: { command: expect.arrayContaining(['--child', '10000']) },
    });
    expect(queue.jobs.at(-1)).not.toHaveProperty('arrayProperties');
  });

  it('shares the shards between as many children as the cap allows, each with the time for its share', async () => {
    const queue = batchQueue();
    await using aws = await startAwsServer(queue.answer);
    const stored = await storedSweep(10);
    await finish(stored, shardsOf(stored).slice(0, 1));

    await submitPlan(aws.target(store), stored, { atMost: 4, on: 'cpu' });

    expect(queue.jobs).toMatchObject([
      {
        ...{ jobQueue: 'cpu-queue', jobDefinition: 'cpu-definition', arrayProperties: { size: 4 } },
        timeout: { attemptDurationSeconds: 3 * 3600 },
      },
    ]);
    const submission = await readSubmission(store, stored.id, '0001');
    expect(submission).toMatchObject({ where: 'batch', children: 4, shards: shardsOf(stored).slice(1) });
    await expect(submitPlan(aws.target(store), stored, { atMost: 0 })).rejects.toThrow('--at-most is 0');
  });

  it('submits nothing while children are at work on all that is missing, and no more than a raised cap leaves', async () => {
    const queue = batchQueue();
    await using aws = await startAwsServer(queue.answer);
    const stored = await storedSweep(9);
    const shards = shardsOf(stored);
    const target = aws.target(store);
    await submitPlan(target, stored, { atMost: 3 });
    for (const [index, state] of ['RUNNING', 'RUNNING', 'SUCCEEDED'].entries()) queue.jobs[0]!.states[index] = state;
    await finish(stored, [shards[2]!, shards[5]!, shards[8]!]);
    for (const shard of [shards[0]!, shards[1]!]) {
      await markStarted(store, stored.id, shard, { attempt: newAttempt({ submission: '0001', child: 0 }) });
    }

    expect(await submitPlan(target, stored, { atMost: 2 })).toEqual({
      ...{ plan: stored.id, missing: 6, active: 2, children: 0, jobs: [] },
    });
    expect(await listSubmissions(store, stored.id)).toEqual(['0001']);

    expect(await submitPlan(target, stored, { atMost: 3 })).toMatchObject({
      submission: '0002',
      children: 1,
      active: 2,
    });
    // From the other end than the children that are at work, which skip what they find done.
    const waiting = [shards[7], shards[6], shards[4], shards[3]];
    expect(await readSubmission(store, stored.id, '0002')).toMatchObject({ shards: waiting, children: 1 });

    expect(await submitPlan(target, stored)).toMatchObject({ active: 3, children: 4 });
  });

  it('submits what a killed submitter did not, and nothing when all is done', async () => {
    const queue = batchQueue();
    await using aws = await startAwsServer(queue.answer);
    const stored = await storedSweep(10_003);
    const target = aws.target(store);
    await submitPlan(target, stored);
    const lost = queue.jobs.pop()!;
    expect(lost.arrayProperties?.size).toBe(3);

    expect(await submitPlan(target, stored)).toMatchObject({ submission: '0002', children: 3, active: 10_000 });
    expect((await readSubmission(store, stored.id, '0002')).shards).toEqual(shardsOf(stored).slice(10_000));

    const small = await storedSweep(3);
    await finish(small, shardsOf(small));
    expect(await submitPlan(target, small)).toEqual({ plan: small.id, missing: 0, active: 0, children: 0, jobs: [] });
  });

  it('repeats what was throttled, and looks for a job whose answer was lost before it submits it again', async () => {
    const queue = batchQueue();
    const troubles: ((request: AwsRequest) => AwsAnswer)[] = [
      () => ({ error: 'TooManyRequestsException', status: 429 }),
      (request) => {
        queue.answer(request);
        return { error: 'ServerException', status: 500 };
      },
    ];
    await using aws = await startAwsServer((request) => {
      const trouble = request.operation === 'SubmitJob' ? troubles.shift() : undefined;
      return trouble?.(request) ?? queue.answer(request);
    });
    const stored = await storedSweep(2);

    const { jobs } = await submitPlan(aws.target(store), stored);

    expect(troubles).toEqual([]);
    expect(queue.jobs).toHaveLength(1);
    expect(jobs).toEqual([{ id: 'job-1', first: 0, children: 2 }]);
  });

  it('classifies with a definition of its own, which a stack of an earlier release lacks', async () => {
    const queue = batchQueue();
    await using aws = await startAwsServer(queue.answer);
    const list = { key: 'plans/x/lists/a.jsonl', sha256: 'a'.repeat(64) };
    const items = [{ list, objects: 1, bytes: 1 }];
    const plan = makePlan({ kind: 'classify', code: 'a'.repeat(64), options: {}, items });
    const stored = { id: (await createPlan(store, plan)).id, plan };

    await expect(submitPlan(aws.target(store), stored)).rejects.toThrow('"./cifar10 deploy --target aws"');
    const stack = { ...outputs, ClassifyJobDefinitionName: 'classify-definition' };
    await submitPlan(aws.target(store, { stack }), stored);
    expect(queue.jobs).toMatchObject([{ jobQueue: 'cpu-queue', jobDefinition: 'classify-definition' }]);
  });
});

describe('cancelPlan', () => {
  it('ends what has not ended, and leaves results', async () => {
    const queue = batchQueue();
    await using aws = await startAwsServer(queue.answer);
    const [stored, other] = [await storedSweep(4), await storedSweep(5)];
    const target = aws.target(store);
    for (const each of [stored, other]) await submitPlan(target, each, { atMost: 4 });
    queue.jobs[0]!.states[0] = 'SUCCEEDED';
    await finish(stored, shardsOf(stored).slice(0, 1));

    expect(await cancelPlan(target, stored.id, 'Cancelled')).toBe(3);

    expect(queue.jobs.map(({ states }) => states)).toEqual([
      ['SUCCEEDED', 'FAILED', 'FAILED', 'FAILED'],
      ['RUNNABLE', 'RUNNABLE', 'RUNNABLE', 'RUNNABLE'],
    ]);
    expect(await missingShards(store, stored.id, stored.plan)).toEqual(shardsOf(stored).slice(1));
    expect(await planJobs(target, outputs as never, stored.id)).toMatchObject([{ status: 'FAILED', children: 4 }]);
  });
});
