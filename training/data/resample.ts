/**
 * An affine map from the place of a pixel in the new image to its place in the old one, in pixels:
 * `x = a x' + b y' + c`, `y = d x' + e y' + f`.
 */
export type Affine = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

/**
 * An affine map in whole numbers of 2⁻¹⁴ pixels; `c` and `f` begin half of 2⁻⁸ pixels later, so that places are rounded to that.
 * Everything that is computed from it is a whole number below 2²⁴, which int32 and float32 hold alike: an engine gives the same
 * bytes in either, in any order, fused or not. That holds for places within 1,024 pixels.
 */
export type Resampling = Affine;

/** Places have 14 binary digits after the point, of which 8 are kept to interpolate. */
const UNIT = 2 ** 14;
const DROPPED = 2 ** 6;

export const unmoved: Affine = [1, 0, 0, 0, 1, 0];

/** The map of an image that is changed by `first`, and then by `second`. */
export function composed(first: Affine, second: Affine): Affine {
  const [a, b, c, d, e, f] = first;
  const [g, h, i, j, k, l] = second;
  return [a * g + b * j, a * h + b * k, a * i + b * l + c, d * g + e * j, d * h + e * k, d * i + e * l + f];
}

export function resamplingOf([a, b, c, d, e, f]: Affine): Resampling {
  const fixed = (value: number) => Math.round(value * UNIT);
  return [fixed(a), fixed(b), fixed(c) + DROPPED / 2, fixed(d), fixed(e), fixed(f) + DROPPED / 2];
}

/** Where a new image takes its pixels from, before it is resampled: the rows and columns of a mirrored and moved image. */
export interface Grid {
  /** `[height]` */
  readonly rows: Int32Array;
  /** `[width]` */
  readonly columns: Int32Array;
}

/**
 * Writes a resampled image: each pixel is interpolated bilinearly between four of the old image, which continues as its reflection
 * beyond its border.
 *
 * @param from where the image begins in `source`
 * @param to where it begins in `target`
 * @param size height, width and channels
 */
export function writeResampled(
  source: Uint8Array,
  from: number,
  target: Uint8Array,
  to: number,
  [height, width, channels]: readonly [number, number, number],
  { rows, columns }: Grid,
  [a, b, c, d, e, f]: Resampling,
): void {
  let at = to;
  for (const row of rows) {
    for (const column of columns) {
      const x = (a * column + b * row + c) >> 6; // in 1/256 pixels
      const y = (d * column + e * row + f) >> 6;
      const left = fold(x >> 8, width) * channels;
      const right = fold((x >> 8) + 1, width) * channels;
      const upper = from + fold(y >> 8, height) * width * channels;
      const lower = from + fold((y >> 8) + 1, height) * width * channels;
      // Shares of 2¹⁶.
      const across = x & 255;
      const down = y & 255;
      const lowerRight = across * down;
      const lowerLeft = 256 * down - lowerRight;
      const upperRight = 256 * across - lowerRight;
      const upperLeft = 65_536 - 256 * down - upperRight;
      for (let channel = 0; channel < channels; channel++) {
        const above = source[upper + left + channel]! * upperLeft + source[upper + right + channel]! * upperRight;
        const below = source[lower + left + channel]! * lowerLeft + source[lower + right + channel]! * lowerRight;
        target[at++] = (above + below + 32_768) >> 16;
      }
    }
  }
}

/** Reflects a place at the borders, once beyond each image that lies beside the first; farther away it is the border. */
function fold(place: number, size: number): number {
  const last = size - 1;
  return Math.min(last, Math.abs(last - Math.abs(last - Math.abs(place))));
}
