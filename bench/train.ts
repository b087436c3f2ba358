import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { UsageError } from '#errors/user-error.ts';
import { loadCifar10 } from '#training/data/cifar10.ts';
import { netOf, recipes } from '#training/recipes.ts';
import { type Contestant, startContestant } from './contestant.ts';
import { peersPython } from './peers.ts';

interface Options {
  /** How often each contestant is measured. */
  readonly rounds: number;
  /** Training steps a round. */
  readonly steps: number;
}

/**
 * Images a second of the seed network at its batch size, by us, Keras `fit` and PyTorch: taking turns in one run, so that
 * whatever else the machine does befalls all of them. Prints medians and ratios, and writes `results/<date>-train.json`.
 */
export async function benchmarkTraining({ rounds, steps }: Options): Promise<void> {
  const { batchSize } = recipes.seed;
  const log = (line: string) => void process.stderr.write(`${line}\n`);
  const { train } = await loadCifar10({ log });
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new UsageError(`--rounds must be a whole number from 1, not ${rounds}.`);
  if (!Number.isInteger(steps) || steps < 1 || steps * batchSize > train.count) {
    throw new UsageError(
      `--steps must be a whole number from 1 to ${Math.floor(train.count / batchSize)}, not ${steps}.`,
    );
  }
  const python = await peersPython(log);
  const folder = await mkdtemp(join(tmpdir(), 'bench-'));
  const contestants: Contestant[] = [];
  try {
    const [net, data] = [join(folder, 'net.json'), join(folder, 'train.bin')];
    await writeFile(net, JSON.stringify(netOf(recipes.seed)));
    await writeFile(data, Buffer.concat([train.labels, train.images]));
    const peers = [join(import.meta.dirname, 'train_peers.py'), net, data, String(train.count)];
    const ours = ['--import', 'tsx', join(import.meta.dirname, 'train-ours.ts')];
    contestants.push(await startContestant(process.execPath, ours));
    for (const name of ['keras', 'pytorch']) {
      contestants.push(await startContestant(python, [peers[0]!, name, ...peers.slice(1)]));
    }
    const speeds = await measure(contestants, { rounds, steps, batchSize, log });
    await report(contestants, speeds, { rounds, steps });
  } finally {
    for (const contestant of contestants) await contestant.end();
    await rm(folder, { recursive: true });
  }
}

/** @returns images a second, by contestant and round */
async function measure(
  contestants: readonly Contestant[],
  { rounds, steps, batchSize, log }: Options & { readonly batchSize: number; readonly log: (line: string) => void },
): Promise<number[][]> {
  const speeds: number[][] = contestants.map(() => []);
  for (let round = 0; round <= rounds; round++) {
    for (const [index, contestant] of contestants.entries()) {
      const { seconds } = await contestant.measure<{ seconds: number }>(steps);
      if (round === 0) continue; // In the first one kernels are chosen and caches filled.
      speeds[index]!.push((steps * batchSize) / seconds);
      log(`round ${round}/${rounds}   ${contestant.name.padEnd(30)} ${Math.round(speeds[index]!.at(-1)!)} images/s`);
    }
  }
  return speeds;
}

async function report(
  contestants: readonly Contestant[],
  speeds: readonly number[][],
  options: Options,
): Promise<void> {
  const medians = speeds.map(median);
  const results = {
    command: `npm run bench -- train --rounds ${options.rounds} --steps ${options.steps}`,
    at: new Date().toISOString(),
    commit: execFileSync('git', ['describe', '--always', '--dirty', '--abbrev=40', '--exclude=*'], {
      encoding: 'utf8',
    }).trim(),
    host: { cpu: cpus()[0]?.model.trim(), cores: cpus().length, memory: totalmem(), node: process.version },
    what: `images a second, seed network, batch ${recipes.seed.batchSize}, ${options.steps} steps a round`,
    contestants: contestants.map(({ name, version }, index) => ({
      name,
      version,
      rounds: speeds[index]!.map(Math.round),
      median: Math.round(medians[index]!),
    })),
    /** Our median by theirs: above 1 we are quicker. */
    ratios: Object.fromEntries(
      contestants
        .slice(1)
        .map(({ name }, index) => [name, Math.round((100 * medians[0]!) / medians[index + 1]!) / 100]),
    ),
  };
  const file = join('results', `${results.at.slice(0, 10)}-train.json`);
  await mkdir('results', { recursive: true });
  await writeFile(file, `${JSON.stringify(results, undefined, 2)}\n`);
  const lines = results.contestants.map(
    ({ name, version, median }) => `  ${name.padEnd(30)} ${String(median).padStart(6)} images/s   ${version}`,
  );
  const ratios = Object.entries(results.ratios).map(([name, ratio]) => `${ratio.toFixed(2)}x ${name}`);
  process.stdout.write(
    `${[
      `${results.what}, median of ${options.rounds} rounds`,
      `${results.host.cpu}, ${results.host.cores} cores, Node ${results.host.node}`,
      ...lines,
      `  we are at ${ratios.join(' and ')}`,
      `written to ${file}`,
    ].join('\n')}\n`,
  );
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
