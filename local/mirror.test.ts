import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { moveAlias, readAlias } from '#models/aliases.ts';
import { cifar10Data } from '#models/data-identity.ts';
import { exampleVersion } from '#models/example-version.ts';
import { readCheckpoint, writeCheckpoint } from '#models/run-checkpoints.ts';
import { openEventLog } from '#models/run-events.ts';
import { beginRun, writeResult } from '#models/runs.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import { interruptedAtPut, Killed } from '#models/stores/interrupted-store.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { listVersions, publishVersion, readVersion } from '#models/versions.ts';
import { restoreModels } from './mirror.ts';

let folder: string;
/** Replaces the bucket: a store with the same layout and contract. */
let bucket: ObjectStore;
let kept: string;
let keptStore: ObjectStore;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'cifar10-mirror-'));
  bucket = folderStore(path.join(folder, 'bucket'));
  kept = path.join(folder, 'kept');
  keptStore = folderStore(kept);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Two versions, an alias, a finished run and a running one. */
async function fill(store: ObjectStore): Promise<{ old: string; current: string }> {
  const old = await publishVersion(store, exampleVersion());
  const current = await publishVersion(store, exampleVersion({ weights: [2, -1, 0, 0, 0, 0] }));
  const first = await moveAlias(store, 'production', { to: old, by: 'test', expected: undefined });
  await moveAlias(store, 'production', { to: current, by: 'test', expected: first });
  for (const run of ['done', 'going-on']) {
    await beginRun(store, run, { recipe: 'quick', seed: 1, data: cifar10Data, settings: { epochs: 3 } });
    const events = await openEventLog(store, run);
    events.append({ at: '2026-11-23T04:12:30.000Z', type: 'started' });
    await events.close();
    await writeCheckpoint(store, run, { step: 10, body: Uint8Array.of(1, 2, 3), expected: undefined });
  }
  const at = '2026-11-23T04:12:30.000Z';
  await writeResult(store, 'done', {
    at,
    version: current,
    accuracy: { plain: 0.8, tta: 0.8 },
    trainingSeconds: 1,
    steps: 10,
  });
  return { old, current };
}

async function contents(store: ObjectStore): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const { key } of store.list('')) {
    if (key.startsWith('models/uses/')) continue; // Who was about to refer to a version matters in this store alone.
    // Each store records when a checkpoint was written.
    const text = Buffer.from((await store.get(key))?.body ?? []).toString('latin1');
    found.set(key, key.endsWith('checkpoint.json') ? text.replace(/"at": ".*?"/, '') : text);
  }
  return found;
}

test('an empty bucket gets everything back', async () => {
  const { old, current } = await fill(keptStore);
  await keptStore.put('plans/a-plan/plan.json', Buffer.from('{}'));
  await keptStore.put('batches/a-plan/answers/a.jsonl', Buffer.from('{}'));
  expect(await restoreModels(bucket, kept)).toEqual({
    versions: [old, current],
    runs: ['done', 'going-on'],
    aliases: ['production'],
    damaged: [],
  });
  expect(await contents(bucket)).toEqual(await contents(keptStore));
});

test('nothing is copied twice', async () => {
  await fill(keptStore);
  await restoreModels(bucket, kept);
  const nothing = { versions: [], runs: [], aliases: [], damaged: [] };
  expect(await restoreModels(bucket, kept)).toEqual(nothing);
});

test('an interrupted copy leaves no incomplete version, and the next copy completes it', async () => {
  const { current } = await fill(keptStore);
  let interruptions = 0;
  for (;;) {
    const next = folderStore(path.join(folder, `next-${interruptions}`));
    const end = await restoreModels(interruptedAtPut(next, interruptions), kept).catch((error: unknown) => error);
    for (const id of await listVersions(next)) await readVersion(next, id);
    const alias = await readAlias(next, 'production');
    if (alias) expect(await listVersions(next)).toContain(alias.version);
    for (const run of ['done', 'going-on']) await readCheckpoint(next, run);
    if (!(end instanceof Killed)) break;
    interruptions += 1;
    await restoreModels(next, kept);
    expect((await readAlias(next, 'production'))?.version).toBe(current);
    expect(await contents(next)).toEqual(await contents(keptStore));
  }
  expect(interruptions).toBeGreaterThan(15);
});

