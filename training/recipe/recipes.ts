import { cifar10Images, type ImageSet } from '../data/image-set.ts';
import { airbenchNet } from '../nets/airbench.ts';
import type { Net } from '../nets/net.ts';
import { resnet9 } from '../nets/resnet9.ts';
import { resnet20 } from '../nets/resnet20.ts';
import { seedNetFor } from '../nets/seed.ts';
import { tinyNetFor } from '../nets/tiny.ts';
import { vgg } from '../nets/vgg.ts';
import type { Precision } from './precision.ts';
import type { Preparation } from './preparation.ts';

/** Everything that a run is decided by, besides the seed and the data. `settings.ts` says what each value may be. */
export interface Recipe {
  readonly net: 'seed' | 'airbench' | 'tiny' | 'resnet20' | 'vgg' | 'resnet9';
  /** Filters of the three groups of airbench's net, or of the three layers of ResNet-9; the other nets have a fixed width. */
  readonly widths: readonly [number, number, number];
  /** `auto`: TensorFlow where it is installed, else WebAssembly. */
  readonly engine: 'auto' | 'tensorflow' | 'wasm';
  /** May end within an epoch. */
  readonly epochs: number;
  /** Training seconds that the number of epochs is fitted to; 0 for as many as `epochs` says. */
  readonly budget: number;
  readonly batchSize: number;
  /** Training images set aside, to validate on and to choose the temperature by. */
  readonly heldOut: number;
  /** Epochs without a better validation after which the run ends; 0 for never. */
  readonly patience: number;
  /** Weights that are published: those of the last step, or of the epoch that validated best. */
  readonly keep: 'last' | 'best';

  /**
   * `auto`: bfloat16 where the processor or GPU multiplies it faster than float32, float16 on GPUs that do so with that
   * alone. Weights and optimizers are float32 all the same.
   */
  readonly precision: 'auto' | Precision;

  /** `muon` trains the kernels of convolutions, and SGD the rest. */
  readonly optimizer: 'sgd' | 'adamw' | 'muon';
  /** The highest of the run, for the mean loss of a batch. */
  readonly learningRate: number;
  /** Of SGD. */
  readonly momentum: number;
  /** Of SGD. */
  readonly nesterov: boolean;
  /** The highest of the run: how far a step turns a kernel. */
  readonly muonLearningRate: number;
  readonly muonMomentum: number;
  /** Share of a weight that a step takes off, as a multiple of the learning rate. */
  readonly weightDecay: number;
  /** Learning rate of batch normalisation's weights, as a multiple; their decay per step stays the same. */
  readonly normLearningRate: number;
  readonly schedule: 'constant' | 'triangle';
  /** Learning rate of a triangle at the start, as a share of the highest. */
  readonly startLearningRate: number;
  /** When a triangle is at its highest, as a share of the steps. */
  readonly peak: number;
  /** Learning rate of a triangle at the end, as a share of the highest. */
  readonly endLearningRate: number;
  readonly labelSmoothing: number;
  /** Epochs in which the bias of the whitening layer is trained; then it is a constant. */
  readonly whiteningBiasEpochs: number;
  /** Steps between two meetings of the weights and their slow average; 0 for no slow average. */
  readonly lookahead: number;

  readonly flip: 'none' | 'random' | 'alternating';
  /** Pixels. */
  readonly shift: number;

  /**
   * Where batches are prepared; it changes nothing but the speed. `inline`: between the steps. `worker`: in another thread.
   * `graph`: by the engine, which keeps the images and does many steps a call. `auto`: `graph` on a GPU, else `inline`.
   */
  readonly batches: 'auto' | Preparation;
  /** At least so many seconds lie between two checkpoints. */
  readonly checkpointSeconds: number;
}

/**
 * The post's: plain SGD on images as they are. 10,000 images are held out, as there.
 *
 * @see "[Deep Learning Lab] Episode-2: CIFAR-10", Furkan Kınlı, 2018
 */
const seed: Recipe = {
  net: 'seed',
  widths: [64, 256, 256],
  engine: 'tensorflow',
  epochs: 100,
  budget: 0,
  batchSize: 64,
  heldOut: 10_000,
  patience: 0,
  keep: 'last',
  precision: 'float32',
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
  labelSmoothing: 0,
  whiteningBiasEpochs: 3,
  lookahead: 0,
  flip: 'none',
  shift: 0,
  batches: 'auto',
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
  shift: 2,
};

/**
 * Airbench with Muon, which airbench94_muon.py has: the learning rate falls in a straight line from its highest to zero. The
 * head's is 0.67 for the sum of a batch and logits of 1/256 of what they are here; both were set anew on the held-out images,
 * for as few epochs as two.
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
  shift: 1,
};

/** At least 83 % within a minute on two cores. Chosen, as all of these, on the held-out images. */
const minute: Recipe = { ...muon, widths: [32, 64, 64], epochs: 2 };

/** At least 88 % with test-time augmentation within three minutes on two cores. */
const quick: Recipe = { ...muon, widths: [32, 128, 128], epochs: 3 };

/** At least 90 % with test-time augmentation within five minutes on two cores. */
const c90: Recipe = { ...muon, widths: [64, 128, 128], epochs: 5, whiteningBiasEpochs: 2 };

/** At least 92 % with test-time augmentation within twelve minutes on two cores. */
const c92: Recipe = { ...c90, epochs: 10, whiteningBiasEpochs: 3, shift: 2 };

/** What WebAssembly can train in minutes, where there is no native TensorFlow: 72 % in one epoch. */
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

/** Each is a diff from the one that it is like. */
export const recipes = { seed, minute, quick, c90, c92, tiny } as const;

/** @param images that the net is for */
export function netOf({ net, widths }: Recipe, images: ImageSet = cifar10Images): Net {
  switch (net) {
    case 'seed':
      return seedNetFor(images);
    case 'airbench':
      return airbenchNet(widths, images);
    case 'tiny':
      return tinyNetFor(images);
    case 'resnet20':
      return resnet20(images);
    case 'vgg':
      return vgg(images);
    case 'resnet9':
      return resnet9(widths, images);
  }
}
