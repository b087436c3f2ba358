import type { Graph, Value } from '../graph.ts';
import { isAtLeast, multiply } from './arithmetic.ts';

/**
 * Inverted dropout: sets a share to zero and scales up what is left.
 *
 * The random numbers are Philox's, a function of the key alone: nothing of them is carried from step to step.
 *
 * @param rate the share, in [0, 1)
 * @param key `[2]` int32
 */
export function dropout(graph: Graph, value: Value, rate: number, key: Value): Value {
  if (!(rate >= 0 && rate < 1)) graph.fail(`A dropout rate of ${rate} is not in [0, 1).`);
  if (rate === 0) return value;
  const random = graph.value({
    op: 'StatelessRandomUniform',
    inputs: [graph.integers(value.shape), key],
    shape: value.shape,
    attributes: { dtype: { type: 'float32' }, T: { type: 'int32' }, Tseed: { type: 'int32' } },
  });
  const drop = (from: Value): Value =>
    graph.call(
      'dropout',
      [from, random],
      (x, uniform) => {
        const { graph: inner } = x.operation;
        return multiply(inner, x, multiply(inner, isAtLeast(inner, uniform, rate), 1 / (1 - rate)));
      },
      { gradient: (upstream) => [() => drop(upstream), undefined] },
    );
  return drop(value);
}
