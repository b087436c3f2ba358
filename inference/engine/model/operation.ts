import type { Weight } from './layers-model.ts';

/** A size, and what a pixel holds. */
export interface Shape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** Functions that work in place, by the kernel's name. */
export type Activation = 'relu' | 'gelu' | 'silu' | 'elu';

/** What an operation reads that reads the image itself. */
export const IMAGE = '';

/** One thing to compute. Its name is that of what it gives, too. */
export type Operation = {
  readonly name: string;
  /** Names of what it reads: one thing, except for a sum. */
  readonly inputs: readonly string[];
  readonly output: Shape;
} & (
  | Convolution
  | Pooling
  | Dense
  | { readonly kind: 'activation'; readonly function: Activation }
  | Affine
  /** Of pictures of one shape. */
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
  /** Nothing below zero comes out. */
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

/** Zeros before and after, in each direction. */
export interface Padding {
  readonly top: number;
  readonly left: number;
}

export interface LoweredModel {
  readonly input: Shape;
  /** What is done to the bytes of an image, for each channel, before the operations. */
  readonly preparation: Pick<Affine, 'scale' | 'shift'>;
  /** Each after those that it reads; the last one gives the logits. */
  readonly operations: readonly Operation[];
  readonly classes: number;
}
