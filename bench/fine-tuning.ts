import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { folderStore } from '#models/stores/folder-store.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { type Dataset, type Split, slice } from '#training/data/dataset.ts';
import { loadCifar10 } from '#training/datasets/cifar10/cifar10.ts';
import { logitsOf } from '#training/evaluation/evaluate.ts';
import { agreement, topClasses } from '#training/evaluation/measure.ts';
import { type ResolvedRecipe, resolveContinuation, resolveRecipe } from '#training/recipe/settings.ts';
import { settingsFor } from '#training/recipe/settings-for-data.ts';
import { openAttempt } from '#training/run/attempt.ts';
import { type OpenedParent, parentFor } from '#training/run/parent.ts';
import { trainToEnd } from '#training/run/train.ts';
import { heldOutOf, subsetOf } from './class-subsets.ts';
import { writeResults } from './results.ts';
import { meanInterval95 } from './statistics.ts';

interface Options {
  /** `few`: other classes with few pictures. `added`: a class that is added to nine others. */
  readonly parts: readonly ('few' | 'added')[];
  /** Numbers of training pictures of each class. */
  readonly pictures: readonly number[];
  readonly seeds: number;
  /** Measure on training pictures that are put aside, to choose settings by, instead of on the test pictures. */
  readonly heldOut: boolean;
}

const RECIPE = 'short';
/** Of the five classes of the body, so that it takes about as many steps as the recipe does for ten. */
const BODY_EPOCHS = 3.5;
const BODY = ['airplane', 'automobile', 'bird', 'cat', 'deer'];
const OTHERS = ['dog', 'frog', 'horse', 'ship', 'truck'];
/** Training pictures of each class that are put aside. */
const HELD_OUT = 300;
/** Added to the nine others, one a seed. */
const ADDED = ['truck', 'frog', 'airplane', 'cat', 'ship'];

/** How a net comes to the other five classes. `settings` gets the number of epochs. */
const ways = {
  'from nothing': { begins: 'drawn' },
  'head alone': { begins: 'body', settings: () => ['freeze=body'] },
  'head first, then all': { begins: 'body', settings: (epochs: number) => [`probeEpochs=${0.3 * epochs}`] },
  'all, body at 0.1': { begins: 'body', settings: () => ['bodyLearningRate=0.1'] },
  'all, body at 0.3': { begins: 'body', settings: () => ['bodyLearningRate=0.3'] },
  'all, body at 1': { begins: 'body', settings: () => ['bodyLearningRate=1'] },
} satisfies Record<string, { begins: 'drawn' | 'body'; settings?: (epochs: number) => string[] }>;
type Way = keyof typeof ways;

interface Row {
  readonly pictures: number;
  readonly way: Way;
  /** Fractions, one for each seed. */
  readonly accuracy: readonly number[];
  readonly mean: number;
  readonly interval95: readonly [number, number];
}

interface Added {
  readonly added: string;
  readonly seed: number;
  /** Accuracy on the test pictures of the nine classes: before, and with ten classes to choose from. */
  readonly before: number;
  readonly after: number;
  /** Accuracy on those of the tenth. */
  readonly onAdded: number;
}

