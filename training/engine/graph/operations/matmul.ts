import { type Gradient, type Graph, type Shape, show, type Value } from '../builder/graph.ts';
import { broadcast } from './arithmetic.ts';

/**
 * @param one `[n, k]`
 * @param other `[k, m]`
 * @returns `[n, m]`
 */
export function matmul(graph: Graph, one: Value, other: Value): Value {
  return product(graph, one, other, {
    gradient: (upstream) => [
      () => product(graph, upstream, other, { transposeOther: true }),
      () => product(graph, one, upstream, { transposeOne: true }),
    ],
  });
}

interface ProductOptions {
  readonly transposeOne?: boolean;
  readonly transposeOther?: boolean;
  readonly gradient?: Gradient;
}

/** A product of matrices that may be taken transposed. It has the gradient that it is given. */
export function product(
  graph: Graph,
  one: Value,
  other: Value,
  { transposeOne = false, transposeOther = false, gradient }: ProductOptions = {},
): Value {
  const shape = multiplied(graph, one.shape, other.shape, { transposeOne, transposeOther });
  return graph.value({
    op: 'MatMul',
    inputs: [one, other],
    shape,
    type: one.type,
    attributes: { T: { type: one.type }, transpose_a: transposeOne, transpose_b: transposeOther },
    ...(gradient && { gradient }),
  });
}

/**
 * Products of the matrices that are the last two axes, where those before them are equal, or are repeated: they are 1, or missing, in
 * one of the two. It has the gradient that it is given.
 *
 * @param one `[…, n, k]`
 * @param other `[…, k, m]`
 * @returns `[…, n, m]`
 */
export function batchProduct(
  graph: Graph,
  one: Value,
  other: Value,
  { transposeOne = false, transposeOther = false, gradient }: ProductOptions = {},
): Value {
  const { type } = one;
  const leading = (value: Value) => ({ shape: value.shape.slice(0, -2), type: value.type });
  const repeated = broadcast(graph, 'A product', leading(one), leading(other));
  const transposed = { transposeOne, transposeOther };
  const matrices = multiplied(graph, one.shape.slice(-2), other.shape.slice(-2), transposed);
  return graph.value({
    op: 'BatchMatMulV2',
    inputs: [one, other],
    shape: [...repeated, ...matrices],
    type,
    attributes: { T: { type }, adj_x: transposeOne, adj_y: transposeOther },
    ...(gradient && { gradient }),
  });
}

function multiplied(
  graph: Graph,
  one: Shape,
  other: Shape,
  { transposeOne, transposeOther }: { readonly transposeOne: boolean; readonly transposeOther: boolean },
): [number, number] {
  const [rows, inner] = matrix(graph, one, transposeOne);
  const [matched, columns] = matrix(graph, other, transposeOther);
  if (inner !== matched) {
    graph.fail(`The product of ${show([rows, inner])} and ${show([matched, columns])}: ${inner} is not ${matched}.`);
  }
  return [rows, columns];
}

function matrix(graph: Graph, shape: Shape, transposed: boolean): [number, number] {
  const [rows, columns] = shape;
  if (shape.length !== 2 || rows === undefined || columns === undefined) {
    return graph.fail(`${show(shape)} is not a matrix.`);
  }
  return transposed ? [columns, rows] : [rows, columns];
}
