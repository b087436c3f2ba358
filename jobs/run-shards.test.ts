import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listAttempts, markStarted, newAttempt, readFailures } from '#models/plans/attempts.ts';
import { createPlan, makePlan } from '#models/plans/plan.ts';
import { readResult, writeResult } from '#models/plans/results.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { anyScenario, survive } from './interrupted-plan.fixture.ts';
import { runShards } from './run-shards.ts';
import type { RunShard } from './shard-context.ts';

describe('a plan whose processes are killed at any moment', () => {
  it('gets exactly one result a shard, by retries, doubles, two submitters at once, and raised caps', async () => {
    const property = fc.asyncProperty(anyScenario, fc.scheduler(), async (scenario, scheduler) => {
      expect(await survive(scenario, scheduler)).toMatchObject({ results: scenario.shards, doubles: 0, losses: 0 });
    });
    await fc.assert(property, { numRuns: 12 });
  });
});

describe('runShards', () => {
  let folder: string;
  let store: ObjectStore;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'run-shards-'));
    store = folderStore(folder);
  });
  afterEach(() => rm(folder, { recursive: true }));

  const items = [0, 1, 2].map((seed) => ({
    ...{ name: `${seed}`, recipe: 'tiny', set: [], seed, data: 'cifar10', group: '' },
  }));
  const plan = makePlan({ kind: 'sweep', code: '0'.repeat(64), options: {}, items });
  const shards = plan.items.map(({ shard }) => shard);
  const worker = { submission: '0001', child: 0 };

  /** Does the three shards. @returns what it came to, and which shards were begun, in order */
  async function done(work: RunShard, signal = new AbortController().signal) {
    const { id } = await createPlan(store, plan);
    const begun: string[] = [];
    const runShard: RunShard = async (context) => {
      begun.push(context.item.shard);
      return await work(context);
    };
    const log = () => {};
    const counts = await runShards({ store, planId: id, plan, shards, worker, runShard, signal, log, job: 'job-1' });
    return { id, begun, counts };
  }

  it('records a shard that fails, and does the others', async () => {
    const fails: RunShard = async ({ item }) => {
      if (item.shard === shards[0]) throw new Error('The disk is full.');
      return { seed: item.shard };
    };
    const { id, counts } = await done(fails);
    expect(counts).toEqual({ done: 2, skipped: 0, taken: 0, failed: 1 });
    expect(await readFailures(store, id, shards[0]!)).toMatchObject([{ message: 'The disk is full.', job: 'job-1' }]);
    expect(await readResult(store, id, shards[0]!)).toBeUndefined();
    expect(await readResult(store, id, shards[1]!)).toMatchObject({ job: 'job-1', result: { seed: shards[1] } });

    const again = await done(async () => ({ seed: 'other' }));
    expect(again.counts).toEqual({ done: 1, skipped: 2, taken: 0, failed: 0 });
    expect(again.begun).toEqual([shards[0]]);
    expect(await readResult(store, id, shards[1]!)).toMatchObject({ result: { seed: shards[1] } });
  });

  it('is content where somebody else has done the shard that it failed at, such as the owner of its run', async () => {
    const { id } = await createPlan(store, plan);
    const result = { at: new Date().toISOString(), attempt: newAttempt(worker), seconds: 1, result: {} };
    const overtaken: RunShard = async ({ item }) => {
      await writeResult(store, id, item.shard, result);
      throw new Error('Another process is training the run.');
    };
    expect((await done(overtaken)).counts).toEqual({ done: 0, skipped: 3, taken: 0, failed: 0 });
    expect(await readFailures(store, id, shards[0]!)).toEqual([]);
  });

  it('leaves a shard to another process that writes its run, without a failure', async () => {
    const { id } = await createPlan(store, plan);
    const theirs: RunShard = async ({ item }) => {
      if (item.shard !== shards[0]) return {};
      const write = () => store.put(`runs/${item.shard}`, new Uint8Array(1), { only: 'absent' });
      await write();
      const cause = await write().catch((error: unknown) => error);
      throw new Error('Another process is training the run.', { cause });
    };
    expect((await done(theirs)).counts).toEqual({ done: 2, skipped: 0, taken: 1, failed: 0 });
    expect(await readFailures(store, id, shards[0]!)).toEqual([]);
  });

  it('does last what was started before: it may be what kills the process', async () => {
    const { id } = await createPlan(store, plan);
    await markStarted(store, id, shards[0]!, { attempt: newAttempt(worker) });
    const { begun } = await done(async () => ({}));
    expect(begun).toEqual([shards[1], shards[2], shards[0]]);
  });

  it('ends with the signal, without a failure or a result of the shard that it leaves', async () => {
    const controller = new AbortController();
    const interrupted = done(async ({ signal }) => {
      controller.abort('SIGTERM');
      signal.throwIfAborted();
    }, controller.signal);
    await expect(interrupted).rejects.toBe('SIGTERM');
    const { id } = await createPlan(store, plan);
    expect(await listAttempts(store, id, shards[0]!)).toHaveLength(1);
    expect(await readFailures(store, id, shards[0]!)).toEqual([]);
    expect(await readResult(store, id, shards[0]!)).toBeUndefined();
  });
});
