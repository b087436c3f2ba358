import { sizeOf } from '#models/size-of.ts';
import { type Graph, type Shape, sameShape, show, type Value } from '../builder/graph.ts';

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

/** @param axes the value's, in their new order */
export function transpose(graph: Graph, value: Value, axes: readonly number[]): Value {
  const { shape, type } = value;
  if (axes.length !== shape.length || !shape.every((_, axis) => axes.includes(axis))) {
    graph.fail(`The axes of ${show(shape)} cannot be put in the order ${show(axes)}.`);
  }
  const back = axes.map((_, axis) => axes.indexOf(axis));
  return graph.value({
    op: 'Transpose',
    inputs: [value, graph.integers(axes)],
    shape: axes.map((axis) => shape[axis]!),
    type,
    attributes: { T: { type }, Tperm: { type: 'int32' } },
    gradient: (upstream) => [() => transpose(graph, upstream, back), undefined],
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
      () => slice(graph, upstream, graph.integers(padding.map(([before]) => before)), value.shape),
      undefined,
    ],
  });
}

/**
 * A part of a value, of a known size. It has no gradient.
 *
 * @param begin `[rank]` int32
 */
export function slice(graph: Graph, value: Value, begin: Value, shape: Shape): Value {
  return graph.value({
    op: 'Slice',
    inputs: [value, begin, graph.integers(shape)],
    shape,
    type: value.type,
    attributes: { T: { type: value.type }, Index: { type: 'int32' } },
  });
}

/** Values of one shape and type, one after the other: `[n, …]`; numbers `[]` become `[n]`. It has no gradient. */
export function stack(graph: Graph, values: readonly Value[]): Value {
  const [{ type, shape }] = values as [Value];
  return graph.value({
    op: 'Pack',
    inputs: values,
    shape: [values.length, ...shape],
    type,
    attributes: { N: { integer: values.length }, T: { type }, axis: { integer: 0 } },
  });
}
