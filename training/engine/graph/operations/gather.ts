import type { Graph, Value, Variable } from '../builder/graph.ts';

/**
 * Rows of a table, as often and in the order that they are asked for.
 *
 * @param table `[N, …]`. Bytes must be in a variable: on a GPU TensorFlow gathers them from nothing else.
 * @param indices of any shape; int64, which a GPU computes with (int32 it leaves to the host)
 * @returns `[indices…, …]`
 */
export function gather(graph: Graph, table: Value | Variable, indices: Value): Value {
  const { type } = table;
  const [, ...rest] = table.shape;
  const result = { shape: [...indices.shape, ...rest], type };
  const attributes = { Tindices: { type: indices.type }, batch_dims: { integer: 0 } };
  if ('handle' in table) {
    const inputs = [table.handle, indices];
    return graph.value({
      op: 'ResourceGather',
      inputs,
      ...result,
      attributes: { ...attributes, dtype: { type }, validate_indices: true },
    });
  }
  const axis = graph.constant({ type: 'int32', shape: [], values: Int32Array.of(0) });
  return graph.value({
    op: 'GatherV2',
    inputs: [table, indices, axis],
    ...result,
    attributes: { ...attributes, Tparams: { type }, Taxis: { type: 'int32' } },
  });
}
