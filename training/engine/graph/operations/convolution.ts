import { type Graph, show, type Value } from '../builder/graph.ts';
import { kernelGradient } from './kernel-gradient.ts';
import { type ConvolutionOptions, convolutionShape, fourAxes, slidingAttributes, windows } from './sliding.ts';
import { winogradConvolution } from './winograd.ts';

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
  if (options.winograd?.(convolutionShape(graph, images, kernel, options)))
    return winogradConvolution(graph, images, kernel, options);
  const attributes = slidingAttributes(images, options);
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
