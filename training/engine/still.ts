import type { BatchNormalization, Net } from '../nets/net.ts';

/**
 * Tells which batch normalizations a step leaves as they are: those of whose weights it trains none. They normalize by their
 * running statistics, so that the layers after them see in training what they will see in use; Keras does the same.
 *
 * @param trained names of the weights that the step trains
 */
export function isStill(trained: ReadonlySet<string>): (layer: BatchNormalization) => boolean {
  return ({ name }) => !trained.has(`${name}/beta`) && !trained.has(`${name}/gamma`);
}

/** The same net, whose running statistics are, after a step, those of its batch. */
export function netOfBatchStatistics(net: Net): Net {
  return {
    ...net,
    layers: net.layers.map((layer) => (layer.kind === 'batch-normalization' ? { ...layer, momentum: 0 } : layer)),
  };
}
