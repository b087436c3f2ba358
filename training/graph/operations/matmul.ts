import { type Graph, show, type Value } from '../graph.ts';

/**
 * @param one `[n, k]`
 * @param other `[k, m]`
 * @returns `[n, m]`
 */
export function matmul(graph: Graph, one: Value, other: Value): Value {
  return product(graph, one, other, false, false, (upstream) => [
    () => product(graph, upstream, other, false, true),
    () => product(graph, one, upstream, true, false),
  ]);
}

function product(
  graph: Graph,
  one: Value,
  other: Value,
  transposeOne: boolean,
  transposeOther: boolean,
  gradient?: (upstream: Value) => readonly [() => Value, () => Value],
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
    attributes: { T: { type: 'float32' }, transpose_a: transposeOne, transpose_b: transposeOther },
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
