import { type Graph, show, type Value } from '../builder/graph.ts';
import { everyPixel } from './every-pixel.ts';
import { pad } from './shape.ts';
import { fourAxes } from './sliding.ts';

/**
 * Every `stride`-th pixel, and channels of zeros behind the given ones.
 *
 * @param images `[N, H, W, C]`
 * @param options.filters channels of the result, at least C
 * @returns `[N, ⌈H / stride⌉, ⌈W / stride⌉, filters]`
 */
export function channelPadding(
  graph: Graph,
  images: Value,
  { filters, stride }: { readonly filters: number; readonly stride: number },
): Value {
  const [, , , channels] = fourAxes(graph, 'Images', images);
  if (filters < channels) graph.fail(`${show(images.shape)} cannot be padded to ${filters} channels.`);
  const sampled = everyPixel(graph, images, stride);
  if (filters === channels) return sampled;
  return pad(graph, sampled, [
    [0, 0],
    [0, 0],
    [0, 0],
    [0, filters - channels],
  ]);
}
