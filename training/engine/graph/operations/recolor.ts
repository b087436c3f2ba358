import { type Graph, show, type Value } from '../builder/graph.ts';
import { add, floor, maximum, minimum, multiply } from './arithmetic.ts';
import { reshape, slice } from './shape.ts';

/**
 * As `recolor` in `data/recolor.ts`, in float32. Not as a product of matrices, which a GPU may round to fewer digits.
 *
 * @param images `[B, H, W, 3]` float32, whole numbers from 0 to 255
 * @param recoloring twelve `[B]` float32
 * @returns the same shape
 */
export function recolor(graph: Graph, images: Value, recoloring: readonly Value[]): Value {
  const [batch = 0, height = 0, width = 0, channels] = images.shape;
  if (channels !== 3) graph.fail(`Images ${show(images.shape)} have no three colors.`);
  /** For each new color what an old one, or the offset, counts. @returns `[B, 1, 1, 3]` */
  const counting = (part: number) =>
    [0, 1, 2]
      .map((color) => {
        const only = Float32Array.from([0, 1, 2], (other) => (other === color ? 1 : 0));
        const each = reshape(graph, recoloring[4 * color + part]!, [batch, 1, 1, 1]);
        return multiply(graph, each, graph.constant({ type: 'float32', shape: [3], values: only }));
      })
      .reduce((sum, each) => add(graph, sum, each));
  const sum = [0, 1, 2]
    .map((color) => {
      const old = slice(graph, images, graph.integers([0, 0, 0, color]), [batch, height, width, 1]);
      return multiply(graph, old, counting(color));
    })
    .reduce((total, each) => add(graph, total, each), counting(3));
  return minimum(graph, maximum(graph, floor(graph, multiply(graph, sum, 2 ** -10)), 0), 255);
}
