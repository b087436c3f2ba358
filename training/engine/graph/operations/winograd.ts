import { type Graph, show, type Value } from '../builder/graph.ts';
import { sumOver } from './arithmetic.ts';
import { batchProduct, product } from './matmul.ts';
import { reshape, transpose } from './shape.ts';
import { type ConvolutionOptions, fourAxes } from './sliding.ts';
import { type AxisTransforms, axisTransforms, kronecker, type Matrix } from './winograd-transforms.ts';

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
  const [batch, height, width] = fourAxes(graph, 'Images', images);
  const [rows, columns] = fourAxes(graph, 'A kernel', kernel);
  if (rows !== 3 || columns !== 3 || stride !== 1)
    graph.fail(`Winograd's method takes a kernel of 3x3 and a stride of 1, not ${show(kernel.shape)} and ${stride}.`);
  if (padding === 'valid' && Math.min(height, width) < 3)
    graph.fail(`A window of 3 does not fit ${show(images.shape)}.`);
  const axes = { down: axisTransforms(height, padding), right: axisTransforms(width, padding) };
  const kernelThere = kernelAtPoints(graph, kernel, axes);
  const imagesThere = imagesAtPoints(graph, images, axes);
  const products = batchProduct(graph, imagesThere, kernelThere, {
    gradient: (upstream) => [
      () => batchProduct(graph, upstream, kernelThere, { transposeOther: true }),
      () => {
        const ofTiles = batchProduct(graph, imagesThere, upstream, { transposeOne: true });
        return reshape(graph, sumOver(graph, ofTiles, [1]), kernelThere.shape);
      },
    ],
  });
  return outputsOf(graph, products, batch, axes);
}

interface Axes {
  readonly down: AxisTransforms;
  readonly right: AxisTransforms;
}

/** @returns `[points, 1, points', in, out]` */
function kernelAtPoints(graph: Graph, kernel: Value, { down, right }: Axes): Value {
  const [rows, columns, channels, filters] = fourAxes(graph, 'A kernel', kernel);
  const taps = matrix(graph, kronecker(down.taps, right.taps)); // [points · points', 9]
  const atPoints = transformed(graph, taps, reshape(graph, kernel, [rows * columns, channels * filters]));
  return reshape(graph, atPoints, [down.points, 1, right.points, channels, filters]);
}

/** @returns `[points, tiles, points', tiles' · N, in]` */
function imagesAtPoints(graph: Graph, images: Value, { down, right }: Axes): Value {
  const [batch, height, width, channels] = fourAxes(graph, 'Images', images);
  const rows = reshape(graph, transpose(graph, images, [1, 2, 0, 3]), [height, width * batch * channels]);
  const rowsThere = transformed(graph, matrix(graph, down.images), rows); // [points · tiles, W · N · in]
  const columns = reshape(graph, rowsThere, [down.images.length, width, batch * channels]);
  const atPoints = transformed(graph, matrix(graph, right.images), columns); // [points · tiles, points' · tiles', N · in]
  return reshape(graph, atPoints, [down.points, down.tiles, right.points, right.tiles * batch, channels]);
}

/**
 * @param products `[points, tiles, points', tiles' · N, out]`
 * @returns `[N, H', W', out]`
 */
function outputsOf(graph: Graph, products: Value, batch: number, { down, right }: Axes): Value {
  const filters = products.shape.at(-1)!;
  const [height, width] = [down.outputs.length, right.outputs.length];
  const columnsThere = reshape(graph, products, [down.images.length, right.images.length, batch * filters]);
  const columns = transformed(graph, matrix(graph, right.outputs), columnsThere); // [points · tiles, W', N · out]
  const rowsThere = reshape(graph, columns, [down.images.length, width * batch * filters]);
  const rows = transformed(graph, matrix(graph, down.outputs), rowsThere); // [H', W' · N · out]
  return transpose(graph, reshape(graph, rows, [height, width, batch, filters]), [2, 0, 1, 3]);
}

/**
 * A constant matrix times matrices.
 *
 * @param by `[n, k]`
 * @param value `[k, m]` or `[…, k, m]`
 * @returns `[n, m]` or `[…, n, m]`
 */
function transformed(graph: Graph, by: Value, value: Value): Value {
  const productOf = value.shape.length === 2 ? product : batchProduct;
  return productOf(graph, by, value, {
    gradient: (upstream) => [undefined, () => productOf(graph, by, upstream, { transposeOne: true })],
  });
}

function matrix(graph: Graph, rows: Matrix): Value {
  return graph.constant({
    type: 'float32',
    shape: [rows.length, rows[0]!.length],
    values: Float32Array.from(rows.flat()),
  });
}
