import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { median } from '#environment/median.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import type { Augmentation } from '#training/data/augmentation.ts';
import { batches, batchPlans, emptyBatch, writeBatch } from '#training/data/batches.ts';
import { type Dataset, type Split, slice } from '#training/data/dataset.ts';
import { loadCifar10 } from '#training/datasets/cifar10/cifar10.ts';
import { compileGraph } from '#training/engine/graph/engine.ts';
import { logitsOf } from '#training/evaluation/evaluate.ts';
import { measure } from '#training/evaluation/measure.ts';
import { initializeWeights } from '#training/nets/initialize.ts';
import { groupsOf, learningRatesOf } from '#training/recipe/parameter-groups.ts';
import { netOf, recipes } from '#training/recipe/recipes.ts';
import { resolveRecipe } from '#training/recipe/settings.ts';
import { settingsFor } from '#training/recipe/settings-for-data.ts';
import { openAttempt } from '#training/run/attempt.ts';
import { watchForReclaim } from '#training/run/reclaim-notice.ts';
import { trainSteps } from '#training/run/steps.ts';
import type { augmentationParts } from './augmentation-parts.ts';
import { writeResults } from './results.ts';

interface Options {
  readonly parts: readonly (typeof augmentationParts)[number][];
  readonly seeds: number;
  /** Pictures of CIFAR-10 that are trained on. */
  readonly counts: readonly number[];
  /** Epochs, as a multiple of those that a data set of this size gets. */
  readonly longer: number;
}

/** What is compared: each transform alone and all together, against what the recipe does. */
const variants: Readonly<Record<string, readonly string[]>> = {
  none: ['flip=none', 'translate=0'],
  'flip, translate': [],
  'randomCrop=0.5': ['randomCrop=0.5'],
  'colorJitter=0.2,0.2,0.2,0.05': ['colorJitter=0.2,0.2,0.2,0.05'],
  'cutout=0.25': ['cutout=0.25'],
  'randAugment=1,5': ['randAugment=1,5'],
  'crop, jitter, cutout': ['randomCrop=0.5', 'colorJitter=0.2,0.2,0.2,0.05', 'cutout=0.25'],
};

/** Measures the time that preparing batches takes, and what augmentation and class weights do for few and for unbalanced pictures. */
export async function benchmarkAugmentation({ parts, ...options }: Options): Promise<void> {
  const cifar10 = await loadCifar10();
  if (parts.includes('speed')) await measureSpeed(cifar10);
  if (parts.includes('pictures')) for (const count of options.counts) await comparePictures(cifar10, count, options);
  if (parts.includes('weights')) await compareWeights(cifar10, options);
}

/** Processor time to draw and to write a batch of 500 images, in this thread. */
async function measureSpeed({ train, images: { size } }: Dataset): Promise<void> {
  const cases: Readonly<Record<string, Augmentation>> = {
    none: { flip: 'none', translate: 0 },
    'flip, translate': { flip: 'random', translate: 2 },
    randomCrop: { flip: 'random', translate: 2, randomCrop: 0.5 },
    randAugment: { flip: 'random', translate: 2, randAugment: [2, 9] },
    colorJitter: { flip: 'random', translate: 2, colorJitter: [0.4, 0.4, 0.4, 0.1] },
    cutout: { flip: 'random', translate: 2, cutout: 0.5 },
    'all of them': {
      ...{ flip: 'random', translate: 2, randomCrop: 0.5, randAugment: [2, 9] },
      ...{ colorJitter: [0.4, 0.4, 0.4, 0.1], cutout: 0.5 },
    },
  };
  const split = slice(train, 0, 10_000);
  const rows = Object.entries(cases).map(([name, augmentation]) => {
    const options = { size: 500, imageSize: size, seed: 1, augmentation };
    const batch = emptyBatch(split, options);
    const times: number[] = [];
    for (const epoch of [0, 1, 2]) {
      const plans = batchPlans(split, { ...options, epoch });
      for (let began = process.cpuUsage(); ; began = process.cpuUsage()) {
        const { value: plan, done } = plans.next();
        if (done) break;
        writeBatch(split, plan, size, batch);
        const { user, system } = process.cpuUsage(began);
        times.push((user + system) / 1000);
      }
    }
    const milliseconds = median(times);
    print(`${name.padEnd(20)} ${milliseconds.toFixed(1)} ms of processor time a batch of 500`);
    return { name, milliseconds };
  });
  const step = await stepTime(split, size);
  print(`${'a step of short'.padEnd(20)} ${step.toFixed(1)} ms of processor time, of a batch of 500`);
  await finish('augmentation-speed', 'npm run bench -- augmentation --parts speed', { rows, step, load: loadavg() });
}

/** Processor time of a training step of `short`, of all threads, in milliseconds. */
async function stepTime(split: Split, imageSize: Dataset['images']['size']): Promise<number> {
  const { settings } = resolveRecipe('short', ['batchSize=500']);
  const net = netOf(settings);
  const groups = groupsOf(net, settings);
  const weights = initializeWeights(net, { seed: 1, images: split.images });
  const engine = await compileGraph({
    ...{ net, weights, groups, batchSize: 500, seed: 1, labelSmoothing: 0.2, reduction: 'mean', precision: 'auto' },
  });
  const learningRates = learningRatesOf(groups, settings, { step: 0, steps: 10, stepsPerEpoch: 10 });
  const options = { size: 500, imageSize, seed: 1, epoch: 0, augmentation: settings };
  const times = Array.from(batches(slice(split, 0, 4_000), options), (batch, step) => {
    const began = process.cpuUsage();
    engine.step(batch, { step, learningRates });
    const { user, system } = process.cpuUsage(began);
    return (user + system) / 1000;
  });
  engine.dispose();
  return median(times);
}

