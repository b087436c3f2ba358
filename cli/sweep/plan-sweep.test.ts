import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { UsageError } from '#errors/user-error.ts';
import { createPlan, type PlanOf, planId } from '#models/plans/plan.ts';
import { writeResult } from '#models/plans/results.ts';
import { encodeBits, type SweepResult } from '#models/plans/sweep-result.ts';
import { readCheckpoint, writeCheckpoint } from '#models/run-checkpoints.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { catsAndDogs, writeFiles } from '#training/datasets/pictures/pictures.fixture.ts';
import { rankGroups } from '#training/record/sweep/rank-groups.ts';
import { readSweep } from '#training/record/sweep/read-sweep.ts';
import { checkRuns } from './check-runs.ts';
import type { SweepDefinition } from './definition.ts';
import { deleteCheckpoints } from './delete-checkpoints.ts';
import { rankGroups as rankOutcomes, readOutcomes, runsToKeep } from './outcomes.ts';
import { planSweep } from './plan-sweep.ts';
import { groupsOf, runsOf } from './runs-of.ts';
import { nextPlan, planPublishing, storedRungs } from './sweep-chain.ts';

const CODE = 'c'.repeat(64);
let folder: string;
let store: ObjectStore;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sweep-'));
  store = folderStore(folder);
});
afterEach(() => rm(folder, { recursive: true }));

const minute: SweepDefinition = {
  ...{ recipe: 'minute', data: 'cifar10', from: undefined, set: [], over: [], variants: [], seeds: [1] },
  ...{ keep: 'none', halving: undefined, atMost: undefined },
};
const rates = (...values: string[]) => [{ setting: 'learningRate', values }];
const check = (sweep: Partial<SweepDefinition>, isElsewhere = false) =>
  checkRuns({ ...minute, ...sweep }, { store, isElsewhere });
const plan = async (sweep: Partial<SweepDefinition>) => planSweep({ ...minute, ...sweep }, await check(sweep), CODE);

test('a grid is every variant with every combination of values, with every seed', async () => {
  const variants = [
    { name: 'plain', set: [] },
    { name: 'mirrored', set: ['flip=random'] },
  ];
  const over = [...rates('0.2', '0.4'), { setting: 'optimizer', values: ['sgd', 'muon'] }];
  const { plan: made } = await plan({ over, variants, seeds: [1, 5], set: ['epochs=1'] });
  expect(made.items).toHaveLength(16);
  expect(made.items.slice(0, 3).map(({ name }) => name)).toEqual([
    'plain learningRate=0.2 optimizer=sgd seed=1',
    'plain learningRate=0.2 optimizer=sgd seed=5',
    'plain learningRate=0.2 optimizer=muon seed=1',
  ]);
  expect(made.items.at(-1)).toMatchObject({
    name: 'mirrored learningRate=0.4 optimizer=muon seed=5',
    group: 'mirrored learningRate=0.4 optimizer=muon',
    recipe: 'minute',
    set: ['epochs=1', 'flip=random', 'learningRate=0.4', 'optimizer=muon'],
    seed: 5,
    data: 'cifar10',
    from: 'none',
  });
  expect(made.options).toEqual({ keep: 'none', over: ['flip', 'learningRate', 'optimizer'] });
  const again = await plan({ over, variants, seeds: [1, 5], set: ['epochs=1'] });
  expect(planId(again.plan)).toBe(planId(made));
});

test.each<[Partial<SweepDefinition>, string]>([
  [{ over: rates() }, 'The grid is empty: over.learningRate has no values.'],
  [{ seeds: [] }, 'The sweep has no seeds.'],
  [{ seeds: [1, 2, 1] }, 'seeds has 1 twice.'],
  [{ over: [...rates('0.1'), ...rates('0.2')] }, 'over has learningRate twice.'],
  [{ over: rates('0.1', '0.1') }, 'over.learningRate has 0.1 twice.'],
  [{ over: rates('0.1', '0.10') }, '"learningRate=0.1" and "learningRate=0.10" are the same settings.'],
  [{ over: [{ setting: 'widht', values: ['1'] }] }, 'widht=1: There is no setting "widht"; did you mean "widths"?'],
  [{ recipe: 'minut' }, 'There is no recipe "minut".'],
  [{ set: ['heldOut=0'] }, 'minute: The runs of a sweep are compared on held-out images, and heldOut=0 leaves none.'],
  [
    { over: [{ setting: 'heldOut', values: ['5000', '49900'] }], set: ['batchSize=512'] },
    'heldOut=49900: CIFAR-10 has 50000 training images: heldOut=49900 leaves no batch of batchSize=512.',
  ],
  [{ over: [{ setting: 'imageSize', values: ['64'] }] }, 'they cannot be used with imageSize=64'],
  [{ data: '/nosuch' }, 'There is no data set "/nosuch"'],
  [{ from: 'production' }, 'has no such version or alias: production'],
  [
    { over: rates('1', '2'), seeds: Array.from({ length: 500_001 }, (_, seed) => seed) },
    'The sweep has 1,000,002 runs, and 1,000,000 are the most.',
  ],
  // Before long lists are looked through.
  [{ over: rates('1', '1'), seeds: Array(500_001).fill(1) }, 'The sweep has 1,000,002 runs'],
])('what would fail later is refused before anything is stored: %#', async (sweep, message) => {
  const refused = check(sweep);
  await expect(refused).rejects.toThrow(UsageError);
  await expect(refused).rejects.toThrow(message);
  for await (const { key } of store.list('')) expect.unreachable(key);
});

