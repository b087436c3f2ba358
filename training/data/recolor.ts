/**
 * New red, green and blue from the old ones: three rows of an affine map, `[red, green, blue, offset]` each, for values from 0
 * to 255.
 */
export type Colors = readonly number[];

/**
 * Such a map in whole numbers of 2⁻¹⁰, with offsets half of a level higher, so that values are rounded. As with resampling,
 * everything computed from it is a whole number below 2²⁴.
 */
export type Recoloring = readonly number[];

const UNIT = 2 ** 10;
/** Limits that keep sums below 2²⁴: a value counts 8 times at most, and an offset is 4,000 levels at most. */
const MOST = 8;
const FARTHEST = 4_000;

/** How much red, green and blue make of a grey value. @see ITU-R BT.601 */
const grey = [0.299, 0.587, 0.114] as const;

export const uncolored: Colors = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0];

/** Multiplies all values. */
export function brightened(colors: Colors, factor: number): Colors {
  return colors.map((value) => factor * value);
}

/** Moves all values away from the mean grey of the image, or towards it. @param mean of the image as it is stored, by channel */
export function contrasted(colors: Colors, factor: number, mean: readonly number[]): Colors {
  const [red = 0, green = 0, blue = 0] = mean;
  const around = rowsOf(colors).reduce(
    (sum, [r = 0, g = 0, b = 0, offset = 0], row) => sum + grey[row]! * (r * red + g * green + b * blue + offset),
    0,
  );
  return colors.map((value, at) => factor * value + (at % 4 === 3 ? (1 - factor) * around : 0));
}

/** Moves each pixel away from its grey, or towards it. */
export function saturated(colors: Colors, factor: number): Colors {
  const mixed = (row: number, column: number) => (row === column ? factor : 0) + (1 - factor) * grey[column]!;
  return afterwards(colors, mixed);
}

/** Turns the colors around the axis of greys. @param turns 1 is once around */
export function turned(colors: Colors, turns: number): Colors {
  const [cosine, sine] = [Math.cos(2 * Math.PI * turns), Math.sin(2 * Math.PI * turns)];
  return afterwards(colors, (row, column) => {
    if (row === column) return cosine + (1 - cosine) / 3;
    const sign = (column - row + 3) % 3 === 1 ? -1 : 1;
    return (1 - cosine) / 3 + (sign * sine) / Math.sqrt(3);
  });
}

/** The map `colors`, and after it the matrix of three rows and columns. */
function afterwards(colors: Colors, matrix: (row: number, column: number) => number): Colors {
  const rows = rowsOf(colors);
  return rows.flatMap((_, row) =>
    [0, 1, 2, 3].map((part) => rows.reduce((sum, other, column) => sum + matrix(row, column) * other[part]!, 0)),
  );
}

function rowsOf(colors: Colors): (readonly number[])[] {
  return [0, 4, 8].map((start) => colors.slice(start, start + 4));
}

export function recoloringOf(colors: Colors): Recoloring {
  const within = (value: number, most: number) => Math.round(UNIT * Math.max(-most, Math.min(most, value)));
  return colors.map((value, at) => (at % 4 === 3 ? within(value, FARTHEST) + UNIT / 2 : within(value, MOST)));
}

/**
 * Recolors an image in place.
 *
 * @param from where it begins
 * @param bytes of it; three a pixel
 */
export function recolor(images: Uint8Array, from: number, bytes: number, recoloring: Recoloring): void {
  const [a, b, c, d, e, f, g, h, i, j, k, l] = recoloring as [
    ...[number, number, number, number],
    ...[number, number, number, number],
    ...[number, number, number, number],
  ];
  for (let at = from; at < from + bytes; at += 3) {
    const red = images[at]!;
    const green = images[at + 1]!;
    const blue = images[at + 2]!;
    images[at] = toByte((a * red + b * green + c * blue + d) >> 10);
    images[at + 1] = toByte((e * red + f * green + g * blue + h) >> 10);
    images[at + 2] = toByte((i * red + j * green + k * blue + l) >> 10);
  }
}

function toByte(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

/** The mean of each of three channels. @param images from the first byte of an image on */
export function meanColor(image: Uint8Array): [red: number, green: number, blue: number] {
  let [red, green, blue] = [0, 0, 0];
  for (let at = 0; at < image.length; at += 3) {
    red += image[at]!;
    green += image[at + 1]!;
    blue += image[at + 2]!;
  }
  const pixels = image.length / 3;
  return [red / pixels, green / pixels, blue / pixels];
}
