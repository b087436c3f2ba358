import { type Graph, type Shape, show, type Value } from '../builder/graph.ts';

/**
 * How the gradient of a kernel is computed: by TensorFlow's operation for it, or as a product of matrices for each pixel of the
 * kernel. The sums are the same but for their order.
 */
export type KernelGradientForm = 'convolution' | 'products';

/** What the way to compute it is chosen by. */
export interface ConvolutionShape {
  readonly type: Value['type'];
  /** Height, width and channels of what the kernel slides over. */
  readonly images: readonly [number, number, number];
  /** `[height, width, in, out]` */
  readonly kernel: readonly [number, number, number, number];
  readonly stride: number;
}

export interface ConvolutionOptions {
  readonly stride: number;
  /** TensorFlow's: where the padding is odd, the larger half is below and to the right. */
  readonly padding: 'same' | 'valid';
  /** How the gradient of the kernel is computed. @default 'convolution' */
  readonly kernelGradient?: ((shape: ConvolutionShape) => KernelGradientForm) | undefined;
  /** Whether it is computed by Winograd's method; float32 alone is exact enough for it. @default never */
  readonly winograd?: ((shape: ConvolutionShape) => boolean) | undefined;
}

export function convolutionShape(
  graph: Graph,
  images: Value,
  kernel: Pick<Value, 'shape'>,
  { stride }: ConvolutionOptions,
): ConvolutionShape {
  const [, ...size] = fourAxes(graph, 'Images', images);
  return { type: images.type, images: size, kernel: fourAxes(graph, 'A kernel', kernel), stride };
}

/** The attributes that all operations of a convolution have. */
export function slidingAttributes({ type }: Value, { stride, padding }: ConvolutionOptions) {
  return {
    T: { type },
    strides: { integers: [1, stride, stride, 1] },
    padding: padding.toUpperCase(),
    data_format: 'NHWC',
  } as const;
}

/** How many windows fit along an axis, or begin on it. */
export function windows(graph: Graph, size: number, window: number, options: ConvolutionOptions): number {
  const { stride, padding } = options;
  if (!Number.isInteger(stride) || stride < 1) graph.fail(`A stride of ${stride}.`);
  if (padding === 'same') return Math.ceil(size / stride);
  if (window > size) graph.fail(`A window of ${window} does not fit ${size}.`);
  return Math.floor((size - window) / stride) + 1;
}

/** @throws {GraphError} it has not four */
export function fourAxes(graph: Graph, what: string, { shape }: { shape: Shape }): [number, number, number, number] {
  const [first, second, third, fourth] = shape;
  if (
    shape.length !== 4 ||
    first === undefined ||
    second === undefined ||
    third === undefined ||
    fourth === undefined
  ) {
    return graph.fail(`${what} ${show(shape)} must have four axes.`);
  }
  return [first, second, third, fourth];
}
