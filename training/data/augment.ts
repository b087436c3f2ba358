import { purpose, random } from '../random/random.ts';

/** How training images are varied. On bytes, before they are normalised, so that an engine is fed bytes. */
export interface Augmentation {
  /**
   * `random`: each image is mirrored with probability ½ in each epoch. `alternating`: half of them, drawn once, are mirrored
   * in even epochs and the other half in odd ones, so that two epochs show both sides of every image.
   *
   * @see airbench, arXiv:2404.00498 §3.6
   */
  readonly flip: 'none' | 'random' | 'alternating';
  /** Each image is shifted by up to so many pixels, down or up and right or left; the border is reflected. 0 for none. */
  readonly shift: number;
}

/** What becomes of one image. */
export interface View {
  readonly isMirrored: boolean;
  /** Pixels; what leaves below comes from above. */
  readonly down: number;
  readonly right: number;
}

/**
 * The views of a whole epoch, keyed by seed and epoch alone: any batch of it can be made again.
 *
 * @returns the view of the image at an index of the split
 */
export function viewsOfEpoch(
  { flip, shift }: Augmentation,
  { count, seed, epoch }: { readonly count: number; readonly seed: number; readonly epoch: number },
): (image: number) => View {
  const isMirrored = new Uint8Array(count);
  if (flip !== 'none') {
    const coin = random(seed, purpose.flips, flip === 'random' ? epoch : 0);
    const turned = flip === 'alternating' ? epoch % 2 : 0;
    for (let image = 0; image < count; image++) isMirrored[image] = coin.integer(2) ^ turned;
  }
  const shifts = new Int8Array(2 * count);
  if (shift > 0) {
    const die = random(seed, purpose.crops, epoch);
    for (let at = 0; at < shifts.length; at++) shifts[at] = die.integer(2 * shift + 1) - shift;
  }
  return (image) => ({
    isMirrored: isMirrored[image] === 1,
    down: shifts[2 * image]!,
    right: shifts[2 * image + 1]!,
  });
}

/**
 * Writes one view of an image: mirrored first, then shifted, with the border reflected (the outermost pixel is not repeated).
 *
 * @param from where in `source` the image begins; `to` the same for `target`
 * @param size height, width and channels
 */
export function writeView(
  source: Uint8Array,
  from: number,
  target: Uint8Array,
  to: number,
  [height, width, channels]: readonly [number, number, number],
  { isMirrored, down, right }: View,
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

/** Where the rows and columns of views come from, so that a view can be made by looking up. */
export interface ViewTables {
  /** `[2 shift + 1, height]`: for each shift, from up to down, the row of the image for each row of the view. */
  readonly rows: Int32Array;
  /** `[2 (2 shift + 1), width]`: the same of columns, from left to right; then those of mirrored images. */
  readonly columns: Int32Array;
}

/** @param shift the largest, in pixels */
export function viewTables([height, width]: readonly [number, number, number], shift: number): ViewTables {
  const shifts = Array.from({ length: 2 * shift + 1 }, (_, index) => index - shift);
  const sources = (size: number) =>
    shifts.flatMap((by) => Array.from({ length: size }, (_, position) => reflect(position - by, size)));
  const columns = sources(width);
  return {
    rows: Int32Array.from(sources(height)),
    columns: Int32Array.from([...columns, ...columns.map((column) => width - 1 - column)]),
  };
}

/** Which row of each table is a view's. */
export function inViewTables({ isMirrored, down, right }: View, shift: number): { row: number; column: number } {
  const shifts = 2 * shift + 1;
  return { row: shift + down, column: shift + right + (isMirrored ? shifts : 0) };
}

/** -1 is 1, and `size` is `size - 2`. */
function reflect(position: number, size: number): number {
  if (position < 0) return -position;
  return position < size ? position : 2 * (size - 1) - position;
}
