import { transformTables } from '../../../data/augment.ts';
import type { Graph, Value, Variable } from '../builder/graph.ts';
import { add, cast, multiply } from './arithmetic.ts';
import { gather } from './gather.ts';
import { reshape } from './shape.ts';

interface TransformOptions {
  /** `[N H W, C]` uint8: by pixel. */
  readonly pixels: Variable;
  /** Height, width and channels of an image. */
  readonly size: readonly [number, number, number];
  /** The largest distance that a transform moves an image, in pixels. */
  readonly translate: number;
  /** `[B]` int64: which image, and which rows of the tables of transforms (`inTransformTables`). */
  readonly image: Value;
  readonly row: Value;
  readonly column: Value;
}

/**
 * Mirrors and moves images, as `augment.ts` does to the byte, by looking up where each pixel comes from: one gather of pixels.
 *
 * @returns `[B, H, W, C]` uint8
 */
export function transformImages(
  graph: Graph,
  { pixels, size, translate, image, row, column }: TransformOptions,
): Value {
  const [height, width] = size;
  const [batch = 0] = image.shape;
  const tables = transformTables(size, translate);
  const long = (values: Int32Array, shape: readonly number[]) =>
    cast(graph, graph.constant({ type: 'int32', shape, values }), 'int64');
  const byRow = long(
    tables.rows.map((each) => each * width),
    [2 * translate + 1, height],
  );
  const byColumn = long(tables.columns, [2 * (2 * translate + 1), width]);
  const starts = multiply(graph, image, long(Int32Array.of(height * width), [])); // [B]
  const lines = add(
    graph,
    reshape(graph, starts, [batch, 1]),
    gather(graph, byRow, row), // [B, H]
  );
  const places = add(
    graph,
    reshape(graph, lines, [batch, height, 1]),
    reshape(graph, gather(graph, byColumn, column), [batch, 1, width]),
  ); // [B, H, W]
  return gather(graph, pixels, places);
}
