import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { folderStore } from '../stores/folder-store.ts';
import { type ObjectStore, WriteConflict } from '../stores/object-store.ts';
import { retryingStore } from '../stores/retrying-store.ts';
import { markStarted, newAttempt, parseAttempt, readFailures, writeFailure } from './attempts.ts';
import { createPlan, makePlan, planId, readPlan, type SweepItem } from './plan.ts';
import { readResults, writeResult } from './results.ts';
import { hasAllResults, missingShards, planProgress, shardProgress } from './shards.ts';
import { createSubmission, listSubmissions, readSubmission, shardsOfChild } from './submissions.ts';

const code = 'c'.repeat(64);
const at = '2026-11-28T16:00:00.000Z';

async function all<Each>(iterable: AsyncIterable<Each>): Promise<Each[]> {
  const found: Each[] = [];
  for await (const each of iterable) found.push(each);
  return found;
}

/** A sweep over so many seeds. */
function sweep(seeds: number) {
  const items = Array.from({ length: seeds }, (_, seed) => ({
    ...{ name: `seed=${seed}`, recipe: 'tiny', set: ['epochs=1'], seed, data: 'cifar10', group: 'epochs=1' },
  }));
  return makePlan({ kind: 'sweep', code, options: { keep: 'none' }, items });
}

let folder: string;
let store: ObjectStore;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plans-'));
  store = folderStore(folder);
});
afterEach(() => rm(folder, { recursive: true }));

describe('a plan', () => {
  it('is the same plan where its content is, whatever the order of the members', async () => {
    const plan = sweep(3);
    const other = JSON.parse(JSON.stringify(plan), (_, value) =>
      Array.isArray(value) || typeof value !== 'object' ? value : Object.fromEntries(Object.entries(value).reverse()),
    );
    expect(planId(other)).toBe(planId(plan));
    const first = await createPlan(store, plan);
    expect(first).toEqual({ id: planId(plan), isNew: true });
    expect(await createPlan(store, other)).toEqual({ id: first.id, isNew: false });
    expect(await readPlan(store, first.id)).toEqual(plan);
    expect((await all(store.list('plans/'))).map(({ key }) => key)).toEqual([`plans/${first.id}/plan.json`]);
  });

  it('is another plan where an item, an option or the code differs, with the same shards for the same items', () => {
    const plan = sweep(3);
    const others = [
      sweep(4),
      makePlan({ ...plan, items: plan.items.map(({ shard: _, ...item }) => item), options: { keep: 'all' } }),
      makePlan({ ...plan, items: plan.items.map(({ shard: _, ...item }) => item), code: 'd'.repeat(64) }),
    ];
    expect(new Set([plan, ...others].map(planId)).size).toBe(4);
    for (const other of others) {
      expect(other.items.slice(0, 3).map(({ shard }) => shard)).toEqual(plan.items.map(({ shard }) => shard));
    }
  });
});

describe('the shards of different items', () => {
  it('have different ids, also where the first 48 bits of the digests are the same', () => {
    const [{ shard: _, ...item }] = sweep(1).items as [SweepItem];
    const items = [10_671_683, 14_302_710].map((seed) => ({ ...item, seed }));
    const [one, other] = makePlan({ kind: 'sweep', code, options: {}, items }).items;
    expect(one!.shard).not.toBe(other!.shard);
    expect(one!.shard.slice(0, 12)).toBe(other!.shard.slice(0, 12));
  });
});

describe('what is no plan', () => {
  it('is refused before anything is written', () => {
    const draft = { kind: 'sweep' as const, code, options: {} };
    const [item] = sweep(1).items.map(({ shard: _, ...rest }) => rest);
    const million: (typeof item)[] = Array(1_000_001).fill(item);
    for (const [items, message] of [
      [[], 'The plan has no items'],
      [million, 'The plan has 1,000,001 items, and 1,000,000 are the most'],
      [[item, item], 'Item 2 of the plan is there twice'],
    ] as const) {
      expect(() => makePlan({ ...draft, items: items as NonNullable<typeof item>[] }), message).toThrow(message);
    }
  });
});

