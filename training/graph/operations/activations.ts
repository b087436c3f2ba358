import type { Graph, Value } from '../graph.ts';
import { add, erf, exponential, multiply, sigmoid, square, subtract } from './arithmetic.ts';

export function relu(graph: Graph, value: Value): Value {
  return withNativeGradient(graph, value, 'Relu', 'ReluGrad');
}

/** `x` above zero, `exp(x) - 1` below. */
export function elu(graph: Graph, value: Value): Value {
  return withNativeGradient(graph, value, 'Elu', 'EluGrad');
}

/** `x Φ(x)`, Φ being the normal distribution function: the exact form, not the approximation by tanh. */
export function gelu(graph: Graph, value: Value): Value {
  return graph.call('gelu', [value], (x) => multiply(x.operation.graph, x, normalDistribution(x)), {
    gradient: (upstream) => [() => geluGradient(graph, value, upstream)],
  });
}

/** @param upstream of the value's shape, or `[]` */
export function geluGradient(graph: Graph, value: Value, upstream: Value): Value {
  return graph.call('gelu_gradient', [value, upstream], (x, gradient) => {
    const inner = x.operation.graph;
    const density = multiply(inner, exponential(inner, multiply(inner, square(inner, x), -0.5)), inverseRootTau);
    const slope = add(inner, normalDistribution(x), multiply(inner, x, density));
    return multiply(inner, slope, gradient);
  });
}

/** `x σ(x)`, also known as swish. */
export function silu(graph: Graph, value: Value): Value {
  return graph.call('silu', [value], (x) => multiply(x.operation.graph, x, sigmoid(x.operation.graph, x)), {
    gradient: (upstream) => [() => siluGradient(graph, value, upstream)],
  });
}

/** @param upstream of the value's shape, or `[]` */
export function siluGradient(graph: Graph, value: Value, upstream: Value): Value {
  return graph.call('silu_gradient', [value, upstream], (x, gradient) => {
    const inner = x.operation.graph;
    const share = sigmoid(inner, x);
    const slope = multiply(inner, share, add(inner, multiply(inner, x, subtract(inner, 1, share)), 1));
    return multiply(inner, slope, gradient);
  });
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
  const attributes = { T: { type: 'float32' } } as const;
  const { shape } = value;
  const result: Value = graph.value({
    op,
    inputs: [value],
    shape,
    attributes,
    gradient: (upstream) => [() => graph.value({ op: gradientOp, inputs: [upstream, result], shape, attributes })],
  });
  return result;
}
