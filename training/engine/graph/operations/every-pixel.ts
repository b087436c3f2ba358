import type { Graph, Value } from '../builder/graph.ts';
import { fourAxes } from './sliding.ts';

/**
 * Every `stride`-th row and column, from the first.
 *
 * @param images `[N, H, W, C]`
 * @returns `[N, ⌈H / stride⌉, ⌈W / stride⌉, C]`
 */
export function everyPixel(graph: Graph, images: Value, stride: number): Value {
  if (stride === 1) return images;
  const [batch, height, width, channels] = fourAxes(graph, 'Images', images);
  const { type } = images;
  const ends = [graph.integers([0, 0, 0, 0]), graph.integers(images.shape), graph.integers([1, stride, stride, 1])];
  const attributes = { T: { type }, Index: { type: 'int32' }, ...MASKS } as const;
  return graph.value({
    op: 'StridedSlice',
    inputs: [images, ...ends],
    shape: [batch, Math.ceil(height / stride), Math.ceil(width / stride), channels],
    type,
    attributes,
    gradient: (upstream) => [
      () =>
        graph.value({
          op: 'StridedSliceGrad',
          inputs: [graph.integers(images.shape), ...ends, upstream],
          shape: images.shape,
          type,
          attributes,
        }),
      undefined,
      undefined,
      undefined,
    ],
  });
}

/** TensorFlow's shorthands for the ends of a slice: none is used. */
const MASKS = {
  begin_mask: { integer: 0 },
  end_mask: { integer: 0 },
  ellipsis_mask: { integer: 0 },
  new_axis_mask: { integer: 0 },
  shrink_axis_mask: { integer: 0 },
};
