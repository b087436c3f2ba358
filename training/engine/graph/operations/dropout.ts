import type { Graph, Value } from '../builder/graph.ts';
import { cast, isAtLeast, multiply } from './arithmetic.ts';
import { randomBits } from './random-bits.ts';

/**
 * Inverted dropout: sets a share to zero and scales up what is left.
 *
 * What is dropped is a function of the key alone: nothing random is carried from step to step. Where XLA compiles functions,
 * it is a hash that is computed in the loop that drops, once more in the gradient's. TensorFlow's own Philox is drawn by one
 * thread, into memory, and takes a tenth of a step of the seed network; it serves where functions are not compiled.
 *
 * @param rate the share, in [0, 1)
 * @param key `[2]` int32
 */
export function dropout(graph: Graph, value: Value, rate: number, key: Value): Value {
  if (!(rate >= 0 && rate < 1)) graph.fail(`A dropout rate of ${rate} is not in [0, 1).`);
  if (rate === 0) return value;
  const { compilesFunctions } = graph;
  const source = compilesFunctions ? key : uniform(graph, value, key);
  const drop = (from: Value): Value =>
    graph.call(
      'dropout',
      [from, source],
      (x, given) => {
        const { graph: inner } = x.operation;
        const kept = compilesFunctions ? keptByHash(inner, x, given, rate) : isAtLeast(inner, given, rate);
        return multiply(inner, x, cast(inner, multiply(inner, kept, 1 / (1 - rate)), x.type));
      },
      { gradient: (upstream) => [() => drop(upstream), undefined] },
    );
  return drop(value);
}

/** @returns of the value's shape: 1 where it is kept, 0 where it is dropped */
function keptByHash(graph: Graph, value: Value, key: Value, rate: number): Value {
  const least = graph.constant({ type: 'int32', shape: [], values: Int32Array.of(rate * 2 ** 32 - 2 ** 31) });
  return isAtLeast(graph, randomBits(graph, value.shape, key), least);
}

function uniform(graph: Graph, { shape }: Value, key: Value): Value {
  return graph.value({
    op: 'StatelessRandomUniform',
    inputs: [graph.integers(shape), key],
    shape,
    attributes: { dtype: { type: 'float32' }, T: { type: 'int32' }, Tseed: { type: 'int32' } },
  });
}
