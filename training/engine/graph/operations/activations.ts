import type { Graph, Value } from '../builder/graph.ts';
import { add, cast, erf, exponential, multiply, sigmoid, square, subtract, toFloat } from './arithmetic.ts';

export function relu(graph: Graph, value: Value): Value {
  return withNativeGradient(graph, value, 'Relu', 'ReluGrad');
}

/** `x` above zero, `exp(x) - 1` below. */
export function elu(graph: Graph, value: Value): Value {
  return withNativeGradient(graph, value, 'Elu', 'EluGrad');
}

/** `x Φ(x)`, Φ being the normal distribution function: the exact form, not the approximation by tanh. */
export function gelu(graph: Graph, value: Value): Value {
  return graph.call(
    'gelu',
    [value],
    inSinglePrecision((x) => multiply(x.operation.graph, x, normalDistribution(x))),
    {
      gradient: (upstream) => [() => geluGradient(graph, value, upstream)],
    },
  );
}

/** @param upstream of the value's shape, or `[]` */
export function geluGradient(graph: Graph, value: Value, upstream: Value): Value {
  const slope = inSinglePrecision((x, gradient) => {
    const inner = x.operation.graph;
    const density = multiply(inner, exponential(inner, multiply(inner, square(inner, x), -0.5)), inverseRootTau);
    return multiply(inner, add(inner, normalDistribution(x), multiply(inner, x, density)), gradient);
  });
  return graph.call('gelu_gradient', [value, upstream], slope);
}

/** `x σ(x)`, also known as swish. */
export function silu(graph: Graph, value: Value): Value {
  const body = inSinglePrecision((x) => multiply(x.operation.graph, x, sigmoid(x.operation.graph, x)));
  return graph.call('silu', [value], body, {
    gradient: (upstream) => [() => siluGradient(graph, value, upstream)],
  });
}

/** @param upstream of the value's shape, or `[]` */
export function siluGradient(graph: Graph, value: Value, upstream: Value): Value {
  const slope = inSinglePrecision((x, gradient) => {
    const inner = x.operation.graph;
    const share = sigmoid(inner, x);
    const slopes = multiply(inner, share, add(inner, multiply(inner, x, subtract(inner, 1, share)), 1));
    return multiply(inner, slopes, gradient);
  });
  return graph.call('silu_gradient', [value, upstream], slope);
}

/**
 * Computes in float32 whatever the type of what comes in, and gives the type of the first argument: within a fused loop the
 * longer numbers never reach memory.
 */
function inSinglePrecision<Arguments extends readonly [Value, ...Value[]]>(
  body: (...inputs: Arguments) => Value,
): (...inputs: Arguments) => Value {
  return (...inputs) => {
    const { graph } = inputs[0].operation;
    const widened = inputs.map((input) => toFloat(graph, input)) as unknown as Arguments;
    return cast(graph, body(...widened), inputs[0].type);
  };
}

/** 1 / √(2π) */
const inverseRootTau = 1 / Math.sqrt(2 * Math.PI);

/** `Φ(x)` */
function normalDistribution(x: Value): Value {
  const { graph } = x.operation;
  return multiply(graph, add(graph, erf(graph, multiply(graph, x, Math.SQRT1_2)), 1), 0.5);
}

/** Those whose gradient TensorFlow computes from the result: the operand need not be kept. */
function withNativeGradient(graph: Graph, value: Value, op: string, gradientOp: string): Value {
  const { shape, type } = value;
  const attributes = { T: { type } } as const;
  const result: Value = graph.value({
    op,
    inputs: [value],
    shape,
    type,
    attributes,
    gradient: (upstream) => [
      () => graph.value({ op: gradientOp, inputs: [upstream, result], shape, type, attributes }),
    ],
  });
  return result;
}
