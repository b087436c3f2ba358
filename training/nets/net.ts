/**
 * A network, described once, as data. Three interpreters read it: the training graph (`training/graph/`), eager
 * TensorFlow.js (`training/eager/`) and the exported LayersModel (`training/layers/`).
 *
 * It takes RGB images `[N, H, W, C]` of 0–255 and gives logits `[N, classes]`.
 */
export interface Net {
  readonly name: string;
  /** Height, width and channels of an image. */
  readonly input: readonly [number, number, number];
  readonly classes: number;
  /** In order; the last one gives `[N, classes]`. */
  readonly layers: readonly Layer[];
}

export type Layer =
  | Normalization
  | Convolution
  | BatchNormalization
  | Activation
  | MaxPooling
  | Dropout
  | Flatten
  | Dense
  | Scale;

/** Layers are named, and a name is unique in its net: a weight is called `<layer>/<role>`, as in Keras. */
interface Named {
  readonly name: string;
}

/** `(x / 255 - mean) / deviation`, per channel; always the first layer. */
export interface Normalization extends Named {
  readonly kind: 'normalization';
  /** Of channel values in [0, 1]. */
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

/** Weights `<name>/kernel` `[kernel, kernel, in, filters]` and, with `bias`, `<name>/bias` `[filters]`. */
export interface Convolution extends Named {
  readonly kind: 'convolution';
  readonly filters: number;
  readonly kernel: number;
  /** @default 1 */
  readonly stride?: number;
  readonly padding: 'same' | 'valid';
  readonly bias: boolean;
  /**
   * `whitening`: the eigenvectors of the patches of the training images, and their negatives; never trained.
   * `dirac`: the identity for as many channels as there are, the rest Kaiming-uniform (airbench).
   */
  readonly init: 'glorot-uniform' | 'kaiming-uniform' | 'dirac' | 'whitening';
}

/** Weights `<name>/beta`, with `scale` `<name>/gamma`, and the running `<name>/moving_mean` and `<name>/moving_variance`. */
export interface BatchNormalization extends Named {
  readonly kind: 'batch-normalization';
  /** The share of the running statistics that a step keeps. */
  readonly momentum: number;
  readonly epsilon: number;
  readonly scale: boolean;
}

export interface Activation extends Named {
  readonly kind: 'activation';
  readonly function: 'relu' | 'gelu' | 'elu' | 'silu';
}

export interface MaxPooling extends Named {
  readonly kind: 'max-pooling';
  /** Window and stride. */
  readonly size: number;
  readonly padding: 'same' | 'valid';
}

/** Inverted dropout, keyed by [seed, step]; does nothing when the net is evaluated. */
export interface Dropout extends Named {
  readonly kind: 'dropout';
  /** The share that is set to zero, in [0, 1). */
  readonly rate: number;
}

export interface Flatten extends Named {
  readonly kind: 'flatten';
}

/** Weights `<name>/kernel` `[in, units]` and, with `bias`, `<name>/bias` `[units]`. */
export interface Dense extends Named {
  readonly kind: 'dense';
  readonly units: number;
  readonly bias: boolean;
  readonly init: 'glorot-uniform' | 'kaiming-uniform';
}

/** Multiplies by a constant. */
export interface Scale extends Named {
  readonly kind: 'scale';
  readonly by: number;
}
