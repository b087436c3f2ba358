import { type Graph, show, type Value } from '../builder/graph.ts';
import { sumOver } from './arithmetic.ts';
import { batchProduct, product } from './matmul.ts';
import { reshape, transpose } from './shape.ts';
import { type ConvolutionOptions, fourAxes } from './sliding.ts';
import { axisTransforms, kronecker, type Matrix } from './winograd-transforms.ts';

/**
 * A convolution of 3x3 pixels with a stride of one, by Winograd's method: images and kernel are taken to points at which each
 * output needs about a quarter of the products, and what is multiplied there is taken back. So are both gradients, which are those
 * of the steps taken: the points of images and of the kernel are kept, and those of the upstream gradient serve both.
 *
 * The points lead the axes, so that a matrix of channels and filters multiplies all images at one point, and images come before
 * channels, so that the way there and back along an axis is one product with a small matrix.
 *
 * @param images `[N, H, W, in]`
 * @param kernel `[3, 3, in, out]`
 * @returns `[N, H', W', out]`
 * @see Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", arXiv:1509.09308
 */
export function winogradConvolution(
  graph: Graph,
  images: Value,
  kernel: Value,
  { stride, padding }: Pick<ConvolutionOptions, 'stride' | 'padding'>,
): Value {
  const [batch, height, width, channels] = fourAxes(graph, 'Images', images);
  const [rows, columns, , filters] = fourAxes(graph, 'A kernel', kernel);
  if (rows !== 3 || columns !== 3 || stride !== 1)
    graph.fail(`Winograd's method takes a kernel of 3x3 and a stride of 1, not ${show(kernel.shape)} and ${stride}.`);
  if (padding === 'valid' && Math.min(height, width) < 3)
    graph.fail(`A window of 3 does not fit ${show(images.shape)}.`);
  const [down, right] = [axisTransforms(height, padding), axisTransforms(width, padding)];
  const [places, acrossPlaces] = [down.points * down.tiles, right.points * right.tiles];

  const taps = matrix(graph, kronecker(down.taps, right.taps)); // [points · points', 9]
  const flatKernel = reshape(graph, kernel, [9, channels * filters]);
  const kernelAtPoints = reshape(graph, transformed(graph, taps, flatKernel), [
    ...[down.points, 1, right.points],
    ...[channels, filters],
  ]);

  const imagesLast = reshape(graph, transpose(graph, images, [1, 2, 0, 3]), [height, width * batch * channels]);
  const byRow = reshape(graph, transformed(graph, matrix(graph, down.images), imagesLast), [
    ...[places, width, batch * channels],
  ]);
  const imagesAtPoints = reshape(graph, transformed(graph, matrix(graph, right.images), byRow), [
    ...[down.points, down.tiles, right.points],
    ...[right.tiles * batch, channels],
  ]);

  const products = batchProduct(graph, imagesAtPoints, kernelAtPoints, {
    gradient: (upstream) => [
      () => batchProduct(graph, upstream, kernelAtPoints, { transposeOther: true }),
      () => {
        const ofTiles = batchProduct(graph, imagesAtPoints, upstream, { transposeOne: true });
        return reshape(graph, sumOver(graph, ofTiles, [1]), kernelAtPoints.shape);
      },
    ],
  });
  const atPoints = reshape(graph, products, [places, acrossPlaces, batch * filters]);

  const outputsAcross = reshape(graph, transformed(graph, matrix(graph, right.outputs), atPoints), [
    ...[places, right.outputs.length * batch * filters],
  ]);
  const outputs = transformed(graph, matrix(graph, down.outputs), outputsAcross);
  const shape = [down.outputs.length, right.outputs.length, batch, filters];
  return transpose(graph, reshape(graph, outputs, shape), [2, 0, 1, 3]);
}

/**
 * A constant matrix times matrices.
 *
 * @param by `[n, k]`
 * @param value `[k, m]` or `[…, k, m]`
 * @returns `[n, m]` or `[…, n, m]`
 */
function transformed(graph: Graph, by: Value, value: Value): Value {
  const multiplied = value.shape.length === 2 ? product : batchProduct;
  return multiplied(graph, by, value, {
    gradient: (upstream) => [undefined, () => multiplied(graph, by, upstream, { transposeOne: true })],
  });
}

function matrix(graph: Graph, rows: Matrix): Value {
  return graph.constant({
    type: 'float32',
    shape: [rows.length, rows[0]!.length],
    values: Float32Array.from(rows.flat()),
  });
}
