import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import * as z from 'zod/mini';
import { UsageError } from '#errors/user-error.ts';
import type { Card } from '#models/card.ts';
import { percent } from '#models/percent.ts';
import { openObjectStore } from '#models/stores/open.ts';
import { listVersions, readCard } from '#models/versions.ts';
import { groupBy } from '#training/data/group-by.ts';
import { CIFAR10_TRAIN } from '#training/recipe/recipes.ts';
import { type Point, type Series, timeToAccuracyChart } from './ladder/chart.ts';
import { writeResults } from './results.ts';
import { meanInterval95 } from './statistics.ts';
import { aligned } from './train/table.ts';

interface Options {
  /** A folder or `s3://<bucket>`, whose versions are the ladder's: each recipe with some seeds. */
  readonly store: string;
  /** Files of results of `ladder-peers` on this machine. */
  readonly peers: readonly string[];
  /** Draw `docs/images/time-to-accuracy.svg`, too. */
  readonly chart: boolean;
}

/** As their authors measured them, each on a machine of its own; all but DAWNBench's with test-time augmentation. */
const RECORDS: readonly Point[] = [
  { name: 'fulcrum E1, A100', seconds: 1.828, accuracy: 0.94 },
  { name: 'hiverge, A100', seconds: 2.095, accuracy: 0.9401 },
  { name: 'airbench94_muon, A100', seconds: 2.59, accuracy: 0.9401 },
  { name: 'airbench96, A100', seconds: 27.3, accuracy: 0.96 },
  { name: 'DAWNBench, 16 vCPU', seconds: 79.4 * 3600, accuracy: 0.9405 },
];

const PeersResults = z.object({
  peers: z.array(
    z.object({
      name: z.string(),
      points: z.array(z.object({ name: z.string(), seconds: z.number(), accuracy: z.number() })),
    }),
  ),
});

/** The versions of one recipe with the same settings. */
interface Rung {
  readonly recipe: string;
  readonly settings: Card['recipe']['settings'];
  readonly cards: readonly Card[];
}

/**
 * Prints the recipes that a store has CIFAR-10 versions of as a ladder: accuracy, plain and with test-time augmentation, as means over the
 * seeds with the 95 % interval of the mean; seconds of training; and the worth of all steps in whole-size images. Draws time to accuracy.
 *
 * @throws {UsageError} the store has no such versions, or a peers' file cannot be read
 */
export async function benchmarkLadder({ store: place, peers, chart }: Options): Promise<void> {
  const store = await openObjectStore(place);
  const all = await Promise.all((await listVersions(store)).map((version) => readCard(store, version)));
  const cards = all.filter(({ data }) => data.name === 'CIFAR-10');
  if (cards.length === 0)
    throw new UsageError(
      `${place} has no versions trained on CIFAR-10. Train some with ./cifar10 train minute --seed 1.`,
    );
  const rungs = rungsOf(cards)
    .map(describeRung)
    .sort((one, other) => one.imageSteps - other.imageSteps);
  const heading = ['', 'seeds', 'plain', 'with TTA', 'fastest training, s', 'image steps'];
  const rows = rungs.map((rung) => [
    rung.name,
    String(rung.seeds.length),
    withHalf(rung.plain),
    withHalf(rung.tta),
    rung.seconds.toFixed(0),
    Math.round(rung.imageSteps).toLocaleString('en'),
  ]);
  process.stdout.write(`${aligned([heading, ...rows]).join('\n')}\n`);
  const others = joined((await Promise.all(peers.map(readPeers))).flat());
  const given = [
    `--store ${place}`,
    ...(peers.length === 0 ? [] : [`--peers ${peers.join(' ')}`]),
    ...(chart ? ['--chart'] : []),
  ];
  const made = await writeResults('ladder', `npm run bench -- ladder ${given.join(' ')}`, { rungs, peers: others });
  process.stdout.write(`${made.join('\n')}\n`);
  if (!chart) return;
  const ours: Series = {
    name: 'this project',
    points: rungs.map(({ name, tta, seconds }) => ({
      ...{ name, seconds, accuracy: tta.mean },
      ...(tta.half !== undefined && { half: tta.half }),
    })),
  };
  const file = join('docs', 'images', 'time-to-accuracy.svg');
  const machine = [...new Set(rungs.flatMap(({ machines }) => machines))].join('; ');
  await writeFile(file, timeToAccuracyChart([ours, ...others], RECORDS, { machine }));
  process.stdout.write(`drawn to ${file}\n`);
}

/** In the order in which they come first. */
function rungsOf(cards: readonly Card[]): Rung[] {
  const rungs: { recipe: string; settings: Card['recipe']['settings']; cards: Card[] }[] = [];
  for (const card of cards) {
    const { name: recipe, settings } = card.recipe;
    const known = rungs.find((rung) => rung.recipe === recipe && isDeepStrictEqual(rung.settings, settings));
    if (known) known.cards.push(card);
    else rungs.push({ recipe, settings, cards: [card] });
  }
  return rungs;
}

function describeRung({ recipe, settings, cards }: Rung) {
  const mean = (of: (card: Card) => number) => meanOf(cards.map(of));
  return {
    name: recipe,
    settings,
    seeds: cards.map(({ seed }) => seed),
    epochs: cards[0]!.epochs,
    plain: mean(({ accuracy }) => accuracy.plain),
    tta: mean(({ accuracy }) => accuracy.tta),
    // Of the fastest: the runs of a rung do the same work, and what takes longer shared its machine.
    seconds: Math.min(...cards.map(({ trainingSeconds }) => trainingSeconds)),
    wallSeconds: Math.min(...cards.map(({ wallSeconds }) => wallSeconds)),
    imageSteps: mean(imageStepsOf).mean,
    engine: cards[0]!.engine,
    machines: [...new Set(cards.map(({ host }) => `${host.cpu}, ${host.cores} cores`))],
    commits: [...new Set(cards.map(({ commit }) => commit))],
  };
}

/** Where no step was on smaller images, the images of all steps. */
function imageStepsOf({ imageSteps, epochs, data, recipe }: Card): number {
  if (imageSteps !== undefined) return imageSteps;
  const batchSize = Number(recipe.settings.batchSize);
  return Math.round(epochs * Math.floor((CIFAR10_TRAIN - data.heldOut) / batchSize)) * batchSize;
}

/** @returns `half` of the 95 % interval of the mean; absent for a single value */
function meanOf(values: readonly number[]): { readonly mean: number; readonly half?: number } {
  const { mean, interval95 } = meanInterval95(values);
  return values.length < 2 ? { mean } : { mean, half: interval95[1] - mean };
}

function withHalf({ mean, half }: ReturnType<typeof meanOf>): string {
  return half === undefined ? percent(mean) : `${percent(mean)} ± ${(100 * half).toFixed(2)}`;
}

/** One series for each name, with the points of all. */
function joined(series: readonly Series[]): Series[] {
  return [...groupBy(series, ({ name }) => name)].map(([name, same]) => ({
    name,
    points: same.flatMap(({ points }) => points),
  }));
}

async function readPeers(file: string): Promise<Series[]> {
  try {
    return PeersResults.parse(JSON.parse(await readFile(file, 'utf8'))).peers;
  } catch (error) {
    const remedy = 'Measure other programs with npm run bench -- ladder-peers, and name the file that it writes.';
    throw new UsageError(`${file} is not the results of ladder-peers. ${remedy}`, { cause: error });
  }
}