/** Measures what a body that was trained on some classes is worth for others. */
export async function benchmarkFineTuning({ parts, pictures, seeds, heldOut }: Options): Promise<void> {
  const cifar10 = await loadCifar10({ log: print });
  const folder = await mkdtemp(path.join(tmpdir(), 'cifar10-fine-tuning-'));
  try {
    const store = folderStore(folder);
    const few = parts.includes('few') ? await fewPictures(cifar10, store, { pictures, seeds, heldOut }) : [];
    const added = parts.includes('added') ? await addedClasses(cifar10, store, seeds) : [];
    const words = [`--parts ${parts.join(' ')}`, `--pictures ${pictures.join(' ')}`, `--seeds ${seeds}`];
    const command = `npm run bench -- fine-tuning ${[...words, ...(heldOut ? ['--held-out'] : [])].join(' ')}`;
    const figures = { measuredOn: heldOut ? 'held-out training pictures' : 'test pictures', few, added };
    for (const line of await writeResults('fine-tuning', command, figures)) print(line);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The body learns five classes from all their pictures; then each way learns the other five from few. */
async function fewPictures(
  cifar10: Dataset,
  store: ObjectStore,
  { pictures, seeds, heldOut }: Pick<Options, 'pictures' | 'seeds' | 'heldOut'>,
): Promise<Row[]> {
  const base = subsetOf(cifar10, { classes: BODY });
  const bodyRecipe = resolveRecipe(RECIPE, ['heldOut=0', `epochs=${BODY_EPOCHS}`]);
  const body = await trainOn(base, { recipe: bodyRecipe, seed: 1, store, measured: [base.test] });
  print(`body: ${percent(body.accuracy[0]!)} of the test pictures of ${BODY.join(', ')}`);
  const rows: Row[] = [];
  for (const count of pictures) {
    const accuracies = new Map<Way, number[]>();
    for (let seed = 1; seed <= seeds; seed++) {
      const data = subsetOf(cifar10, { classes: OTHERS, pictures: count, seed, heldOut: HELD_OUT });
      const measured = heldOut ? heldOutOf(cifar10, OTHERS, HELD_OUT) : data.test;
      for (const way of Object.keys(ways) as Way[]) {
        const { begins, ...chosen } = ways[way];
        const from = begins === 'body' ? body.net : undefined;
        const recipe = recipeFor(data, from, 'settings' in chosen ? chosen.settings : undefined);
        const { accuracy } = await trainOn(data, { recipe, seed, store, from, measured: [measured] });
        accuracies.set(way, [...(accuracies.get(way) ?? []), ...accuracy]);
      }
    }
    for (const [way, accuracy] of accuracies) {
      const row = { pictures: count, way, accuracy, ...meanInterval95(accuracy) };
      rows.push(row);
      const range = row.interval95.map(percent).join(' to ');
      print(`${String(count).padStart(4)} pictures a class, ${way.padEnd(22)} ${percent(row.mean)} (95 %: ${range})`);
    }
  }
  return rows;
}

/** Nine classes are learned, then a tenth is added: all pictures of all ten are there. */
async function addedClasses(cifar10: Dataset, store: ObjectStore, seeds: number): Promise<Added[]> {
  const rows: Added[] = [];
  for (const [index, added] of ADDED.slice(0, seeds).entries()) {
    const seed = index + 1;
    const nine = subsetOf(cifar10, { classes: cifar10.classes.filter((name) => name !== added) });
    const ten = subsetOf(cifar10, { classes: [...nine.classes, added] });
    const old = await trainOn(nine, {
      ...{ recipe: resolveRecipe(RECIPE, ['heldOut=0']), seed, store },
      measured: [nine.test],
    });
    const count = nine.test.count; // The test pictures of the added class come after those of the others.
    const measured = [slice(ten.test, 0, count), slice(ten.test, count, ten.test.count)];
    const both = await trainOn(ten, { recipe: recipeFor(ten, old.net), seed, store, from: old.net, measured });
    const [before, after, onAdded] = [...old.accuracy, ...both.accuracy] as [number, number, number];
    const row = { added, seed, before, after, onAdded };
    rows.push(row);
    print(
      `${added} added to the nine others: ${percent(row.before)} of their test pictures before, ${percent(row.after)} after; ` +
        `${percent(row.onAdded)} of ${added}`,
    );
  }
  return rows;
}

/** The recipe as "train" resolves it for this data and parent. */
function recipeFor(
  data: Dataset,
  from: OpenedParent | undefined,
  settings: (epochs: number) => readonly string[] = () => [],
): ResolvedRecipe {
  const own = resolveRecipe(RECIPE);
  const fitting = settingsFor(data, own.settings);
  const { epochs } = resolveRecipe(RECIPE, fitting).settings;
  const set = [...fitting, ...settings(epochs)];
  return from
    ? resolveContinuation({ name: RECIPE, parent: undefined, hasNewHead: true }, set)
    : resolveRecipe(RECIPE, set);
}

interface TrainingToMeasure {
  readonly recipe: ResolvedRecipe;
  readonly seed: number;
  readonly store: ObjectStore;
  readonly from?: OpenedParent | undefined;
  readonly measured: readonly Split[];
}

let runs = 0;

/**
 * Trains as a run does, without what comes after the last step.
 *
 * @returns the net, as others can begin with it, and its accuracy on each of the measured splits
 */
async function trainOn(data: Dataset, { recipe, seed, store, from, measured }: TrainingToMeasure) {
  const run = `run-${++runs}`;
  const log = { emit() {}, async flush() {}, async flushBoard() {}, async close() {} };
  const attempt = await openAttempt(
    { recipe, seed, data, from: from && parentFor(from, data), store, run, spool: undefined },
    { log, kept: { step: 0 }, reclaim: { isCheckpointDue: () => false, close() {} } },
  );
  try {
    await trainToEnd(attempt);
    const { engine, net } = attempt;
    const accuracy: number[] = [];
    for (const split of measured) {
      const logits = await logitsOf((images) => engine.logits(images), split, net.classes);
      accuracy.push(agreement(topClasses(logits, net.classes), split.labels));
    }
    const { classes } = data;
    return {
      net: { parent: { version: run }, net, classes, weights: engine.weights() } satisfies OpenedParent,
      accuracy,
    };
  } finally {
    attempt.engine.dispose();
  }
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
