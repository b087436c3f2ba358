import type { Graph, Value } from '../builder/graph.ts';
import { cast, toFloat } from './arithmetic.ts';
import { type Pooling, pooledShape, poolingAttributes } from './pooling.ts';

/**
 * The mean of each window; with 'same' padding, of the pixels inside the image. It is computed in float32: TensorFlow's CPU
 * kernels have no bfloat16 for it.
 *
 * @param images `[N, H, W, C]`
 * @returns `[N, H', W', C]`, of the type of `images`
 */
export function averagePooling(graph: Graph, images: Value, pooling: Pooling): Value {
  const wide = toFloat(graph, images);
  const attributes = poolingAttributes(wide, pooling);
  const pooled = graph.value({
    op: 'AvgPool',
    inputs: [wide],
    shape: pooledShape(graph, images, pooling),
    attributes,
    gradient: (upstream) => [
      () =>
        graph.value({
          op: 'AvgPoolGrad',
          inputs: [graph.integers(images.shape), upstream],
          shape: images.shape,
          attributes,
        }),
    ],
  });
  return cast(graph, pooled, images.type);
}