test('the alias that was moved last wins, in the folder or in the bucket', async () => {
  const { old, current } = await fill(keptStore);
  await restoreModels(bucket, kept);
  const inBucket = await readAlias(bucket, 'production');
  await moveAlias(bucket, 'production', { to: old, by: 'test', expected: inBucket });
  expect((await restoreModels(bucket, kept)).aliases).toEqual([]);
  expect((await readAlias(bucket, 'production'))?.version).toBe(old);
  const inFolder = await moveAlias(keptStore, 'production', {
    to: old,
    by: 'test',
    expected: await readAlias(keptStore, 'production'),
  });
  await moveAlias(keptStore, 'production', { to: current, by: 'test', expected: inFolder });
  expect((await restoreModels(bucket, kept)).aliases).toEqual(['production']);
  expect(await readAlias(bucket, 'production')).toMatchObject({ version: current, previous: old });
});

test('a damaged version is reported and not copied, nor is its alias', async () => {
  const { old, current } = await fill(keptStore);
  await writeFile(path.join(kept, 'models', current, 'weights.bin'), 'changed');
  const { versions, aliases, damaged } = await restoreModels(bucket, kept);
  expect(versions).toEqual([old]);
  expect(aliases).toEqual([]);
  expect(damaged).toEqual([expect.stringContaining(`models/${current}/weights.bin`)]);
});

test('only the new objects of a running run are copied, and its last two checkpoints are kept', async () => {
  await fill(keptStore);
  await restoreModels(bucket, kept);
  const expected = await readCheckpoint(keptStore, 'going-on');
  const second = await writeCheckpoint(keptStore, 'going-on', { step: 20, body: Uint8Array.of(4), expected });
  await writeCheckpoint(keptStore, 'going-on', { step: 30, body: Uint8Array.of(5), expected: second });
  expect((await restoreModels(bucket, kept)).runs).toEqual(['going-on']);
  expect((await readCheckpoint(bucket, 'going-on'))?.step).toBe(30);
  expect(await readdir(path.join(folder, 'bucket', 'runs', 'going-on', 'checkpoints'))).toHaveLength(2);
});

test('a run with damaged checkpoints is reported, and everything else is copied', async () => {
  const { old, current } = await fill(keptStore);
  const { path: file } = (await readCheckpoint(keptStore, 'going-on'))!;
  await keptStore.put(`runs/going-on/${file}`, new Uint8Array());
  const { versions, runs, aliases, damaged } = await restoreModels(bucket, kept);
  expect({ versions, runs, aliases }).toEqual({
    versions: [old, current],
    runs: ['done', 'going-on'],
    aliases: ['production'],
  });
  expect(damaged).toEqual([expect.stringContaining(`runs/going-on/${file} is missing or not what was written`)]);
});

test('a file that is rewritten during a run is copied again', async () => {
  await fill(keptStore);
  await keptStore.put('runs/going-on/history.csv', Buffer.from('epoch,loss\n1,2.0\n'));
  await restoreModels(bucket, kept);
  await keptStore.put('runs/going-on/history.csv', Buffer.from('epoch,loss\n1,1.0\n'));
  expect((await restoreModels(bucket, kept)).runs).toEqual(['going-on']);
  expect(await readFile(path.join(folder, 'bucket', 'runs/going-on/history.csv'), 'utf8')).toContain('1,1.0');
});

test('a result that is stored meanwhile is not copied without its rows', async () => {
  await keptStore.put('plans/a-plan/plan.json', Buffer.from('{}'));
  const meanwhile: ObjectStore = {
    ...bucket,
    async *list(prefix) {
      if (prefix === 'plans/') {
        await keptStore.put('batches/a-plan/answers/a.jsonl', Buffer.from('{}'));
        await keptStore.put('plans/a-plan/results/a.json', Buffer.from('{}'));
      }
      yield* bucket.list(prefix);
    },
  };

  await restoreModels(meanwhile, kept);

  expect(await bucket.get('plans/a-plan/plan.json')).toBeDefined();
  expect(await bucket.get('plans/a-plan/results/a.json')).toBeUndefined();
});
