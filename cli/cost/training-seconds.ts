import { cifar10Images } from '#training/data/image-set.ts';
import { layerTable } from '#training/nets/layer-table.ts';
import type { Net } from '#training/nets/net.ts';
import { CIFAR10_TRAIN, netOf, type Recipe } from '#training/recipe/recipes.ts';
import { workOf } from '#training/run/work.ts';

/**
 * Seconds to train on an image of 32x32 pixels on two cores: what each costs whatever the net, and what a million
 * multiplications of the net's forward pass cost. Fitted to the times in docs/results.md (The recipes), which it meets within 4 %.
 */
const IMAGE_SECONDS = 173e-6;
const MILLION_SECONDS = 15.2e-6;
/** How much longer a step takes in float32 than in bfloat16: 64/128/128 in docs/results.md (One training step). */
const FLOAT32 = 1.75;

/** Seconds of a run that are no training: its start with the data, and the share that validation takes besides. */
const START_SECONDS = 10;
const VALIDATION = 0.08;
/** Images whose training takes as long as the test: 10,000 images in six versions, forwards only. */
const TEST_IMAGES = 40_000;

export interface RunTime {
  /** Training images of the data set, the held-out ones included. @default CIFAR-10's 50,000 */
  readonly images?: number | undefined;
  /** Whether the run reads its test images and publishes a version. */
  readonly hasTest: boolean;
  /** How many times as fast the machine trains as those two cores. @default 1 */
  readonly speed?: number | undefined;
}

/** Seconds that a run with these settings takes, from its start to its end. */
export function runSeconds(settings: Recipe, { images, hasTest, speed = 1 }: RunTime): number {
  const training = settings.budget > 0 ? settings.budget : trainingSeconds(settings, images) / speed;
  const test = hasTest ? (TEST_IMAGES * secondsAnImage(settings)) / speed : 0;
  return START_SECONDS + (1 + VALIDATION) * training + test;
}

/** Seconds of the steps and their batches, without a time limit, on two cores. @param images as in {@link RunTime} */
export function trainingSeconds(settings: Recipe, images = CIFAR10_TRAIN): number {
  // Each of the sizes that images grow to is one step of so short a run.
  const sizes = settings.resolutions === 'whole' ? 1 : settings.resolutions.length;
  const work = workOf(netFor(settings), settings).from(0, sizes) / sizes;
  return settings.epochs * Math.max(0, images - settings.heldOut) * work * secondsAnImage(settings);
}

function netFor(settings: Recipe): Net {
  const [, , channels] = cifar10Images.size;
  return netOf(settings, { ...cifar10Images, size: [settings.imageSize, settings.imageSize, channels] });
}

function secondsAnImage(settings: Recipe): number {
  const { imageSize, precision } = settings;
  const millions = layerTable(netFor(settings)).reduce((sum, row) => sum + multiplications(row), 0) / 1e6;
  const seconds = IMAGE_SECONDS * (imageSize / 32) ** 2 + MILLION_SECONDS * millions;
  return precision === 'float32' ? FLOAT32 * seconds : seconds;
}

/** Each weight of a convolution is used at each place of its output. */
function multiplications({ output, parameters }: ReturnType<typeof layerTable>[number]): number {
  return parameters * output.slice(0, -1).reduce((places, length) => places * length, 1);
}
