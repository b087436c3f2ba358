import { sizeOf } from '#models/size-of.ts';
import { type Graph, type Shape, sameShape, show, type Value } from '../builder/graph.ts';
import type { DataType } from '../builder/protobuf.ts';
import { reshape } from './shape.ts';

/** A number becomes a constant. */
type Operand = Value | number;

export function add(graph: Graph, one: Value, other: Operand): Value {
  const operand = asValue(graph, other, one.type);
  return binary(graph, 'AddV2', one, operand, (upstream) => [() => upstream, () => upstream]);
}

export function subtract(graph: Graph, one: Operand, other: Operand): Value {
  const [left, right] = operands(graph, one, other);
  return binary(graph, 'Sub', left, right, (upstream) => [() => upstream, () => multiply(graph, upstream, -1)]);
}

export function multiply(graph: Graph, one: Value, other: Operand): Value {
  const operand = asValue(graph, other, one.type);
  return binary(graph, 'Mul', one, operand, (upstream) => [
    () => multiply(graph, upstream, operand),
    () => multiply(graph, upstream, one),
  ]);
}

/** The divisor takes no gradient. */
export function divide(graph: Graph, one: Operand, other: Operand): Value {
  const [left, right] = operands(graph, one, other);
  return binary(graph, 'RealDiv', left, right, (upstream) => [() => divide(graph, upstream, right), undefined]);
}

/** Without a gradient, as are those below: they serve in functions, whose gradients are written out, and in optimizers. */
export function power(graph: Graph, base: Operand, exponent: Value): Value {
  return binary(graph, 'Pow', asValue(graph, base, exponent.type), exponent);
}

export function squareRoot(graph: Graph, value: Value): Value {
  return unary(graph, 'Sqrt', value);
}

export function square(graph: Graph, value: Value): Value {
  return unary(graph, 'Square', value);
}

export function exponential(graph: Graph, value: Value): Value {
  return unary(graph, 'Exp', value);
}

/** The error function, exact to float32. */
export function erf(graph: Graph, value: Value): Value {
  return unary(graph, 'Erf', value);
}

export function floor(graph: Graph, value: Value): Value {
  return unary(graph, 'Floor', value);
}

export function absolute(graph: Graph, value: Value): Value {
  return unary(graph, 'Abs', value);
}

export function minimum(graph: Graph, one: Value, other: Operand): Value {
  return binary(graph, 'Minimum', one, asValue(graph, other, one.type));
}

export function maximum(graph: Graph, one: Value, other: Operand): Value {
  return binary(graph, 'Maximum', one, asValue(graph, other, one.type));
}

export function sigmoid(graph: Graph, value: Value): Value {
  return unary(graph, 'Sigmoid', value);
}

/** 1 where it is, 0 where it is not. */
export function isAtLeast(graph: Graph, one: Value, other: Operand): Value {
  const operand = asValue(graph, other, one.type);
  const shape = broadcast(graph, 'GreaterEqual', one, operand);
  const inputs = [one, operand];
  return toFloat(
    graph,
    graph.value({ op: 'GreaterEqual', inputs, shape, type: 'bool', attributes: { T: { type: one.type } } }),
  );
}

/** `[]` bool, of two numbers. */
export function isLess(graph: Graph, one: Value, other: Value): Value {
  return graph.value({
    op: 'Less',
    inputs: [one, other],
    shape: [],
    type: 'bool',
    attributes: { T: { type: one.type } },
  });
}

export function toFloat(graph: Graph, value: Value): Value {
  return cast(graph, value, 'float32');
}

export function toInteger(graph: Graph, value: Value): Value {
  return cast(graph, value, 'int32');
}

/** The same numbers in another type; the gradient comes back in the type that they had. */
export function cast(graph: Graph, value: Value, type: DataType): Value {
  if (value.type === type) return value;
  const attributes = { SrcT: { type: value.type }, DstT: { type }, Truncate: false };
  const gradient = (upstream: Value) => [() => cast(graph, upstream, value.type)];
  return graph.value({ op: 'Cast', inputs: [value], shape: value.shape, type, attributes, gradient });
}

