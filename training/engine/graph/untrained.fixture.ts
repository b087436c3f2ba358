import type { Net } from '../../nets/net.ts';
import { weightSpecs } from '../../nets/shapes.ts';
import type { EngineOptions } from '../engine.ts';

/** What a graph of this net is built from, with all weights in one group: to look at its operations, not to run them. */
export function untrained(net: Net): EngineOptions {
  const weights = weightSpecs(net).flatMap(({ name, trainable }) => (trainable ? [name] : []));
  const optimizer = { kind: 'sgd', momentum: 0, nesterov: false, weightDecay: 0 } as const;
  return {
    ...{ net, weights: [], batchSize: 2, seed: 1, labelSmoothing: 0, reduction: 'mean' as const },
    groups: [{ name: 'all', weights, optimizer }],
  };
}