/** Trains on the same number of each class, and measures on the 5,000 images that CIFAR-10's recipes hold out. */
async function comparePictures(
  cifar10: Dataset,
  count: number,
  { seeds, longer }: Omit<Options, 'parts'>,
): Promise<void> {
  const train = firstOfEach(slice(cifar10.train, 0, 45_000), () => count / 10);
  const test = slice(cifar10.train, 45_000, 50_000);
  const found = Object.fromEntries(Object.keys(variants).map((name) => [name, [] as number[]]));
  for (let seed = 1; seed <= seeds; seed++) {
    for (const [name, changes] of Object.entries(variants)) {
      const { plain } = await trained({ ...cifar10, train, test, heldOut: 0 }, { changes, seed, longer });
      found[name]!.push(plain);
      print(`${count} pictures, seed ${seed}, ${name}: ${percent(plain)}`);
    }
    const rows = Object.entries(found).map(([name, accuracies]) => ({
      ...{ name, accuracies, mean: mean(accuracies), halfWidth95: halfWidth(accuracies) },
      overRecipe: differenceTo(found['flip, translate']!, accuracies),
    }));
    const command = `npm run bench -- augmentation --parts pictures --counts ${count} --seeds ${seeds} --longer ${longer}`;
    await finish(`augmentation-${count}-${longer}`, command, { rows, load: loadavg() });
  }
}

/** Trains on five classes with 1,000 pictures and five with 100, and measures the recall of each class on the test set. */
async function compareWeights(cifar10: Dataset, { seeds, longer }: Omit<Options, 'parts'>): Promise<void> {
  const train = firstOfEach(cifar10.train, (label) => (label < 5 ? 1_000 : 100));
  const found = { none: [] as number[][], sqrt: [] as number[][], balanced: [] as number[][] };
  for (let seed = 1; seed <= seeds; seed++) {
    for (const [kind, recalls] of Object.entries(found)) {
      const changes = [`classWeights=${kind}`];
      const { perClass } = await trained({ ...cifar10, train, heldOut: 0 }, { changes, seed, longer });
      recalls.push([...perClass]);
      print(`${kind}, seed ${seed}: ${perClass.map(percent).join(' ')}, mean ${percent(mean(perClass))}`);
    }
    const rows = Object.entries(found).map(([name, recalls]) => {
      const share = (from: number, to: number) => {
        const means = recalls.map((each) => mean(each.slice(from, to)));
        return { mean: mean(means), halfWidth95: halfWidth(means) };
      };
      return { name, recalls, frequent: share(0, 5), rare: share(5, 10), macro: share(0, 10) };
    });
    const command = `npm run bench -- augmentation --parts weights --seeds ${seeds}`;
    await finish('class-weights', command, { classes: cifar10.classes, rows, load: loadavg() });
  }
}

interface Training {
  readonly changes: readonly string[];
  readonly seed: number;
  readonly longer: number;
}

/** Trains `short`, with the settings that pictures of one's own get. @returns the evaluation of the test split, plain */
async function trained(data: Dataset, { changes, seed, longer }: Training) {
  const fitting = settingsFor(data, recipes.short);
  const { settings } = resolveRecipe('short', fitting);
  const epochs = `epochs=${longer * settings.epochs}`;
  const recipe = resolveRecipe('short', [...fitting, epochs, 'checkpointSeconds=86400', ...changes]);
  const folder = await mkdtemp(join(tmpdir(), 'cifar10-augmentation-'));
  const log = { emit: () => {}, flush: async () => {}, flushBoard: async () => {}, close: async () => {} };
  const reclaim = watchForReclaim({ metadata: undefined, emit: log.emit });
  try {
    const options = { recipe, seed, data, store: folderStore(folder), spool: undefined, run: 'run' };
    const attempt = await openAttempt(options, { log, kept: { step: 0 }, reclaim });
    try {
      await trainSteps(attempt);
      const { classes } = attempt.net;
      const logits = await logitsOf((images) => attempt.engine.logits(images), data.test, classes);
      return measure(logits, data.test.labels, { classes });
    } finally {
      attempt.engine.dispose();
    }
  } finally {
    reclaim.close();
    await rm(folder, { recursive: true });
  }
}

/** The first images of each class, in the order of the split. */
function firstOfEach({ images, labels }: Split, countOf: (label: number) => number): Split {
  const seen = new Map<number, number>();
  const chosen = [...labels.keys()].filter((image) => {
    const label = labels[image]!;
    seen.set(label, (seen.get(label) ?? 0) + 1);
    return seen.get(label)! <= countOf(label);
  });
  const bytes = images.length / labels.length;
  return {
    count: chosen.length,
    images: Uint8Array.from(Buffer.concat(chosen.map((image) => images.subarray(image * bytes, (image + 1) * bytes)))),
    labels: Uint8Array.from(chosen, (image) => labels[image]!),
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Student's t at 97.5 %, by the number of values less one. */
const STUDENT = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262];

/** Half of the 95 % interval of a mean. */
function halfWidth(values: readonly number[]): number | undefined {
  const student = STUDENT[values.length - 2];
  if (student === undefined) return undefined;
  const middle = mean(values);
  const variance = values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1);
  return student * Math.sqrt(variance / values.length);
}

/** Of runs with the same seeds. */
function differenceTo(others: readonly number[], values: readonly number[]) {
  const differences = values.map((value, index) => value - others[index]!);
  return { mean: mean(differences), halfWidth95: halfWidth(differences) };
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

async function finish(name: string, command: string, figures: object): Promise<void> {
  print((await writeResults(name, command, figures)).join('\n'));
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
