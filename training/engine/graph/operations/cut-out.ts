import { holeValue } from '../../../data/cut-out.ts';
import type { Graph, Value } from '../builder/graph.ts';
import { add, isAtLeast, multiply, subtract } from './arithmetic.ts';
import { reshape } from './shape.ts';

/**
 * As `cutOut` in `data/cut-out.ts`.
 *
 * @param images `[B, H, W, C]` float32
 * @param hole four `[B]` float32: top, bottom, left and right
 * @returns the same shape
 */
export function cutOut(graph: Graph, images: Value, hole: readonly Value[]): Value {
  const [batch = 0, height = 0, width = 0] = images.shape;
  const [top, bottom, left, right] = hole.map((edge) => reshape(graph, edge, [batch, 1, 1, 1])) as [
    ...[Value, Value, Value, Value],
  ];
  const within = (size: number, shape: readonly number[], from: Value, to: Value) => {
    const places = graph.constant({
      type: 'float32',
      shape,
      values: Float32Array.from({ length: size }, (_, at) => at),
    });
    return subtract(graph, isAtLeast(graph, places, from), isAtLeast(graph, places, to)); // 1 within, 0 outside
  };
  const isCut = multiply(
    graph,
    within(height, [1, height, 1, 1], top, bottom),
    within(width, [1, 1, width, 1], left, right),
  ); // [B, H, W, 1]
  return add(graph, images, multiply(graph, isCut, subtract(graph, holeValue, images)));
}