/** The mean of all elements. @returns `[]` */
export function mean(graph: Graph, value: Value): Value {
  const count = sizeOf(value.shape);
  return reduce(graph, 'Mean', value, (upstream) => fill(graph, divide(graph, upstream, count), value.shape));
}

/** The sum of all elements. @returns `[]` */
export function sum(graph: Graph, value: Value): Value {
  return reduce(graph, 'Sum', value, (upstream) => fill(graph, upstream, value.shape));
}

function reduce(graph: Graph, op: 'Mean' | 'Sum', value: Value, gradient: (upstream: Value) => Value): Value {
  return graph.value({
    op,
    inputs: [value, graph.integers(value.shape.map((_, axis) => axis))],
    shape: [],
    type: value.type,
    attributes: { T: { type: value.type }, Tidx: { type: 'int32' }, keep_dims: false },
    gradient: (upstream) => [() => gradient(upstream), undefined],
  });
}

function fill(graph: Graph, value: Value, shape: Shape): Value {
  const { type } = value;
  const attributes = { T: { type }, index_type: { type: 'int32' } } as const;
  return graph.value({ op: 'Fill', inputs: [graph.integers(shape), value], shape, type, attributes });
}

function unary(graph: Graph, op: string, value: Value): Value {
  const { shape, type } = value;
  return graph.value({ op, inputs: [value], shape, type, attributes: { T: { type } } });
}

function binary(
  graph: Graph,
  op: string,
  one: Value,
  other: Value,
  gradient?: (upstream: Value) => readonly [() => Value, (() => Value) | undefined],
): Value {
  const shape = broadcast(graph, op, one, other);
  const spec = { op, inputs: [one, other], shape, type: one.type, attributes: { T: { type: one.type } } };
  if (gradient === undefined) return graph.value(spec);
  return graph.value({
    ...spec,
    gradient: (upstream) => {
      const [left, right] = gradient(upstream);
      return [
        () => sumTo(graph, left(), one.shape),
        right === undefined ? undefined : () => sumTo(graph, right(), other.shape),
      ];
    },
  });
}

/** Undoes a broadcast. */
function sumTo(graph: Graph, value: Value, shape: Shape): Value {
  if (sameShape(value.shape, shape)) return value;
  const added = value.shape.length - shape.length;
  const axes = value.shape.flatMap((size, axis) => (size === (shape[axis - added] ?? 0) ? [] : [axis]));
  return reshape(graph, sumOver(graph, value, axes), shape);
}

/** The sum along some axes, which go. It has no gradient. */
export function sumOver(graph: Graph, value: Value, axes: readonly number[]): Value {
  return graph.value({
    op: 'Sum',
    inputs: [value, graph.integers(axes)],
    shape: value.shape.filter((_, axis) => !axes.includes(axis)),
    type: value.type,
    attributes: { T: { type: value.type }, Tidx: { type: 'int32' }, keep_dims: false },
  });
}

type Operands = Pick<Value, 'shape' | 'type'>;

/** @returns the shape of an operation on two values, of which one is repeated along the axes that are 1, or missing, in it */
export function broadcast(graph: Graph, op: string, one: Operands, other: Operands): Shape {
  if (one.type !== other.type) graph.fail(`${op} of ${one.type} and ${other.type}.`);
  const rank = Math.max(one.shape.length, other.shape.length);
  return Array.from({ length: rank }, (_, axis) => {
    const left = one.shape[axis - rank + one.shape.length] ?? 1;
    const right = other.shape[axis - rank + other.shape.length] ?? 1;
    if (left !== right && left !== 1 && right !== 1) {
      graph.fail(`${op} of ${show(one.shape)} and ${show(other.shape)}: they differ in axis ${axis}.`);
    }
    return left === 1 ? right : left;
  });
}

/** A number takes the type of what it meets. */
function operands(graph: Graph, one: Operand, other: Operand): [Value, Value] {
  const type = [one, other].find((operand) => typeof operand !== 'number')?.type ?? 'float32';
  return [asValue(graph, one, type), asValue(graph, other, type)];
}

function asValue(graph: Graph, operand: Operand, type: DataType): Value {
  return typeof operand === 'number' ? cast(graph, graph.scalar(operand), type) : operand;
}
