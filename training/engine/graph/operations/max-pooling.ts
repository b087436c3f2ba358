import type { Graph, Value } from '../builder/graph.ts';
import { fourAxes, windows } from './convolution.ts';

/**
 * The largest of each window; windows do not overlap.
 *
 * @param images `[N, H, W, C]`
 * @param size height and width of a window, and how far apart they are
 */
export function maxPooling(graph: Graph, images: Value, size: number, padding: 'same' | 'valid'): Value {
  const [batch, height, width, channels] = fourAxes(graph, 'Images', images);
  const options = { stride: size, padding };
  const { type } = images;
  const attributes = {
    T: { type },
    ksize: { integers: [1, size, size, 1] },
    strides: { integers: [1, size, size, 1] },
    padding: padding.toUpperCase(),
    data_format: 'NHWC',
  } as const;
  const pooled: Value = graph.value({
    op: 'MaxPool',
    inputs: [images],
    shape: [batch, windows(graph, height, size, options), windows(graph, width, size, options), channels],
    type,
    attributes,
    gradient: (upstream) => [
      () =>
        graph.value({ op: 'MaxPoolGrad', inputs: [images, pooled, upstream], shape: images.shape, type, attributes }),
    ],
  });
  return pooled;
}
