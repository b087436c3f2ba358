/**
 * A network, described once, as data: a graph of layers. The interpreters that read it: the training graph
 * (`training/engine/graph/`), eager TensorFlow.js (`training/engine/eager/`), and the exports (`training/export/`).
 *
 * It takes RGB images `[N, H, W, C]` of 0–255 and returns logits `[N, classes]`.
 */
export interface Net {
  readonly name: string;
  /** Height, width and channels of an image. */
  readonly input: readonly [number, number, number];
  readonly classes: number;
  /** Each after the layers that it reads; the last one returns `[N, classes]`. */
  readonly layers: readonly Layer[];
}

export type Layer =
  | Normalization
  | Convolution
  | BatchNormalization
  | Activation
  | MaxPooling
  | AveragePooling
  | GlobalPooling
  | ChannelPadding
  | Add
  | Dropout
  | Flatten
  | Dense
  | Scale;

/** Layers are named, and a name is unique in its net: a weight is called `<layer>/<role>`, as in Keras. */
interface Named {
  readonly name: string;
  /** Names of the layers that it reads, each before it. Every layer but `add` reads one. @default the layer before it */
  readonly inputs?: readonly string[];
}

/** `(x / 255 - mean) / deviation`, per channel; always the first layer. */
export interface Normalization extends Named {
  readonly kind: 'normalization';
  /** Mean and deviation of channel values in [0, 1]. */
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

/**
 * Weights `<name>/kernel` `[kernel, kernel, in, filters]` and, with `bias`, `<name>/bias` `[filters]`.
 *
 * How the kernel is initialized:
 * - `glorot-uniform`: Keras's default (Glorot and Bengio 2010);
 * - `he-normal`: normal with variance 2 / fan-in, for ReLU (He et al. 2015, arXiv:1502.01852);
 * - `fan-in-uniform`: uniform within 1 / √fan-in, PyTorch's default (Kaiming-uniform with a = √5);
 * - `dirac`: the identity for as many channels as there are inputs, the rest `fan-in-uniform` (airbench);
 * - `whitening`: the eigenvectors of the patches of the training images, and their negatives; never trained.
 */
export interface Convolution extends Named {
  readonly kind: 'convolution';
  readonly filters: number;
  readonly kernel: number;
  /** @default 1 */
  readonly stride?: number;
  readonly padding: 'same' | 'valid';
  readonly bias: boolean;
  readonly init: 'glorot-uniform' | 'he-normal' | 'fan-in-uniform' | 'dirac' | 'whitening';
}

/** Weights `<name>/beta`, with `scale` `<name>/gamma`, and the running `<name>/moving_mean` and `<name>/moving_variance`. */
export interface BatchNormalization extends Named {
  readonly kind: 'batch-normalization';
  /** The share of the running statistics that a step keeps. */
  readonly momentum: number;
  readonly epsilon: number;
  readonly scale: boolean;
}

export const activations = ['relu', 'elu', 'gelu', 'silu'] as const;

export interface Activation extends Named {
  readonly kind: 'activation';
  readonly function: (typeof activations)[number];
}

export interface MaxPooling extends Named {
  readonly kind: 'max-pooling';
  /** Height and width of the window, in pixels. */
  readonly size: number;
  /** @default `size` */
  readonly stride?: number;
  readonly padding: 'same' | 'valid';
}

/** The mean of a window. With 'same' padding, only the pixels inside the feature map count. */
export interface AveragePooling extends Named {
  readonly kind: 'average-pooling';
  readonly size: number;
  /** @default `size` */
  readonly stride?: number;
  readonly padding: 'same' | 'valid';
}

/** One value a channel, over the whole feature map: `[N, H, W, C]` to `[N, C]`. */
export interface GlobalPooling extends Named {
  readonly kind: 'global-pooling';
  readonly function: 'max' | 'average';
}

/**
 * The identity shortcut where a residual network grows: every `stride`-th pixel, and as many channels of zeros behind the
 * given ones as make `filters`. It has no weights.
 *
 * @see He et al. 2015, arXiv:1512.03385, section 3.3, option A
 */
export interface ChannelPadding extends Named {
  readonly kind: 'channel-padding';
  readonly filters: number;
  readonly stride: number;
}

/** The sum of two or more feature maps or vectors of one shape; the only layer with several inputs. */
export interface Add extends Named {
  readonly kind: 'add';
  readonly inputs: readonly string[];
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
  readonly init: 'glorot-uniform' | 'he-normal' | 'fan-in-uniform';
}

/** Multiplies by a constant. */
export interface Scale extends Named {
  readonly kind: 'scale';
  readonly by: number;
}
