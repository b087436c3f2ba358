import { type Graph, show, type Value } from '../builder/graph.ts';

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
  readonly gradient?: (upstream: Value) => readonly [() => Value, () => Value];
}

/** A product of matrices that may be taken transposed. It has the gradient that it is given. */
export function product(
  graph: Graph,
  one: Value,
  other: Value,
  { transposeOne = false, transposeOther = false, gradient }: ProductOptions = {},
): Value {
  const [rows, inner] = matrix(graph, one, transposeOne);
  const [matched, columns] = matrix(graph, other, transposeOther);
  if (inner !== matched) {
    graph.fail(`The product of ${show([rows, inner])} and ${show([matched, columns])}: ${inner} is not ${matched}.`);
  }
  return graph.value({
    op: 'MatMul',
    inputs: [one, other],
    shape: [rows, columns],
    type: one.type,
    attributes: { T: { type: one.type }, transpose_a: transposeOne, transpose_b: transposeOther },
    ...(gradient && { gradient }),
  });
}

function matrix(graph: Graph, { shape }: Value, transposed: boolean): [number, number] {
  const [rows, columns] = shape;
  if (shape.length !== 2 || rows === undefined || columns === undefined) {
    return graph.fail(`${show(shape)} is not a matrix.`);
  }
  return transposed ? [columns, rows] : [rows, columns];
}
