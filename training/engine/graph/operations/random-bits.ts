import { sizeOf } from '#models/size-of.ts';
import type { Graph, Shape, Value } from '../builder/graph.ts';
import { add, multiply } from './arithmetic.ts';
import { reshape } from './shape.ts';

/**
 * Random bits for each place of a shape, as a function of a key: a hash of both. Elementwise, so that XLA computes them in
 * the loop that uses them.
 *
 * @param key `[2]` int32; its halves come in one after the other, so that no two keys give the same bits in another order
 * @returns int32, all values equally likely
 */
export function randomBits(graph: Graph, shape: Shape, key: Value): Value {
  const first = mixed(graph, add(graph, places(graph, shape), half(graph, key, 0)));
  return mixed(graph, add(graph, first, half(graph, key, 1)));
}

/** MurmurHash3's finalizer: a bijection of 32 bits in which each bit of the argument turns half of the result's. */
function mixed(graph: Graph, bits: Value): Value {
  const times = (value: Value, factor: number) => multiply(graph, value, integer(graph, factor));
  const once = times(folded(graph, bits, 16), 0x85ebca6b);
  const twice = times(folded(graph, once, 13), 0xc2b2ae35);
  return folded(graph, twice, 16);
}

/** `x ^ (x >>> by)` */
function folded(graph: Graph, bits: Value, by: number): Value {
  // TensorFlow's shift of an int32 brings its sign along.
  const shifted = bitwise(graph, 'RightShift', bits, integer(graph, by));
  const unsigned = bitwise(graph, 'BitwiseAnd', shifted, integer(graph, 2 ** (32 - by) - 1));
  return bitwise(graph, 'BitwiseXor', bits, unsigned);
}

function bitwise(graph: Graph, op: 'BitwiseAnd' | 'BitwiseXor' | 'RightShift', bits: Value, other: Value): Value {
  return graph.value({
    op,
    inputs: [bits, other],
    shape: bits.shape,
    type: 'int32',
    attributes: { T: { type: 'int32' } },
  });
}

/** 0, 1, 2, … in row-major order. */
function places(graph: Graph, shape: Shape): Value {
  const count = sizeOf(shape);
  const row = graph.value({
    op: 'Range',
    inputs: [integer(graph, 0), integer(graph, count), integer(graph, 1)],
    shape: [count],
    type: 'int32',
    attributes: { Tidx: { type: 'int32' } },
  });
  return reshape(graph, row, shape);
}

/** @returns `[1]` */
function half(graph: Graph, key: Value, at: 0 | 1): Value {
  return graph.value({
    op: 'Slice',
    inputs: [key, graph.integers([at]), graph.integers([1])],
    shape: [1],
    type: 'int32',
    attributes: { T: { type: 'int32' }, Index: { type: 'int32' } },
  });
}

/** The 32 bits of a number, signed or not. */
function integer(graph: Graph, value: number): Value {
  return graph.constant({ type: 'int32', shape: [], values: Int32Array.of(value) });
}
