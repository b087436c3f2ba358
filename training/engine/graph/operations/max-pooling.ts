import type { Graph, Value } from '../builder/graph.ts';
import { type Pooling, pooledShape, poolingAttributes } from './pooling.ts';

/**
 * The largest value of each window. In the gradient the first of equal values takes all.
 *
 * @param images `[N, H, W, C]`
 * @returns `[N, H', W', C]`
 */
export function maxPooling(graph: Graph, images: Value, pooling: Pooling): Value {
  const { shape, type } = images;
  const attributes = poolingAttributes(images, pooling);
  const pooled: Value = graph.value({
    op: 'MaxPool',
    inputs: [images],
    shape: pooledShape(graph, images, pooling),
    type,
    attributes,
    gradient: (upstream) => [
      () => graph.value({ op: 'MaxPoolGrad', inputs: [images, pooled, upstream], shape, type, attributes }),
    ],
  });
  return pooled;
}
