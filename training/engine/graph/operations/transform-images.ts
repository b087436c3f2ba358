import { transformTables } from '../../../data/augment.ts';
import { type Augmentation, kindsOf } from '../../../data/augmentation.ts';
import type { Graph, Value, Variable } from '../builder/graph.ts';
import { add, cast, multiply, toFloat } from './arithmetic.ts';
import { cutOut } from './cut-out.ts';
import { gather } from './gather.ts';
import { recolor } from './recolor.ts';
import { resample } from './resample.ts';
import { reshape } from './shape.ts';

interface TransformOptions {
  /** `[N H W, C]` uint8: by pixel. */
  readonly pixels: Variable;
  /** Height, width and channels of an image. */
  readonly size: readonly [number, number, number];
  readonly augmentation: Augmentation;
  /** `[B]` int64: which image. */
  readonly image: Value;
  /** `[B]` float32 each: the numbers of a transform (`numbersOf` in `data/augment.ts`). */
  readonly numbers: readonly Value[];
}

/**
 * Changes images as `augment.ts` does, to the byte. Mirroring and moving look up where each pixel comes from: one gather of
 * pixels. Whatever is computed beyond that are whole numbers below 2²⁴, which float32 holds.
 *
 * @returns `[B, H, W, C]` uint8
 */
export function transformImages(graph: Graph, { pixels, size, augmentation, image, numbers }: TransformOptions): Value {
  const [height, width] = size;
  const [batch = 0] = image.shape;
  const { isResampled, isRecolored, isCut } = kindsOf(augmentation);
  const left = [...numbers];
  const take = (count: number) => left.splice(0, count);
  const [row, column] = take(2).map((each) => cast(graph, each, 'int64'));
  const { rows, columns } = lookUp(graph, size, augmentation.translate, { row: row!, column: column! });
  const firstPixel = multiply(graph, image, long(graph, Int32Array.of(height * width), [])); // [B]
  let made = isResampled
    ? resample(graph, { pixels, size, rows, columns, firstPixel, resampling: take(6) })
    : gather(
        graph,
        pixels,
        add(
          graph,
          add(
            graph,
            reshape(graph, firstPixel, [batch, 1, 1]),
            reshape(graph, multiply(graph, rows, long(graph, Int32Array.of(width), [])), [batch, height, 1]),
          ),
          reshape(graph, columns, [batch, 1, width]),
        ), // [B, H, W]
      );
  if (isRecolored) made = recolor(graph, toFloat(graph, made), take(12));
  if (isCut) made = cutOut(graph, toFloat(graph, made), take(4));
  return cast(graph, made, 'uint8');
}

/** The row and the column of the stored image that a row and a column of a mirrored and moved one show. @returns int64 */
function lookUp(
  graph: Graph,
  size: readonly [number, number, number],
  translate: number,
  { row, column }: { readonly row: Value; readonly column: Value },
): { readonly rows: Value; readonly columns: Value } {
  const [height, width] = size;
  const offsets = 2 * translate + 1;
  const tables = transformTables(size, translate);
  return {
    rows: gather(graph, long(graph, tables.rows, [2 * offsets, height]), row), // [B, H]
    columns: gather(graph, long(graph, tables.columns, [2 * offsets, width]), column), // [B, W]
  };
}

function long(graph: Graph, values: Int32Array, shape: readonly number[]): Value {
  return cast(graph, graph.constant({ type: 'int32', shape, values }), 'int64');
}
