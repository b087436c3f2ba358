import { type Graph, type Shape, sameShape, show, sizeOf, type Value } from '../graph.ts';

export function reshape(graph: Graph, value: Value, shape: Shape): Value {
  if (sameShape(value.shape, shape)) return value;
  if (sizeOf(value.shape) !== sizeOf(shape)) graph.fail(`${show(value.shape)} cannot be reshaped to ${show(shape)}.`);
  return graph.value({
    op: 'Reshape',
    inputs: [value, graph.integers(shape)],
    shape,
    type: value.type,
    attributes: { T: { type: value.type }, Tshape: { type: 'int32' } },
    gradient: (upstream) => [() => reshape(graph, upstream, value.shape), undefined],
  });
}

/**
 * Zeros around a value.
 *
 * @param padding before and after, for each axis
 */
export function pad(graph: Graph, value: Value, padding: readonly (readonly [number, number])[]): Value {
  if (
    padding.length !== value.shape.length ||
    !padding.flat().every((count) => Number.isInteger(count) && count >= 0)
  ) {
    graph.fail(`${show(value.shape)} cannot be padded by ${JSON.stringify(padding)}.`);
  }
  const amounts = Int32Array.from(padding.flat());
  return graph.value({
    op: 'Pad',
    inputs: [value, graph.constant({ type: 'int32', shape: [padding.length, 2], values: amounts })],
    shape: value.shape.map((size, axis) => size + (padding[axis]?.[0] ?? 0) + (padding[axis]?.[1] ?? 0)),
    type: value.type,
    attributes: { T: { type: value.type }, Tpaddings: { type: 'int32' } },
    gradient: (upstream) => [
      () =>
        graph.value({
          op: 'Slice',
          inputs: [upstream, graph.integers(padding.map(([before]) => before)), graph.integers(value.shape)],
          shape: value.shape,
          type: value.type,
          attributes: { T: { type: value.type }, Index: { type: 'int32' } },
        }),
      undefined,
    ],
  });
}