test('a large grid is checked with progress, and what is kept of a group is what a plan takes', async () => {
  const many = rates(...Array.from({ length: 1001 }, (_, index) => String((index + 1) / 1000)));
  const lines: string[] = [];
  const options = { store, isElsewhere: false, progress: (line: string) => lines.push(line) };
  const groups = await checkRuns({ ...minute, over: [...many] }, options);
  expect(groups).toHaveLength(1001);
  expect(lines).toEqual(['1,000 of 1,001 groups checked']);
  expect(Object.keys(groups[0]!.settings)).toEqual(['epochs', 'budget', 'heldOut']);
});

test('a job cannot begin from a file of this machine', async () => {
  await expect(check({ from: 'parent.h5' }, true)).rejects.toThrow('A job cannot read parent.h5');
});

test('pictures are put into the store once, under an address that is the same in every store', async () => {
  await writeFiles(`${folder}/photos`, catsAndDogs(40));
  const pictures = { recipe: 'tiny', data: `${folder}/photos` };
  const [group] = await check(pictures);
  expect(group).toMatchObject({ from: 'none', data: expect.stringMatching(/^data\/photos\/[0-9a-f]{64}$/) });
  expect(await store.get(`${group!.data}/set.json`)).toBeDefined();
  expect(group!.settings.heldOut).toBeLessThan(40);
  expect(runsOf(await check(pictures), { ...minute, ...pictures })[0]!.data).toBe(group!.data);
});

/** Stores results for all runs of a plan: the accuracy by group; undefined: the run diverged. */
async function finish(made: PlanOf<'sweep'>, accuracyOf: (group: string, seed: number) => number | undefined) {
  const { id } = await createPlan(store, made);
  for (const { shard, group, seed } of made.items) {
    const accuracy = accuracyOf(group, seed);
    const right = Array.from({ length: 100 }, (_, image) => image < 100 * (accuracy ?? 0));
    const kept = { weights: 'last' as const, step: 1, epoch: 1, sha256: 'a'.repeat(64) };
    const result: SweepResult = {
      ...{ at: new Date().toISOString(), run: `${id}.${shard}`, epochs: 1, steps: 1, recoveries: 0, parameters: 1 },
      ...{ trainingSeconds: 1, wallSeconds: 1, engine: 'none', machine: { cpu: '', cores: 1, memory: 1 }, curve: [] },
      ...(accuracy === undefined
        ? { outcome: 'diverged', reason: 'The training diverged.' }
        : { outcome: 'trained', heldOut: { images: 100, accuracy, loss: 1, right: encodeBits(right) }, kept }),
    };
    await writeResult(store, id, shard, { at: result.at, attempt: 'a', seconds: 1, result });
  }
  return { id, plan: made };
}

test('halving trains all groups for a few epochs, and the best third for three times as many, up to the end', async () => {
  const values = ['0.1', '0.2', '0.3', '0.4', '0.5', '0.6', '0.7', '0.8', '0.9'];
  const over = rates(...values);
  const { plan: first, likely } = await plan({ over, seeds: [1, 2], halving: 3, set: ['epochs=9'], keep: 'best:1' });
  expect(likely.map(({ items }) => items.length)).toEqual([18, 6, 2]);
  expect(first.items[0]!.set).toEqual(['epochs=9', 'learningRate=0.1', 'epochs=1']);

  // 0.9 is best by far with one seed, and diverges with the other.
  const accuracyOf = (group: string, seed: number) => {
    const rate = Number(group.split('=')[1]);
    return rate === 0.9 ? (seed === 1 ? 0.99 : undefined) : rate;
  };
  const one = await finish(first, accuracyOf);
  const second = (await nextPlan(store, one))!;
  const groups = (items: typeof second.plan.items) => [...new Set(items.map(({ group }) => group))];
  expect(groups(second.plan.items)).toEqual(['learningRate=0.6', 'learningRate=0.7', 'learningRate=0.8']);
  expect(second.plan.items[0]!.set).toEqual(['epochs=9', 'learningRate=0.6', 'epochs=3']);
  expect(second.plan.options).toMatchObject({ halving: { factor: 3, rung: 2, rungs: 3, first: one.id } });
  expect(await storedRungs(store, one)).toEqual([one]); // Nobody has begun the next one.

  const two = await finish(second.plan, accuracyOf);
  expect((await nextPlan(store, one))!.id).toBe(two.id);
  const third = (await nextPlan(store, two))!;
  expect(third.plan.items.map(({ set }) => set)).toEqual(Array(2).fill(['epochs=9', 'learningRate=0.8']));
  const three = await finish(third.plan, accuracyOf);
  expect(await nextPlan(store, three)).toBeUndefined();
  expect((await storedRungs(store, one)).map(({ id }) => id)).toEqual([one.id, two.id, three.id]);
  // The runs of the last rung are those that a sweep of that group would have without halving.
  const whole = await plan({ over: rates('0.8'), seeds: [1, 2], set: ['epochs=9'] });
  expect(three.plan.items).toEqual(whole.plan.items);
});

