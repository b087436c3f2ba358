import { UsageError, UserError } from '#errors/user-error.ts';
import type { Split } from '#training/data/dataset.ts';
import { loadCifar10 } from '#training/datasets/cifar10/cifar10.ts';
import { fastestPrecision } from '#training/engine/graph/precision.ts';
import { peersPython } from '../peers.ts';
import { writeResults } from '../results.ts';
import { inTemporaryFolder } from '../temporary-folder.ts';
import { type Case, casesOf } from './cases.ts';
import { gemmEntries, ourEntry, peerEntries, type Starter, startAll } from './contestants.ts';
import { flopsOfImage } from './flops.ts';
import { isMeasured, measureInTurns, type Outcome } from './measure.ts';
import { type Profile, profileStep, profileText } from './profile.ts';
import { type Setting, writeData, writeSetting } from './setting.ts';
import { type CaseResult, comparisonsOf, tableOf } from './table.ts';

interface Options {
  /** Names of nets; empty for all. */
  readonly nets: readonly string[];
  /** Replaces the nets' own batch sizes. */
  readonly batch?: number;
  /** How many times each contestant is measured. */
  readonly rounds: number;
  /** Measured time of a contestant in a round. */
  readonly seconds: number;
  readonly profile: boolean;
}

/** Floating-point operations of one product of 2048x2048 matrices. */
const gemmFlops = 2 * 2048 ** 3;
const gemmProducts = 8;

interface Bench {
  readonly options: Options;
  readonly python: string;
  readonly folder: string;
  readonly train: Split;
  readonly data: Pick<Setting, 'dataFile' | 'count'>;
  /** Precisions of our contestant and of the peak: bfloat16 is measured only where it is faster on this machine, PyTorch's included. */
  readonly precisions: readonly ('float32' | 'bfloat16')[];
  readonly log: (line: string) => void;
}

/**
 * Measures the training throughput (images/s) of this project, PyTorch and Keras `fit`, each in its own process, in turn with
 * each other and with the matrix products that give the peak FLOP/s. Prints a table for each net, and writes
 * `results/<date>-train.json`; a selection of nets, or a batch size, becomes part of the file's name.
 *
 * @throws {UsageError} an option is out of range
 * @throws {UserError} the peers cannot be installed, or a contestant trains another net
 */
export async function benchmarkTraining(options: Options): Promise<void> {
  checkOptions(options);
  const cases = casesOf(options.nets, options.batch);
  const log = (line: string) => void process.stderr.write(`${line}\n`);
  const { train } = await loadCifar10({ log });
  for (const { title, recipe } of cases) {
    if (recipe.batchSize > train.count)
      throw new UsageError(`--batch must be at most the number of training images, ${train.count}: ${title}.`);
  }
  const python = await peersPython(log);
  // The contestants end by themselves when their stdin closes.
  await inTemporaryFolder(async (folder) => {
    const data = await writeData(folder, train);
    const isBfloat16Faster = fastestPrecision({ device: 'CPU' }) === 'bfloat16';
    const precisions = isBfloat16Faster ? (['float32', 'bfloat16'] as const) : (['float32'] as const);
    const bench: Bench = { options, python, folder, train, data, precisions, log };
    const results: CaseResult[] = [];
    const profiles: Profile[] = [];
    for (const each of cases) {
      const { result, settingFile } = await measureCase(bench, each);
      results.push(result);
      process.stdout.write(`${tableOf(result)}\n`);
      if (!options.profile) continue;
      for (const precision of precisions) {
        const profile = await profileStep(settingFile, precision);
        profiles.push(profile);
        process.stdout.write(`${profileText(profile)}\n`);
      }
    }
    await report(options, results, profiles);
  });
}

function checkOptions({ batch, rounds, seconds }: Options): void {
  for (const [name, value] of Object.entries({ batch, rounds })) {
    if (value !== undefined && (!Number.isInteger(value) || value < 1))
      throw new UsageError(`--${name} must be a whole number of at least 1, not ${value}.`);
  }
  if (!(seconds > 0 && seconds <= 60))
    throw new UsageError(`--seconds must be more than 0 and at most 60, not ${seconds}.`);
}

