import { type Graph, show, type Value } from '../builder/graph.ts';
import { toFloat } from './arithmetic.ts';
import { fourAxes } from './sliding.ts';

/**
 * Scales whole images down, bilinearly: each pixel is interpolated between the four that lie around its middle, and no others are
 * averaged. It has no gradient.
 *
 * @param images `[N, H, W, C]`
 * @param size height, width and channels of the result
 * @returns `[N, height, width, C]` float32
 * @see `torch.nn.functional.interpolate` with `align_corners=False`, which the records that train on small images first use
 */
export function reduceImages(graph: Graph, images: Value, [height, width]: readonly [number, number, number]): Value {
  const [batch, rows, columns, channels] = fourAxes(graph, 'Images', images);
  if (height > rows || width > columns) {
    graph.fail(`Images ${show(images.shape)} cannot be reduced to ${height}x${width}.`);
  }
  return graph.value({
    op: 'ResizeBilinear',
    inputs: [toFloat(graph, images), graph.integers([height, width])],
    shape: [batch, height, width, channels],
    attributes: { T: { type: 'float32' }, align_corners: false, half_pixel_centers: true },
  });
}
