import type { BatchNormalization } from '../nets/net.ts';

/**
 * Tells which batch normalizations a step leaves as they are: those of whose weights it trains none. They normalize by their
 * running statistics, so that the layers after them see in training what they will see in use; Keras does the same.
 *
 * @param trained names of the weights that the step trains
 */
export function isStill(trained: ReadonlySet<string>): (layer: BatchNormalization) => boolean {
  return ({ name }) => !trained.has(`${name}/beta`) && !trained.has(`${name}/gamma`);
}