async function measureCase(bench: Bench, { name, title, recipe }: Case) {
  const { python, precisions, options, log } = bench;
  const began = performance.now();
  log(title);
  const { setting, file } = await writeSetting(bench.folder, recipe, bench.train, bench.data);
  const starters: Starter[] = [];
  const peaks: Starter[] = [];
  try {
    const ours = precisions.map((precision) => ourEntry(file, precision));
    ours.push(ourEntry(file, 'float32', { convolutions: 'winograd' }));
    const hasAutocast = precisions.includes('bfloat16');
    if (hasAutocast) ours.push(ourEntry(file, 'bfloat16', { filterGradient: 'auto' }));
    const peers = peerEntries(python, file, { hasKeras: name === 'seed', hasAutocast });
    starters.push(...(await startAll([...ours, ...peers], log)));
    peaks.push(
      ...(await startAll(
        precisions.flatMap((precision) => gemmEntries(python, precision)),
        log,
      )),
    );
    checkLosses(setting, starters);
    const most = Math.floor(bench.train.count / setting.batchSize);
    const outcomes = await measureInTurns([...starters, ...peaks], {
      ...options,
      log,
      amountOf: (starter) =>
        peaks.includes(starter)
          ? { most: gemmProducts, unit: gemmFlops / 1e9, label: 'GFLOP/s' }
          : { most, unit: setting.batchSize, label: 'images/s' },
    });
    log(`  ${title}: ${((performance.now() - began) / 1000).toFixed(0)} s in total`);
    const gemm = outcomes.slice(starters.length);
    return {
      settingFile: file,
      result: {
        title,
        net: setting.net.name,
        batchSize: setting.batchSize,
        flopsOfImage: flopsOfImage(setting.net, new Set(setting.groups.flatMap(({ weights }) => weights))),
        gemm,
        peaks: { float32: peakOf(gemm, 'float32'), bfloat16: peakOf(gemm, 'bfloat16') },
        outcomes: outcomes.slice(0, starters.length),
      } satisfies CaseResult,
    };
  } finally {
    for (const starter of [...starters, ...peaks]) if ('contestant' in starter) await starter.contestant.end();
  }
}

/** @returns GFLOP/s of the faster library, or undefined if none was measured */
function peakOf(gemm: readonly Outcome[], precision: string): number | undefined {
  const speeds = gemm.filter(isMeasured).flatMap(({ name, speed }) => (name.endsWith(precision) ? [speed] : []));
  return speeds.length > 0 ? Math.max(...speeds) : undefined;
}

/**
 * Checks that all contestants train the same net: three steps on one batch, from the same weights, must give the same losses.
 * The tolerance allows for bfloat16, which has two to three digits, and for dropout, whose random numbers differ.
 *
 * @throws {UserError} the losses of a contestant differ from ours
 */
function checkLosses({ net }: Setting, starters: readonly Starter[]): void {
  const contestants = starters.flatMap((starter) => ('contestant' in starter ? [starter.contestant] : []));
  const [ours, ...others] = contestants;
  if (ours === undefined) throw new UserError('The contestant of this project did not start.');
  const tolerance = net.layers.some(({ kind }) => kind === 'dropout') ? 0.1 : 0.02;
  for (const { name, losses } of others) {
    const isFar = losses.some((loss, step) => !(Math.abs(loss / ours.losses[step]! - 1) < tolerance));
    if (isFar || losses.length !== ours.losses.length) {
      throw new UserError(
        `${name} trains another net: its first losses are ${losses.join(', ')}, but ours are ${ours.losses.join(', ')}.`,
      );
    }
  }
}

/** Writes the results. A selection of nets, or a batch size, is in the file's name: it must not overwrite the full results. */
async function report(options: Options, cases: readonly CaseResult[], profiles: readonly Profile[]): Promise<void> {
  const { nets, batch, rounds, seconds, profile } = options;
  const given = [
    ...(nets.length > 0 ? ['--nets', ...nets] : []),
    ...(batch === undefined ? [] : ['--batch', batch]),
    ...['--rounds', rounds, '--seconds', seconds],
    ...(profile ? ['--profile'] : []),
  ];
  const name = ['train', ...nets, ...(batch === undefined ? [] : [`batch-${batch}`])].join('-');
  const made = await writeResults(name, `npm run bench -- train ${given.join(' ')}`, {
    what: 'images per second of training steps, batch preparation included; medians of the rounds',
    cases: cases.map((result) => ({ ...result, contestants: comparisonsOf(result), outcomes: undefined })),
    ...(profile && { profiles }),
  });
  process.stdout.write(`${made.join('\n')}\n`);
}
