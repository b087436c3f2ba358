import { Writable } from 'node:stream';
import type { WriteStream } from 'node:tty';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { readAlias } from '#models/aliases.ts';
import { createPlan, makePlan, type SweepItem } from '#models/plans/plan.ts';
import type { SweepOptions } from '#models/plans/sweep-options.ts';
import { SweepResult } from '#models/plans/sweep-result.ts';
import { readResult } from '#models/runs.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { listVersions, readVersion } from '#models/versions.ts';
import { trainHere } from '#training/commands/train-here.ts';
import { openDataset } from '#training/datasets/open-dataset.ts';
import { packDataset } from '#training/datasets/packed/pack-dataset.ts';
import { catsAndDogs, temporaryFolder, writeFiles } from '#training/datasets/pictures/pictures.fixture.ts';
import { decodeWeights } from '#training/export/weights.ts';
import { digestOf } from '#training/run/measure-held-out.ts';
import { code } from './check-code.ts';
import { runShard } from './train-shard.ts';

let folder: string;
let remove: () => Promise<void>;
let store: ObjectStore;
beforeEach(async () => {
  ({ folder, remove } = await temporaryFolder());
  store = folderStore(`${folder}/store`);
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await remove();
});

/** Does a plan's only shard, as a child does. */
async function doShard(item: Omit<SweepItem, 'shard'>, options: Partial<SweepOptions> = {}) {
  const plan = makePlan({
    kind: 'sweep',
    code: code(),
    options: { keep: 'none', over: [], ...options },
    items: [item],
  });
  const { id } = await createPlan(store, plan);
  const { signal } = new AbortController();
  const context = { store, planId: id, plan, item: plan.items[0]!, attempt: 'a', signal, log: () => {} };
  return { id, run: `${id}.${plan.items[0]!.shard}`, result: await runShard(context) };
}

test('a run of a sweep has the weights of "train" with the same settings and seed, and is published later with them', async () => {
  await writeFiles(`${folder}/photos`, catsAndDogs(40));
  const data = `${folder}/photos`;
  const settings = { recipe: 'tiny', set: ['epochs=0.1', 'engine=auto'], seed: 3 };
  const quiet = new Writable({ write: (_chunk, _encoding, done) => done() }) as unknown as WriteStream;
  const { signal } = new AbortController();
  const alone = await trainHere(
    { ...settings, data, from: 'none', out: `${folder}/other`, run: 'alone' },
    { signal, stream: quiet },
  );
  const digestIn = async (where: ObjectStore, version: string) =>
    digestOf(decodeWeights((await readVersion(where, version)).file('weights.safetensors')).weights);
  const expected = await digestIn(
    folderStore(`${folder}/other`),
    alone.status === 'finished' ? alone.result.version : '',
  );

  const packed = await packDataset(store, await openDataset(data));
  const item = { ...settings, name: 'a', group: 'a', data: packed, from: 'none' };
  const { id, run, result } = await doShard(item);
  expect(SweepResult.parse(result)).toMatchObject({ run, kept: { sha256: expected } });
  expect(await listVersions(store)).toEqual([]);
  expect((await doShard(item)).result).toEqual(result); // Its process may have been killed before the result was stored.

  // Its checkpoints may be gone by then: it is trained again.
  for await (const { key } of store.list(`runs/${run}/checkpoint`)) await store.delete(key);
  const published = await doShard(item, { publishes: id });
  expect(published.id).not.toBe(id);
  const { version, accuracy } = (await readResult(store, run))!;
  expect(published.result).toEqual({ run, version, accuracy });
  expect(await digestIn(store, version)).toBe(expected);
  expect(await readAlias(store, 'candidate')).toBeUndefined();
  expect((await doShard(item, { publishes: id })).result).toEqual(published.result);
  expect(await listVersions(store)).toEqual([version]);
});
