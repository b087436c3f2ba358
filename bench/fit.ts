import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UserError } from '#errors/user-error.ts';
import { type Fit, fits } from '#images/fit-image.ts';
import { percent } from '#models/percent.ts';
import { type RunResult, readResult } from '#models/runs.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import { writePanoramas } from './panoramas.ts';
import { writeResults } from './results.ts';

interface Options {
  readonly sizes: readonly number[];
  readonly seeds: number;
  /** Training pictures; a tenth as many are held out. */
  readonly pictures: number;
  /** Test pictures. */
  readonly test: number;
}

interface Row {
  readonly size: number;
  readonly fit: Fit;
  /** Plain test accuracies, by seed. */
  readonly accuracies: readonly number[];
  readonly mean: number;
  /** Half of the 95 % interval of the mean over seeds, by Student's t. */
  readonly within: number;
  /** Mean seconds of training. */
  readonly seconds: number;
}

/**
 * Trains `short` on long pictures with one object somewhere in each, by every size and fit, with several seeds.
 *
 * @throws {UserError} a training failed
 */
export async function benchmarkFits({ sizes, seeds, pictures, test }: Options): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'cifar10-fit-'));
  try {
    const heldOut = Math.ceil(pictures / 10);
    const table = await writePanoramas(folder, { train: pictures, heldOut, test });
    const rows: Row[] = [];
    for (const size of sizes) {
      for (const fit of fits) {
        const results: RunResult[] = [];
        for (let seed = 1; seed <= seeds; seed++) results.push(await trained(table, folder, { size, fit, seed }));
        const row = rowOf(size, fit, results);
        rows.push(row);
        const { mean, within, seconds } = row;
        process.stdout.write(
          `${size} px, ${fit.padEnd(7)}: ${percent(mean)} ± ${percent(within)} of ${test}, ${seconds.toFixed(0)} s\n`,
        );
      }
    }
    const command = `npm run bench -- fit --sizes ${sizes.join(' ')} --seeds ${seeds} --pictures ${pictures} --test ${test}`;
    process.stdout.write(`${(await writeResults('fit', command, { rows })).join('\n')}\n`);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function trained(
  table: string,
  folder: string,
  { size, fit, seed }: { readonly size: number; readonly fit: Fit; readonly seed: number },
): Promise<RunResult> {
  const run = `${size}-${fit}-${seed}`;
  const store = join(folder, 'store');
  const settings = ['--set', `imageSize=${size}`, '--set', `fit=${fit}`];
  const options = ['--data', table, '--out', store, '--run', run, '--seed', String(seed), ...settings];
  const child = spawn(
    process.execPath,
    ['--import', './setup/typescript.mjs', 'cli/cifar10.ts', 'train', 'short', ...options],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  await once(child, 'close');
  const result = await readResult(folderStore(store), run); // Also of a run that learned too little to be a candidate.
  if (result === undefined) throw new UserError(`The training ${run} failed:\n${said}`);
  return result;
}

/** Quantiles of Student's t distribution for 95 %, by degrees of freedom; beyond, the normal one is close enough. */
const STUDENT = [Number.NaN, 12.71, 4.3, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26];

function rowOf(size: number, fit: Fit, results: readonly RunResult[]): Row {
  const accuracies = results.map(({ accuracy }) => accuracy.plain);
  const count = accuracies.length;
  const mean = accuracies.reduce((sum, value) => sum + value, 0) / count;
  const variance = accuracies.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1);
  const within = (STUDENT[count - 1] ?? 1.96) * Math.sqrt(variance / count);
  const seconds = results.reduce((sum, { trainingSeconds }) => sum + trainingSeconds, 0) / count;
  return { size, fit, accuracies, mean, within, seconds };
}
