import type { Graph, Value, Variable } from '../builder/graph.ts';
import { absolute, add, cast, floor, minimum, multiply, subtract, toFloat } from './arithmetic.ts';
import { gather } from './gather.ts';
import { reshape } from './shape.ts';

interface ResampleOptions {
  /** `[N H W, C]` uint8: by pixel. */
  readonly pixels: Variable;
  /** Height, width and channels of an image. */
  readonly size: readonly [number, number, number];
  /** `[B, H]` and `[B, W]` int64: the grid that is resampled. */
  readonly rows: Value;
  readonly columns: Value;
  /** `[B]` int64: where each image begins in `pixels`. */
  readonly firstPixel: Value;
  /** Six `[B]` float32. */
  readonly resampling: readonly Value[];
}

/**
 * As `writeResampled` in `data/resample.ts`, in float32.
 *
 * @returns `[B, H, W, C]` float32, whole numbers from 0 to 255
 */
export function resample(
  graph: Graph,
  { pixels, size, rows, columns, firstPixel, resampling }: ResampleOptions,
): Value {
  const [height, width] = size;
  const [batch = 0] = firstPixel.shape;
  const [a, b, c, d, e, f] = resampling.map((each) => reshape(graph, each, [batch, 1, 1])) as [
    ...[Value, Value, Value],
    ...[Value, Value, Value],
  ];
  const column = reshape(graph, toFloat(graph, columns), [batch, 1, width]);
  const row = reshape(graph, toFloat(graph, rows), [batch, height, 1]);
  const along = (byColumn: Value, byRow: Value, offset: Value) => {
    const place = add(graph, add(graph, multiply(graph, byColumn, column), multiply(graph, byRow, row)), offset);
    return parts(graph, floor(graph, multiply(graph, place, 2 ** -6))); // [B, H, W], in 1/256 pixels
  };
  const x = along(a, b, c);
  const y = along(d, e, f);
  const horizontal = sides(graph, x, width);
  const vertical = sides(graph, y, height);
  const start = reshape(graph, firstPixel, [batch, 1, 1]);
  const terms = vertical.flatMap(({ place: line, weight: down }) =>
    horizontal.map(({ place, weight: right }) => {
      const within = cast(graph, add(graph, multiply(graph, line, width), place), 'int64');
      const found = toFloat(graph, gather(graph, pixels, add(graph, start, within))); // [B, H, W, C]
      return multiply(graph, found, reshape(graph, multiply(graph, down, right), [batch, height, width, 1]));
    }),
  );
  const sum = terms.reduce((total, term) => add(graph, total, term));
  return floor(graph, multiply(graph, add(graph, sum, 2 ** 15), 2 ** -16));
}

/** A place in 1/256 pixels as a pixel and what is left of it. */
function parts(graph: Graph, place: Value): { readonly whole: Value; readonly rest: Value } {
  const whole = floor(graph, multiply(graph, place, 2 ** -8));
  return { whole, rest: subtract(graph, place, multiply(graph, whole, 256)) };
}

/** The two pixels beside a place, each with its weight, of 256. */
function sides(graph: Graph, { whole, rest }: ReturnType<typeof parts>, size: number) {
  return [
    { place: fold(graph, whole, size), weight: subtract(graph, 256, rest) },
    { place: fold(graph, add(graph, whole, 1), size), weight: rest },
  ];
}

function fold(graph: Graph, place: Value, size: number): Value {
  const last = size - 1;
  const once = subtract(graph, last, absolute(graph, place));
  return minimum(graph, absolute(graph, subtract(graph, last, absolute(graph, once))), last);
}
