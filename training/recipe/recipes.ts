import type * as z from 'zod/mini';
import { cifar10Images, type ImageSet } from '../data/image-set.ts';
import { changedNet } from '../nets/changed-net.ts';
import type { Net } from '../nets/net.ts';
import { withStandardization } from '../nets/standardization.ts';
import { withoutWhitening } from '../nets/whitening.ts';
import { nets } from './nets.ts';
import type { settingsSchema } from './settings-schema.ts';

/** All settings of a run, besides its seed and data. `settings-schema.ts` says what each means and may be. */
export type Recipe = Readonly<z.output<typeof settingsSchema>>;

/**
 * The post's recipe: plain SGD on images as they are. Like the post, it holds out 10,000 images.
 *
 * @see "[Deep Learning Lab] Episode-2: CIFAR-10", Furkan Kınlı, 2018
 */
const seed: Recipe = {
  net: 'seed',
  widths: [64, 256, 256],
  activation: 'default',
  dropout: 'default',
  batchNormalization: 'default',
  logitScale: 'default',
  imageSize: 32,
  fit: 'crop',
  engine: 'tensorflow',
  epochs: 100,
  budget: 0,
  batchSize: 64,
  heldOut: 10_000,
  patience: 0,
  keep: 'last',
  precision: 'float32',
  filterGradient: 'convolution',
  convolutions: 'direct',
  optimizer: 'sgd',
  learningRate: 0.01,
  momentum: 0.9,
  nesterov: false,
  muonLearningRate: 0.24,
  muonMomentum: 0.6,
  weightDecay: 0,
  normLearningRate: 1,
  schedule: 'constant',
  startLearningRate: 0.2,
  peak: 0.23,
  endLearningRate: 0.07,
  floorLast: 0,
  lowerAt: [0.5, 0.75],
  lowerBy: 0.1,
  lowerPatience: 10,
  labelSmoothing: 0,
  classWeights: 'none',
  standardize: 'default',
  whitening: 'on',
  whiteningBiasEpochs: 3,
  lookahead: 0,
  lookaheadDecay: 0,
  lookaheadLast: 1,
  averageLast: 0,
  averageDecay: 0,
  freeze: 'none',
  probeEpochs: 0,
  bodyLearningRate: 1,
  flip: 'none',
  verticalFlip: 'none',
  translate: 0,
  randomCrop: 0,
  zoom: [0, 0],
  rotate: 0,
  randAugment: [0, 0],
  colorJitter: [0, 0, 0, 0],
  cutout: 0,
  resolutions: 'whole',
  views: 'plain',
  batchPreparation: 'auto',
  checkpointSeconds: 60,
};

/**
 * Airbench94's method. Its learning rate of 11.5 is for 1,024 images and divided by the reach of the momentum,
 * 1 + 1 / (1 - 0.85): for the mean of 512 images that is 0.75. Its decay of 0.0153 becomes 0.00133 in the same way.
 *
 * @see Keller Jordan, arXiv:2404.00498, appendix A
 */
const airbench: Recipe = {
  ...seed,
  net: 'airbench',
  precision: 'auto',
  batchSize: 512,
  heldOut: 5_000,
  learningRate: 0.75,
  momentum: 0.85,
  nesterov: true,
  weightDecay: 0.00133,
  normLearningRate: 64,
  schedule: 'triangle',
  labelSmoothing: 0.2,
  lookahead: 5,
  flip: 'alternating',
  translate: 2,
};

/**
 * Airbench with Muon, as in airbench94_muon.py: the learning rate falls linearly from its highest value to zero. There the
 * head's is 0.67, for the sum over a batch and logits of 1/256 of those here; both learning rates were chosen again on the
 * held-out images, for as few as two epochs.
 *
 * @see Keller Jordan, `airbench94_muon.py`
 */
const muon: Recipe = {
  ...airbench,
  optimizer: 'muon',
  batchSize: 256,
  learningRate: 0.4,
  muonLearningRate: 0.16,
  startLearningRate: 1,
  peak: 0,
  endLearningRate: 0,
  whiteningBiasEpochs: 1,
  translate: 1,
};

/** Two epochs, the base of what docs/the-post.md compares. Like all of these, it was chosen on the held-out images. */
const short: Recipe = { ...muon, widths: [32, 64, 64], epochs: 2 };

/** The training images of CIFAR-10, the held-out ones included. */
export const CIFAR10_TRAIN = 50_000;

/** Those that most recipes leave for training. */
export const CIFAR10_IMAGES = CIFAR10_TRAIN - airbench.heldOut;

/**
 * Airbench with Muon on images that grow, at the rates of airbench94_muon.py carried over from its 200 steps of 2,000 images: what
 * steps add up to grows with the square root of their number, as noise does, so the rates fall with it; and decay takes the same in all.
 *
 * @see Keller Jordan, `airbench94_muon.py`; fulcrumresearch/cifar-10-speedrun (growing images)
 */
function growing(
  changes: Pick<Recipe, 'widths' | 'epochs'> & Partial<Pick<Recipe, 'heldOut' | 'colorJitter'>>,
): Recipe {
  const { epochs, heldOut, batchSize } = { ...muon, ...changes };
  const steps = (epochs * (CIFAR10_TRAIN - heldOut)) / batchSize;
  const rounded = (value: number) => Number(value.toPrecision(2));
  const learningRate = rounded(8.26 / Math.sqrt(steps));
  return {
    ...muon,
    ...changes,
    learningRate,
    muonLearningRate: rounded(3.39 / Math.sqrt(steps)),
    weightDecay: rounded(0.8 / (learningRate * steps)),
    whiteningBiasEpochs: rounded(0.3 * epochs),
    lookahead: 0,
    translate: 2,
    resolutions: [24, 28, 32],
    logitScale: 0.1667,
    convolutions: 'winograd',
  };
}

/** 86 % after the work of 137,000 images. */
const minute = growing({ widths: [32, 64, 64], epochs: 4 });

/** 90 %, and 91 % with test-time augmentation, after the work of 204,000 images. */
const quick = growing({ widths: [32, 128, 128], epochs: 6 });

/** 91.8 %, and 92.8 % with test-time augmentation, after the work of 341,000 images. */
const c92 = growing({ widths: [64, 128, 128], epochs: 10 });

/** 94 % with test-time augmentation, after the work of 367,000 images. */
const c94 = growing({
  ...{ widths: [64, 256, 256], epochs: 9.9, colorJitter: [0.07, 0.13, 0, 0] },
  // Enough to fit the temperature; everything was chosen with more.
  heldOut: 1_000,
});

/** Small enough to train in minutes on WebAssembly, where there is no native TensorFlow: 72 % in one epoch. */
const tiny: Recipe = {
  ...seed,
  net: 'tiny',
  engine: 'auto',
  epochs: 1,
  heldOut: 5_000,
  learningRate: 0.2,
  nesterov: true,
  weightDecay: 0.0005,
  schedule: 'triangle',
  labelSmoothing: 0.1,
  flip: 'alternating',
};

/** Each recipe is a diff from the one that it is most like. */
export const recipes = { seed, short, minute, quick, c92, c94, tiny } as const;

/** @param images that the net classifies */
export function netOf(recipe: Recipe, images: ImageSet = cifar10Images): Net {
  const { net, widths, standardize, whitening } = recipe;
  const made = changedNet(nets[net](images, widths), recipe);
  const whitened = whitening === 'on' ? made : withoutWhitening(made);
  return standardize === 'default' ? whitened : withStandardization(whitened, standardize === 'on', images);
}
