import { readdir } from 'node:fs/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { readAlias } from '#models/aliases.ts';
import { listPlans } from '#models/plans/list-plans.fixture.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import { listVersions, readCard } from '#models/versions.ts';
import { catsAndDogs, temporaryFolder, writeFiles } from '#training/datasets/pictures/pictures.fixture.ts';
import { runProgram } from '../program.ts';

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
