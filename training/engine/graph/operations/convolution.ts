import { type Graph, type Shape, show, type Value } from '../builder/graph.ts';

export interface ConvolutionOptions {
  readonly stride: number;
  /** TensorFlow's: where the padding is odd, the larger half is below and to the right. */
  readonly padding: 'same' | 'valid';
}

/**
 * @param images `[N, H, W, in]`
 * @param kernel `[height, width, in, out]`
 * @returns `[N, H', W', out]`
 */
export function convolution(graph: Graph, images: Value, kernel: Value, options: ConvolutionOptions): Value {
  const [batch, height, width, channels] = fourAxes(graph, 'Images', images);
  const [kernelHeight, kernelWidth, taken, filters] = fourAxes(graph, 'A kernel', kernel);
  if (channels !== taken) {
    graph.fail(
      `A kernel ${show(kernel.shape)} takes ${taken} channels; the images ${show(images.shape)} have ${channels}.`,
    );
  }
  const attributes = attributesOf(images, options);
  return graph.value({
    op: 'Conv2D',
    inputs: [images, kernel],
    shape: [batch, windows(graph, height, kernelHeight, options), windows(graph, width, kernelWidth, options), filters],
    type: images.type,
    attributes,
    gradient: (upstream) => [
      () =>
        graph.value({
          op: 'Conv2DBackpropInput',
          inputs: [graph.integers(images.shape), kernel, upstream],
          shape: images.shape,
          type: images.type,
          attributes,
        }),
      () => kernelGradient(graph, images, kernel.shape, upstream, options),
    ],
  });
}

/**
 * The gradient of a convolution with respect to its kernel.
 *
 * @param upstream that of its result
 */
export function kernelGradient(
  graph: Graph,
  images: Value,
  kernel: Shape,
  upstream: Value,
  options: ConvolutionOptions,
): Value {
  return graph.value({
    op: 'Conv2DBackpropFilter',
    inputs: [images, graph.integers(kernel), upstream],
    shape: kernel,
    type: images.type,
    attributes: attributesOf(images, options),
  });
}

function attributesOf({ type }: Value, { stride, padding }: ConvolutionOptions) {
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

/**
 * Adds a bias to each channel, the last axis.
 *
 * @param bias `[channels]`
 */
export function addBias(graph: Graph, value: Value, bias: Value): Value {
  if (bias.shape.length !== 1 || bias.shape[0] !== value.shape.at(-1)) {
    graph.fail(`A bias ${show(bias.shape)} does not fit ${show(value.shape)}: it takes one for each of the last axis.`);
  }
  const { type } = value;
  const attributes = { T: { type }, data_format: 'NHWC' } as const;
  return graph.value({
    op: 'BiasAdd',
    inputs: [value, bias],
    shape: value.shape,
    type,
    attributes,
    gradient: (upstream) => [
      () => upstream,
      () => graph.value({ op: 'BiasAddGrad', inputs: [upstream], shape: bias.shape, type, attributes }),
    ],
  });
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
