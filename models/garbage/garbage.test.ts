import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { moveAlias, readAlias } from '../aliases.ts';
import { cifar10Data } from '../data-identity.ts';
import { deleteVersion } from '../delete-version.ts';
import { exampleVersion } from '../example-version.ts';
import { createPlan, makePlan } from '../plans/plan.ts';
import { writeCheckpoint } from '../run-checkpoints.ts';
import { beginRun, type RunArguments, writeResult } from '../runs.ts';
import { folderStore } from '../stores/folder-store.ts';
import { killableStore } from '../stores/interrupted-store.ts';
import type { ObjectStore } from '../stores/object-store.ts';
import { createSubmission } from '../submissions.ts';
import { VersionUsed } from '../version-uses.ts';
import { listVersions, publishVersion, readVersion } from '../versions.ts';
import { anyProcesses, surviveTogether, versionOf, writeFamily } from './concurrent-writers.fixture.ts';
import { deleteGarbage } from './delete-garbage.ts';
import { findGarbage, type GarbageOptions } from './find-garbage.ts';

let folder: string;
let store: ObjectStore;
/** The second began with the first, the third with the second, the fourth with the first; the fifth is in production. */
let ids: readonly [string, string, string, string, string];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'garbage-'));
  store = folderStore(folder);
  ids = (await writeFamily(folder)) as unknown as typeof ids;
});
afterEach(() => rm(folder, { recursive: true }));

const args: RunArguments = { recipe: 'quick', seed: 7, data: cifar10Data, settings: {} };
const result = {
  ...{ at: '2026-11-23T04:12:30.000Z', version: 'any', accuracy: { plain: 0.8, tta: 0.8 } },
  ...{ trainingSeconds: 1, steps: 1 },
};

/** Why each version stays. */
async function reasons(options?: GarbageOptions): Promise<Record<string, readonly string[]>> {
  return Object.fromEntries((await findGarbage(store, options)).kept.map(({ version, why }) => [version, why]));
}

describe('collecting garbage beside writers that promote, roll back, train, submit and plan', () => {
  it('takes nothing that one of them refers to, whatever is killed, and leaves nothing that none does', async () => {
    const property = fc.asyncProperty(anyProcesses, fc.scheduler(), async (processes, scheduler) => {
      expect(await surviveTogether({ folder, ids }, processes, scheduler)).toMatchObject({
        ...{ dangling: [], forgotten: [] },
      });
    });
    await fc.assert(property, { numRuns: 15 });
  });
});

describe('a writer in whose last step everything that nothing refers to is collected', () => {
  const sweep = (from: string) => {
    const item = { name: 'a', recipe: 'tiny', set: [], seed: 1, data: 'cifar10', group: '', from };
    return makePlan({ kind: 'sweep', code: '0'.repeat(64), options: {}, items: [item] });
  };
  const command = (from: string) => ['train', 'quick', '--run', 'b', '--from', from];

  it.each<[string, RegExp, (slow: ObjectStore, version: string) => Promise<unknown>]>([
    ['moves an alias', /^aliases/, (slow, to) => moveAlias(slow, 'canary', { to, by: 'ada', expected: undefined })],
    ['begins a run', /args\.json$/, (slow, version) => beginRun(slow, 'b', { ...args, parent: { version } })],
    [
      'submits a run',
      /submission\.json$/,
      (slow, from) => createSubmission(slow, 'b', { at: result.at, by: 'ada', command: command(from) }),
    ],
    ['makes a plan', /plan\.json$/, (slow, from) => createPlan(slow, sweep(from))],
  ])('%s, and has its version', async (_, last, write) => {
    const deleted: string[] = [];
    const slow: ObjectStore = {
      ...store,
      put: async (key, body, options) => {
        if (last.test(key)) {
          const { versions } = await deleteGarbage(store, await findGarbage(store));
          deleted.push(...versions.map(({ version }) => version));
          await expect(deleteVersion(store, ids[3])).rejects.toThrow(VersionUsed);
        }
        return store.put(key, body, options);
      },
    };
    await write(slow, ids[3]);
    expect(deleted.toSorted()).toEqual([ids[1], ids[2]].toSorted());
    await readVersion(store, ids[3]);
    expect((await reasons())[ids[0]]).toContain(`${ids[3]} began with it`);
  });
});

