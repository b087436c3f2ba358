import type { Net } from './net.ts';
import { type ShapedLayer, shapesOf } from './shapes.ts';

/** Multiplications of a convolution or a dense layer in the forward pass of one image, those on the padding included; 0 of others. */
export function multiplicationsOf({ layer, input, output }: ShapedLayer): number {
  const channels = input.at(-1)!;
  if (layer.kind === 'dense') return channels * layer.units;
  if (layer.kind !== 'convolution') return 0;
  const [height = 0, width = 0] = output;
  return height * width * layer.filters * layer.kernel ** 2 * channels;
}

/** The sum over all layers. */
export function multiplicationsOfImage(net: Net): number {
  return shapesOf(net).reduce((sum, layer) => sum + multiplicationsOf(layer), 0);
}
