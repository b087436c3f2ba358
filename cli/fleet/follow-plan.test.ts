import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { markStarted, newAttempt, writeFailure } from '#models/plans/attempts.ts';
import { createPlan, makePlan } from '#models/plans/plan.ts';
import { writeResult } from '#models/plans/results.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { openObjectStore } from '#models/stores/open.ts';
import { startAwsServer } from '../batch/aws-server.fixture.ts';
import { batchQueue } from './batch-queue.fixture.ts';
import { followPlanJobs } from './follow-plan.ts';
import { sweepDraft } from './plan.fixture.ts';
import { explainFailures } from './plan-failures.ts';
import { describePlanState, planView } from './plan-view.ts';
import { submitPlan } from './submit-plan.ts';

const at = new Date().toISOString();
let folder: string;
let store: ObjectStore;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'fleet-'));
  store = await openObjectStore(folder);
});
afterEach(async () => rm(folder, { recursive: true }));

it('follows a plan until no child is left, and says which shards failed and what does them', async () => {
  const queue = batchQueue();
  await using aws = await startAwsServer(queue.answer);
  const target = aws.target(store, { name: 'local' });
  const plan = makePlan(sweepDraft(3));
  const { id } = await createPlan(store, plan);
  await submitPlan(target, { id, plan });
  const [first, second, third] = plan.items.map(({ shard }) => shard) as [string, string, string];
  const begin = async (shard: string, child: number) => {
    const attempt = newAttempt({ submission: '0001', child });
    await markStarted(store, id, shard, { attempt });
    return attempt;
  };

  const stop = new AbortController();
  const onState = () => stop.abort(new Error('enough'));
  await expect(followPlanJobs(target, id, { onState, signal: stop.signal })).rejects.toThrow('enough');
  expect(queue.jobs[0]!.states).toEqual(['RUNNABLE', 'RUNNABLE', 'RUNNABLE']);

  queue.jobs[0]!.states.splice(0, 3, 'SUCCEEDED', 'FAILED', 'FAILED');
  await writeResult(store, id, first, { at, attempt: await begin(first, 0), seconds: 1, result: {} });
  await writeFailure(store, id, second, await begin(second, 1), { at, message: 'The loss is not a number.' });
  await begin(third, 2); // It was killed.
  const ended = await followPlanJobs(target, id);

  expect(ended).toMatchObject({ done: 1, failed: 1, running: 0, waiting: 1, children: { running: 0, waiting: 0 } });
  expect(await explainFailures(store, id, { retry: `./cifar10 jobs ${id} --retry` })).toBe(
    `2 of 3 shards have no result; 1 failed:\n  ${second}: The loss is not a number.\nTo do what is missing: ./cifar10 jobs ${id} --retry\n`,
  );
});

it('waits for jobs that were submitted a moment ago and are not listed yet', async () => {
  const queue = batchQueue();
  let isListed = false;
  await using aws = await startAwsServer((request) =>
    request.operation === 'ListJobs' && !isListed ? { output: { jobSummaryList: [] } } : queue.answer(request),
  );
  const target = aws.target(store, { name: 'local' });
  const plan = makePlan(sweepDraft(1));
  const { id } = await createPlan(store, plan);
  await submitPlan(target, { id, plan });
  const [{ shard } = { shard: '' }] = plan.items;
  const attempt = newAttempt({ submission: '0001', child: 0 });
  await markStarted(store, id, shard, { attempt });

  const children: object[] = [];
  const followed = followPlanJobs(target, id, {
    onState(state) {
      children.push(state.children);
      if (isListed) queue.jobs[0]!.states[0] = 'FAILED';
      isListed = true;
    },
  });
  expect(await followed).toMatchObject({ done: 0, total: 1, children: { running: 0, waiting: 0 } });
  const [none, one] = [0, 1].map((waiting) => ({ running: 0, waiting }));
  expect(children).toMatchObject([none!, one!, none!]);
});

it.each([
  [{ children: { running: 0, waiting: 4 }, waiting: 40 }, '0 of 40 done, 40 waiting for a machine'],
  [
    { done: 12, running: 4, waiting: 23, failed: 1, etaSeconds: 380, dollars: 0.12 },
    '12 of 40 done, 4 running, 23 waiting, 1 failed, about 6:20 left, $0.12 so far',
  ],
  [{ done: 40, etaSeconds: 0 }, '40 of 40 done'],
])('describes %o', (state, line) => {
  const none = {
    plan: 'a',
    total: 40,
    done: 0,
    running: 0,
    waiting: 0,
    failed: 0,
    children: { running: 4, waiting: 0 },
  };
  expect(describePlanState({ ...none, ...state })).toBe(line);
});

it('prints a line of JSON for each change, and plain lines where there is no terminal', () => {
  const state = {
    plan: 'a',
    total: 2,
    done: 1,
    running: 1,
    waiting: 0,
    failed: 0,
    children: { running: 1, waiting: 0 },
  };
  for (const [json, expected] of [
    [true, `${JSON.stringify({ type: 'plan', ...state })}\n`],
    [false, '1 of 2 done, 1 running\na note\n'],
  ] as const) {
    const stream = new PassThrough({ encoding: 'utf8' });
    const view = planView(stream, { json });
    view.show(state);
    view.show(state);
    view.note('a note');
    view.end();
    expect(stream.read()).toBe(expected);
  }
});
