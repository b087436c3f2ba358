import { type Graph, type Shape, sameShape, show, type Value } from '../builder/graph.ts';
import { everyPixel } from './every-pixel.ts';
import { product } from './matmul.ts';
import { pad, reshape, slice, stack } from './shape.ts';
import {
  type ConvolutionOptions,
  convolutionShape,
  fourAxes,
  type KernelGradientForm,
  slidingAttributes,
  windows,
} from './sliding.ts';

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
  const form = options.kernelGradient?.(convolutionShape(graph, images, { shape: kernel }, options)) ?? 'convolution';
  return kernelGradientBy[form](graph, images, kernel, upstream, options);
}

type GradientOf = (graph: Graph, images: Value, kernel: Shape, upstream: Value, options: ConvolutionOptions) => Value;

export const kernelGradientBy: Readonly<Record<KernelGradientForm, GradientOf>> = {
  /**
   * Where a kernel of one pixel skips pixels, they are left out first: TensorFlow 2.21's own way, in oneDNN without AVX-512, writes
   * beyond its memory for some sizes (6x6 pixels, 2 channels, 3 filters), and gives other gradients from one time to the next.
   */
  convolution(graph, images, kernel, upstream, options) {
    const skips = kernel[0] === 1 && kernel[1] === 1 && options.stride > 1;
    const taken = skips ? everyPixel(graph, images, options.stride) : images;
    return graph.value({
      op: 'Conv2DBackpropFilter',
      inputs: [taken, graph.integers(kernel), upstream],
      shape: kernel,
      type: images.type,
      attributes: slidingAttributes(taken, skips ? { ...options, stride: 1 } : options),
    });
  },

  /**
   * A pixel of the kernel meets the images moved by its place: their pixels as rows, transposed, times those of the upstream
   * gradient. For kernels that move by one pixel at a time.
   */
  products(graph, images, kernel, upstream, options) {
    const [batch, height, width, channels] = fourAxes(graph, 'Images', images);
    const [rows, columns, , filters] = fourAxes(graph, 'A kernel', { shape: kernel });
    const [, down, right] = fourAxes(graph, 'A gradient', upstream);
    if (options.stride !== 1) graph.fail(`Products take a stride of 1, not ${options.stride}.`);
    const expected = [batch, windows(graph, height, rows, options), windows(graph, width, columns, options), filters];
    if (!sameShape(upstream.shape, expected))
      graph.fail(`A gradient ${show(upstream.shape)} is not ${show(expected)}.`);
    const around = (size: number): [number, number] =>
      options.padding === 'valid' ? [0, 0] : [Math.floor((size - 1) / 2), Math.ceil((size - 1) / 2)];
    const padded = pad(graph, images, [[0, 0], around(rows), around(columns), [0, 0]]);
    const slopes = reshape(graph, upstream, [batch * down * right, filters]);
    const products = Array.from({ length: rows * columns }, (_, place) => {
      const begin = graph.integers([0, Math.floor(place / columns), place % columns, 0]);
      const moved = slice(graph, padded, begin, [batch, down, right, channels]);
      const pixels = reshape(graph, moved, [batch * down * right, channels]);
      return product(graph, pixels, slopes, { transposeOne: true }); // [in, out]
    });
    return reshape(graph, stack(graph, products), kernel);
  },
};
