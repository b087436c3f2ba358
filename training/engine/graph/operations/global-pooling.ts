import type { Graph, Value } from '../builder/graph.ts';
import { averagePooling } from './average-pooling.ts';
import { maxPooling } from './max-pooling.ts';
import { reshape } from './shape.ts';
import { fourAxes } from './sliding.ts';

/**
 * The mean, or the largest value, of each channel over the whole image: one window as large as the image.
 *
 * @param images `[N, H, W, C]`
 * @returns `[N, C]`
 */
export function globalPooling(graph: Graph, images: Value, kind: 'average' | 'max'): Value {
  const [batch, height, width, channels] = fourAxes(graph, 'Images', images);
  const pool = kind === 'average' ? averagePooling : maxPooling;
  return reshape(graph, pool(graph, images, { size: [height, width], padding: 'valid' }), [batch, channels]);
}