describe('the shards of a plan', () => {
  it('are waiting, running, failed or done, and what is missing has no result', async () => {
    const plan = sweep(4);
    const { id } = await createPlan(store, plan);
    const [waiting = '', running = '', failed = '', done = ''] = plan.items.map(({ shard }) => shard);
    const worker = { submission: '0001', child: 7 };
    const attempts = [running, failed, done].map((shard, index) => ({
      shard,
      attempt: newAttempt(worker, new Date(Date.parse(at) + index)),
    }));
    for (const { shard, attempt } of attempts) await markStarted(store, id, shard, { attempt });
    await writeFailure(store, id, failed, attempts[1]!.attempt, { at, message: 'No space.' });
    const result = { at, attempt: attempts[2]!.attempt, seconds: 1, result: { accuracy: 0.5 } };
    expect(await writeResult(store, id, done, result)).toBe(true);
    expect(await writeResult(store, id, done, { ...result, result: { accuracy: 0.9 } })).toBe(false);

    expect(await missingShards(store, id, plan)).toEqual([waiting, running, failed]);
    const found = await all(shardProgress(store, id, plan));
    expect(Object.fromEntries(found.map(({ shard, state }) => [shard, state]))).toEqual({
      ...{ [waiting]: 'waiting', [running]: 'running', [failed]: 'failed', [done]: 'done' },
    });
    expect(found.find(({ shard }) => shard === running)?.last).toMatchObject({ ...worker, startedAt: new Date(at) });
    expect(await planProgress(store, id, plan)).toMatchObject({
      ...{ total: 4, done: 1, running: 1, failed: 1, waiting: 1, firstStart: new Date(at) },
    });
    expect(await readFailures(store, id, failed)).toMatchObject([{ message: 'No space.' }]);
    const results = readResults(
      store,
      id,
      plan.items.map(({ shard }) => shard),
    );
    expect(await all(results)).toEqual([{ shard: done, result }]);

    await markStarted(store, id, failed, { attempt: newAttempt(worker) });
    expect(await planProgress(store, id, plan)).toMatchObject({ running: 2, failed: 0 });
  });

  it('of a large plan in a bucket are listed in parts, and none is left out', async () => {
    const plan = sweep(5001);
    const { id } = await createPlan(store, plan);
    const bucket: ObjectStore = { ...store, url: 's3://plans' }; // Where a listing has pages.
    const [first = '', ...others] = plan.items.map(({ shard }) => shard);
    const done = [first, ...others.filter((_, index) => index % 250 === 0)];
    for (const shard of done) await writeResult(store, id, shard, { at, attempt: 'x', seconds: 1, result: {} });
    const failed = others.find((shard) => !done.includes(shard))!;
    const attempt = newAttempt({ submission: '0001', child: 0 });
    await markStarted(store, id, failed, { attempt });
    await writeFailure(store, id, failed, attempt, { at, message: 'No space.' });
    expect(await missingShards(bucket, id, plan)).toEqual(others.filter((shard) => !done.includes(shard)));
    const counts = { total: 5001, done: done.length, running: 0, failed: 1, waiting: 5000 - done.length };
    expect(await planProgress(bucket, id, plan)).toMatchObject(counts);
    expect(await planProgress(store, id, plan)).toMatchObject(counts);
  });

  it('are all done when the last one is, and a child that asks earlier learns so from few of them', async () => {
    const plan = sweep(20_000);
    const id = planId(plan);
    const shards = plan.items.map(({ shard }) => shard);
    const done = new Set<string>();
    let listed = 0;
    const bucket: ObjectStore = {
      ...store,
      url: 's3://plans',
      async *list(prefix) {
        for (const shard of [...done].sort()) {
          const key = `plans/${id}/results/${shard}.json`;
          if (!key.startsWith(prefix)) continue;
          listed++;
          yield { key, size: 1, modified: new Date(at) };
        }
      },
    };
    const asChildSees = retryingStore(bucket);
    const counts: number[] = [];
    // 400 children, whose shares of 50 shards end one after the other.
    for (let child = 0; child < 400; child += 37) {
      for (let index = 0; index < 20_000; index++) if (index % 400 < child) done.add(shards[index]!);
      listed = 0;
      expect(await hasAllResults(asChildSees, id, plan)).toBe(false);
      counts.push(listed);
    }
    // Where one in f is missing, f are listed before it, about.
    expect(counts.reduce((sum, each) => sum + each, 0) / counts.length).toBeLessThan(200);
    for (const shard of shards) done.add(shard);
    done.delete(shards[0]!);
    expect(await hasAllResults(asChildSees, id, plan)).toBe(false);
    done.add(shards[0]!);
    listed = 0;
    expect(await hasAllResults(asChildSees, id, plan)).toBe(true);
    expect(listed).toBe(20_000);
    const signal = AbortSignal.abort('SIGTERM');
    await expect(hasAllResults(asChildSees, id, plan, { signal })).rejects.toBe('SIGTERM');
  });

  it('are not taken for done because another writer was refused, whose write failed', async () => {
    const plan = sweep(1);
    const refusals = new Map<string, number>();
    const busy: ObjectStore = {
      ...store,
      put: async (key, body, options) => {
        refusals.set(key, (refusals.get(key) ?? 0) + 1);
        if (refusals.get(key) === 1) throw new WriteConflict(key); // As S3 answers with 409.
        return store.put(key, body, options);
      },
    };
    const { id, isNew } = await createPlan(busy, plan);
    expect(isNew).toBe(true);
    const [{ shard } = { shard: '' }] = plan.items;
    expect(await writeResult(busy, id, shard, { at, attempt: 'x', seconds: 1, result: {} })).toBe(true);
    expect(await missingShards(store, id, plan)).toEqual([]);
    const never: ObjectStore = { ...store, put: (key) => Promise.reject(new WriteConflict(key)) };
    await expect(createPlan(never, sweep(2))).rejects.toThrow(WriteConflict);
  });

  it('are shared among the children of a submission, each with every so many', async () => {
    const plan = sweep(7);
    const { id } = await createPlan(store, plan);
    const shards = await missingShards(store, id, plan);
    const submission = { at, by: 'me@here', commit: null, where: 'batch' as const, shards, children: 3 };
    const numbers = await Promise.all([1, 2, 3].map(() => createSubmission(store, id, submission)));
    expect(numbers.toSorted()).toEqual(['0001', '0002', '0003']);
    expect(await listSubmissions(store, id)).toEqual(['0001', '0002', '0003']);
    const read = await readSubmission(store, id, '0002');
    expect(read).toEqual(submission);
    const shares = [0, 1, 2].map((child) => shardsOfChild(read, child));
    expect(shares[0]).toEqual([shards[0], shards[3], shards[6]]);
    expect(shares.flat().toSorted()).toEqual(shards.toSorted());
  });
});

describe('the name of an attempt', () => {
  it('says when, and who works', () => {
    const attempt = newAttempt({ submission: '0012', child: 345 }, new Date(at));
    expect(parseAttempt(attempt)).toEqual({ at: new Date(at), submission: '0012', child: 345 });
    expect(parseAttempt('monday')).toBeUndefined();
  });
});