describe('a version stays', () => {
  it('if an alias points to it or remembers it', async () => {
    const expected = await readAlias(store, 'production');
    await moveAlias(store, 'production', { to: ids[3], by: 'ada', expected });
    expect(await reasons()).toEqual({
      [ids[3]]: ['production points to it'],
      [ids[0]]: [`${ids[3]} began with it`],
      [ids[4]]: ['production pointed to it before'],
    });
  });

  it('if a run that has not finished begins with it or has published it, submitted or begun', async () => {
    await beginRun(store, 'open', { ...args, parent: { version: ids[0] } });
    const child = await publishVersion(store, versionOf('open', ids[0]));
    const command = ['train', 'quick', '--run', 'waiting', '--from', ids[3]];
    await createSubmission(store, 'waiting', { at: result.at, by: 'ada', command });
    expect(await reasons()).toMatchObject({
      [child]: ['its run open has not finished'],
      [ids[0]]: expect.arrayContaining(['the run open begins with it, and has not finished', `${child} began with it`]),
      [ids[3]]: ['the run waiting begins with it, and has not finished'],
    });
    await writeResult(store, 'open', { ...result, version: child });
    expect(await reasons()).not.toHaveProperty(child);
  });

  it('if a plan that is not done names it, or a sweep has published it', async () => {
    const item = { name: 'a', recipe: 'tiny', set: [], seed: 1, data: 'cifar10', group: '' };
    const sweep = { kind: 'sweep', code: '0'.repeat(64), options: {} } as const;
    const { id } = await createPlan(store, makePlan({ ...sweep, items: [{ ...item, from: ids[0] }] }));
    const kept = await publishVersion(store, versionOf(`${id}.0123456789abcdef`, undefined));
    expect(await reasons()).toMatchObject({
      [ids[0]]: [`plan ${id} is not done`],
      [kept]: [`sweep ${id} keeps it`],
    });
  });

  it('if it is one of the newest, or not old enough', async () => {
    const newer = await publishVersion(store, exampleVersion({ createdAt: '2026-11-24T04:12:30.000Z' }));
    expect((await reasons({ keep: 1 }))[newer]).toEqual(['it is the newest']);
    expect((await reasons({ olderThan: new Date('2026-11-24T00:00:00Z') }))[newer]).toEqual([
      'it is not older than 2026-11-24T00:00Z',
    ]);
    expect(await reasons()).not.toHaveProperty(newer);
    expect(Object.keys(await reasons({ olderThan: new Date('2026-11-23T00:00:00Z') }))).toHaveLength(6);
  });
});

describe('deleting garbage', () => {
  it('takes children before what they began with, and what a killed one has left', async () => {
    const { versions } = await findGarbage(store);
    const order = versions.map(({ version }) => ids.indexOf(version));
    expect(order.indexOf(2)).toBeLessThan(order.indexOf(1));
    expect(order.indexOf(1)).toBeLessThan(order.indexOf(0));
    const { store: dying, kill } = killableStore(store, () => false);
    let left = 3;
    const killed: ObjectStore = {
      ...dying,
      delete: async (key) => {
        if (left-- === 0) kill();
        await dying.delete(key);
      },
    };
    await expect(deleteGarbage(killed, await findGarbage(store))).rejects.toThrow('Killed');
    const found = await findGarbage(store);
    expect(found.versions).toHaveLength(4);
    expect(found.versions.filter(({ card }) => card === undefined)).toHaveLength(1); // What is left has no manifest.
    await deleteGarbage(store, found);
    expect(await listVersions(store)).toEqual([ids[4]]);
  });

  it('takes the checkpoints of finished runs, what points to them first, and those of no other run', async () => {
    const body = new Uint8Array(100);
    for (const run of ['done', 'open']) {
      await beginRun(store, run, args);
      await writeCheckpoint(store, run, { step: 1, body, expected: undefined });
    }
    await writeResult(store, 'done', result);
    const { checkpoints } = await findGarbage(store);
    expect(checkpoints).toMatchObject([{ run: 'done', keys: ['runs/done/checkpoint.json', /safetensors/] }]);
    await deleteGarbage(store, { versions: [], checkpoints, kept: [] });
    expect((await findGarbage(store)).checkpoints).toEqual([]);
    const left: string[] = [];
    for await (const { key } of store.list('runs/')) left.push(key.split('/').slice(1, 3).join('/'));
    expect(left).toEqual([
      'done/args.json',
      'done/result.json',
      'open/args.json',
      'open/checkpoint.json',
      'open/checkpoints',
    ]);
  });

  it('is refused where a damaged version or run may refer to anything', async () => {
    await store.put('runs/broken/args.json', new TextEncoder().encode('{}'));
    await expect(findGarbage(store)).rejects.toThrow(/runs\/broken\/args\.json is malformed.* so nothing was deleted/);
    await store.delete('runs/broken/args.json');
    await store.put(`models/${ids[1]}/card.json`, new TextEncoder().encode('{}'));
    await expect(findGarbage(store)).rejects.toThrow(`Or delete it: "./cifar10 models delete ${ids[1]}`);
  });
});
