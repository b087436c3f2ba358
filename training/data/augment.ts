import { purpose, random } from '../random/random.ts';

/** How training images are varied. It works on bytes, before they are normalised, so that an engine is fed bytes. */
export interface Augmentation {
  /**
   * `random`: each image is mirrored with probability ½ in each epoch. `alternating`: half of them, drawn once, are mirrored
   * in even epochs and the other half in odd ones, so that two epochs show both sides of every image.
   *
   * @see airbench, arXiv:2404.00498 §3.6
   */
  readonly flip: 'none' | 'random' | 'alternating';
  /** The most pixels that an image is moved by, vertically and horizontally; the border is reflected. 0 for none. */
  readonly translate: number;
}

/** How one image is mirrored and moved. */
export interface ImageTransform {
  readonly isMirrored: boolean;
  /** Pixels; negative is up. Rows that leave at the bottom are replaced at the top by reflection. */
  readonly down: number;
  /** Pixels; negative is left. */
  readonly right: number;
}

/**
 * Draws the transforms of a whole epoch. They depend on seed and epoch alone, so that any batch can be made again.
 *
 * @returns the transform of an image, by its index in the split
 */
export function transformsOfEpoch(
  { flip, translate }: Augmentation,
  { count, seed, epoch }: { readonly count: number; readonly seed: number; readonly epoch: number },
): (image: number) => ImageTransform {
  const isMirrored = new Uint8Array(count);
  if (flip !== 'none') {
    const coin = random(seed, purpose.flips, flip === 'random' ? epoch : 0);
    const turned = flip === 'alternating' ? epoch % 2 : 0;
    for (let image = 0; image < count; image++) isMirrored[image] = coin.integer(2) ^ turned;
  }
  const offsets = new Int8Array(2 * count);
  if (translate > 0) {
    const die = random(seed, purpose.crops, epoch);
    for (let at = 0; at < offsets.length; at++) offsets[at] = die.integer(2 * translate + 1) - translate;
  }
  return (image) => ({
    isMirrored: isMirrored[image] === 1,
    down: offsets[2 * image]!,
    right: offsets[2 * image + 1]!,
  });
}

/**
 * Writes a transformed image: mirrored first, then moved, with the border reflected (the outermost pixel is not repeated).
 *
 * @param from where the image begins in `source`
 * @param to where it begins in `target`
 * @param size height, width and channels
 */
export function writeTransformed(
  source: Uint8Array,
  from: number,
  target: Uint8Array,
  to: number,
  [height, width, channels]: readonly [number, number, number],
  { isMirrored, down, right }: ImageTransform,
): void {
  if (!isMirrored && down === 0 && right === 0) {
    target.set(source.subarray(from, from + height * width * channels), to);
    return;
  }
  let at = to;
  for (let y = 0; y < height; y++) {
    const row = from + reflect(y - down, height) * width * channels;
    for (let x = 0; x < width; x++) {
      const column = reflect(x - right, width);
      const pixel = row + (isMirrored ? width - 1 - column : column) * channels;
      for (let channel = 0; channel < channels; channel++) target[at++] = source[pixel + channel]!;
    }
  }
}

/** The source row and column of each pixel of a transformed image, for engines that transform by lookup. */
export interface TransformTables {
  /** `[2 translate + 1, height]`: for each vertical offset, from up to down, the source row of each row. */
  readonly rows: Int32Array;
  /** `[2 (2 translate + 1), width]`: the same for columns, from left to right; then those of mirrored images. */
  readonly columns: Int32Array;
}

/** @param translate the largest offset, in pixels */
export function transformTables(
  [height, width]: readonly [number, number, number],
  translate: number,
): TransformTables {
  const offsets = Array.from({ length: 2 * translate + 1 }, (_, index) => index - translate);
  const sources = (size: number) =>
    offsets.flatMap((by) => Array.from({ length: size }, (_, position) => reflect(position - by, size)));
  const columns = sources(width);
  return {
    rows: Int32Array.from(sources(height)),
    columns: Int32Array.from([...columns, ...columns.map((column) => width - 1 - column)]),
  };
}

/** The row of each table that belongs to a transform. */
export function inTransformTables(
  { isMirrored, down, right }: ImageTransform,
  translate: number,
): { row: number; column: number } {
  const offsets = 2 * translate + 1;
  return { row: translate + down, column: translate + right + (isMirrored ? offsets : 0) };
}

/** -1 becomes 1, and `size` becomes `size - 2`. */
function reflect(position: number, size: number): number {
  if (position < 0) return -position;
  return position < size ? position : 2 * (size - 1) - position;
}