test.each<[Partial<SweepDefinition>, string]>([
  [{ over: rates('0.1', '0.2') }, 'Halving by 3 keeps one of 3 groups, and there are 2.'],
  [
    { over: rates('0.1', '0.2', '0.3'), set: ['budget=1m'] },
    'halving shortens epochs, and budget=60 fits them to a time.',
  ],
  [
    { over: [{ setting: 'heldOut', values: ['100', '200', '300'] }] },
    'heldOut=200: halving compares groups on the same',
  ],
])('halving is refused where it compares nothing: %#', async (sweep, message) => {
  await expect(plan({ ...sweep, halving: 3 })).rejects.toThrow(message);
});

test('the best runs are kept, by the held-out images alone, and published by a plan of their own', async () => {
  const { plan: made } = await plan({ over: rates('0.1', '0.2', '0.3'), seeds: [1, 2] });
  const stored = await finish(made, (group, seed) =>
    group.endsWith('0.3') ? undefined : seed / 10 + Number(group.at(-1)) / 100,
  );
  const outcomes = await readOutcomes(store, stored.id, made);
  // Halving advances what the report ranks first.
  const reported = rankGroups(await readSweep(store, stored.id)).groups.map(({ group }) => group);
  expect(rankOutcomes(outcomes)).toEqual(reported);
  const names = (keep: string) => runsToKeep(outcomes, keep).map(({ name }) => name);
  expect(names('none')).toEqual([]);
  expect(names('best:3')).toEqual(['learningRate=0.2 seed=2', 'learningRate=0.1 seed=2', 'learningRate=0.2 seed=1']);
  expect(names('best:99')).toHaveLength(4);
  expect(names('all')).toHaveLength(4);
  const publishing = planPublishing(stored, outcomes, 'best:1')!;
  // The same shards: the run of a shard is found by its id.
  expect(publishing.plan.items).toEqual([made.items[3]]);
  expect(publishing.plan.options).toMatchObject({ publishes: stored.id });
  expect(planPublishing(stored, outcomes, 'none')).toBeUndefined();
});

test('checkpoints of runs that are not kept are deleted, and nothing else', async () => {
  const { plan: made } = await plan({ over: rates('0.1', '0.2') });
  const id = planId(made);
  const [one, other] = made.items.map(({ shard }) => `${id}.${shard}`);
  const files = (run: string) =>
    ['args.json', 'checkpoint.json', 'checkpoints/a', 'events/1'].map((path) => `runs/${run}/${path}`);
  for (const key of [...files(one!), ...files(other!), ...files(`${id}.another`)])
    await store.put(key, new Uint8Array(1));
  expect(await deleteCheckpoints(store, { id, plan: made }, new Set([one!]))).toBe(1);
  const left: string[] = [];
  for await (const { key } of store.list('runs/')) left.push(key);
  const gone = files(other!).slice(1, 3);
  const all = [...files(one!), ...files(other!), ...files(`${id}.another`)];
  expect(left).toEqual(all.filter((key) => !gone.includes(key)).sort());
});

test('whenever deleting checkpoints is interrupted, a run has whole checkpoints or none', async () => {
  const { plan: made } = await plan({ over: rates('0.1', '0.2', '0.3') });
  const stored = { id: planId(made), plan: made };
  const runs = made.items.map(({ shard }) => `${stored.id}.${shard}`);
  const body = new Uint8Array(1);
  for (let failing = 0; failing <= 9; failing++) {
    for (const run of runs) {
      const expected = await writeCheckpoint(store, run, { step: 1, body, expected: undefined });
      await writeCheckpoint(store, run, { step: 2, body, expected });
    }
    // Of the deletions that are in flight together, any one may be the one that is not done.
    const deletions: Promise<void>[] = [];
    const interrupted: ObjectStore = {
      ...store,
      delete: (key) => {
        const isFailing = deletions.length === failing;
        deletions.push(isFailing ? Promise.resolve() : store.delete(key));
        return isFailing ? Promise.reject(new Error('interrupted')) : deletions.at(-1)!;
      },
    };
    const deleting = deleteCheckpoints(interrupted, stored, new Set());
    if (failing < 9) await expect(deleting).rejects.toThrow('interrupted');
    else expect(await deleting).toBe(3);
    await Promise.all(deletions);
    for (const run of runs) {
      const steps = failing < 9 ? [undefined, 1, 2] : [undefined];
      expect(steps, `deletion ${failing}`).toContain((await readCheckpoint(store, run))?.step);
    }
    await deleteCheckpoints(store, stored, new Set());
  }
});

test('groups without anything to vary have the name of the recipe', () => {
  expect(groupsOf(minute)).toEqual([{ name: 'minute', set: [] }]);
});
