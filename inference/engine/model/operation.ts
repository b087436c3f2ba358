import type { Weight } from './layers-model.ts';

/** Of an image or a feature map. */
export interface Shape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** Activation functions, by their kernels' names. */
export type Activation = 'relu' | 'gelu' | 'silu' | 'elu';

/** The input's name where an operation reads the image. */
export const IMAGE = '';

/** One operation; its output has the same name. */
export type Operation = {
  readonly name: string;
  /** Names of its inputs; only a sum has more than one. */
  readonly inputs: readonly string[];
  readonly output: Shape;
} & (
  | Convolution
  | Pooling
  | Dense
  | { readonly kind: 'activation'; readonly function: Activation }
  | Affine
  /** The sum of inputs of one shape. */
  | { readonly kind: 'sum' }
);

export interface Convolution {
  readonly kind: 'convolution';
  readonly stride: number;
  readonly padding: Padding;
  /** `[height, width, in, out]` */
  readonly kernel: Weight;
  /** `[out]` */
  readonly bias: Float32Array;
  /** Followed by ReLU. */
  readonly isRectified: boolean;
}

/** One value for each window, channel by channel. Only pixels inside the feature map count. */
export interface Pooling {
  readonly kind: 'pool';
  readonly function: 'max' | 'average';
  readonly size: Extent;
  readonly stride: Extent;
  readonly padding: Padding;
}

/** Pixels, in each direction. */
export type Extent = Pick<Shape, 'height' | 'width'>;

export interface Dense {
  readonly kind: 'dense';
  /** `[in, out]` */
  readonly kernel: Weight;
  readonly bias: Float32Array;
  readonly isRectified: boolean;
}

/** `x scale + shift`: per channel, or per value of a flattened feature map, `[height, width, channels]`. */
export interface Affine {
  readonly kind: 'affine';
  readonly scale: readonly number[];
  readonly shift: readonly number[];
}

/** Rows and columns of zeros before the first pixel. */
export interface Padding {
  readonly top: number;
  readonly left: number;
}

export interface LoweredModel {
  readonly input: Shape;
  /** `x scale + shift` of the image's bytes, per channel, before the operations. */
  readonly preparation: Pick<Affine, 'scale' | 'shift'>;
  /** Each after its inputs; the last one computes the logits. */
  readonly operations: readonly Operation[];
  readonly classes: number;
}
