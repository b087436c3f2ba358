import { access, readdir } from 'node:fs/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { UsageError } from '#errors/user-error.ts';
import { code } from '#jobs/check-code.ts';
import { readAlias } from '#models/aliases.ts';
import { listPlans } from '#models/plans/list-plans.ts';
import { createPlan, makePlan } from '#models/plans/plan.ts';
import { writeResult } from '#models/plans/results.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { listVersions, readCard } from '#models/versions.ts';
import { catsAndDogs, temporaryFolder, writeFiles } from '#training/datasets/pictures/pictures.fixture.ts';
import { runProgram } from '../program.ts';
import { sweepCommand } from './sweep.ts';

let folder: string;
let remove: () => Promise<void>;
let out: string;
beforeEach(async () => {
  ({ folder, remove } = await temporaryFolder());
  out = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    out += String(chunk);
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
});
afterEach(async () => {
  vi.restoreAllMocks();
  process.exitCode = 0;
  await remove();
});

/** @returns what it prints */
async function cifar10(...argv: string[]): Promise<string> {
  out = '';
  await runProgram(argv);
  return out;
}

test('a sweep with halving trains, ranks and publishes the best run; by its id again it does nothing', {
  timeout: 480_000,
}, async () => {
  await writeFiles(`${folder}/photos`, catsAndDogs(40));
  const where = ['--store', `${folder}/store`];
  const asked = ['sweep', 'tiny', '--data', `${folder}/photos`, '--from', 'none', '--set', 'epochs=0.2', ...where];
  const grid = ['--over', 'learningRate=0.1,0.2', '--halving', '2', '--keep', 'best:1', '--yes'];
  const store = folderStore(`${folder}/store`);

  expect(await cifar10(...asked, ...grid, '--dry-run')).toMatch(
    /learningRate=0\.2 seed=1[\s\S]*\nSweep [0-9a-f]{12}: 3 runs, about .* at most \d+ at once \(.*\)\. Nothing was begun\./,
  );
  expect(await listPlans(store)).toEqual([]);

  const first = await cifar10(...asked, ...grid);
  expect(process.exitCode).toBe(0);
  const id = /^Sweep ([0-9a-f]{12})$/m.exec(first)![1]!;
  expect(first).toMatch(/^Rung 1 of 2: 2 groups, for 0\.1 epochs[\s\S]*^Rung 2 of 2: 1 group, to the end/m);
  expect(first).toContain('Publishing 1 run, tested on the test images.');
  // The receipts say how many runs are done: of each rung, and of those that are published.
  expect(first.match(/\d+ of \d+ runs? done/g)).toEqual(['2 of 2 runs done', '1 of 1 run done', '1 of 1 run done']);
  const [version] = await listVersions(store);
  expect((await readCard(store, version!)).recipe.settings).toMatchObject({ epochs: 0.2 });
  expect(await readAlias(store, 'candidate')).toBeUndefined();
  const checkpoints: string[] = [];
  for await (const { key } of store.list('runs/')) if (key.endsWith('/checkpoint.json')) checkpoints.push(key);
  expect(checkpoints).toHaveLength(1); // That of the run that is kept.

  const plans = await listPlans(store);
  expect(plans).toHaveLength(3);
  const again = await cifar10('sweep', id, ...where);
  expect(again).toContain(`Sweep ${id}`);
  expect([await listPlans(store), await listVersions(store)]).toEqual([plans, [version]]);
  expect(await cifar10('sweep', 'status', id, ...where)).toMatch(
    /^Rung 1 of 2[\s\S]*learningRate=0\.2[\s\S]*^Rung 2 of 2/m,
  );
  await cifar10('sweep', 'report', id, '--out', `${folder}/report`, ...where);
  expect((await readdir(`${folder}/report`)).sort()).toEqual(
    ['rung-1', 'rung-2'].flatMap((rung) => ['groups.csv', 'report.html', 'runs.csv'].map((name) => `${rung}-${name}`)),
  );
  await expect(cifar10('sweep', id, '--seeds', '2', ...where)).rejects.toThrow('--seeds makes another one');
});

test('a dry run of a stored sweep shows the runs that are missing, and trains nothing', async () => {
  const store = folderStore(`${folder}/store`);
  const where = ['--store', `${folder}/store`];
  const set = (rate: number) => ({ set: [`learningRate=${rate}`], name: `learningRate=${rate} seed=1` });
  const items = [0.1, 0.2].map((rate) => ({
    ...{ ...set(rate), group: `learningRate=${rate}`, recipe: 'tiny', seed: 1, data: 'cifar10', from: 'none' },
  }));
  const options = { keep: 'none', over: ['learningRate'] };
  const plan = makePlan({ kind: 'sweep', code: code(), options, items });
  const { id } = await createPlan(store, plan);
  const result = { at: new Date().toISOString(), attempt: 'a', seconds: 1, result: {} };
  await writeResult(store, id, plan.items[0]!.shard, result);
  const before = await keysOf(store);

  const shown = await cifar10('sweep', id, '--dry-run', ...where);
  expect(shown).toContain('learningRate=0.2 seed=1');
  expect(shown).not.toContain('learningRate=0.1 seed=1');
  expect(shown).toMatch(new RegExp(`^Sweep ${id}: 1 run, .*\\. Nothing was begun\\.$`, 'm'));
  expect(JSON.parse(await cifar10('sweep', id, '--dry-run', '--json', ...where))).toMatchObject({
    sweep: id,
    items: [{ name: 'learningRate=0.2 seed=1' }],
  });
  expect(await keysOf(store)).toEqual(before);
});

test.each([
  [['0123456789ab', '--on-bad', 'skip'], '--on-bad makes another one.'],
  [['tiny', '--on', 'cpu'], '--on cpu is for jobs, and with --store'],
  [['tiny', '--detach'], '--detach is for jobs, and with --store'],
  [['0123456789ab', '--detach'], 'Leave --detach out, or give --target instead of --store.'],
])('an option that would say nothing is refused: %j', async (given, message) => {
  const refused = cifar10('sweep', ...given, '--store', `${folder}/store`);
  await expect(refused).rejects.toThrow(UsageError);
  await expect(refused).rejects.toThrow(message);
});

test('the sweep files that the help names exist', async () => {
  sweepCommand().outputHelp();
  const named = out.match(/experiments\/\S+/g) ?? [];
  expect(named).not.toEqual([]);
  for (const path of named) await access(new URL(`../../${path}`, import.meta.url));
});

async function keysOf(store: ObjectStore): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list('')) keys.push(key);
  return keys;
}
