import { purpose, random } from './random.ts';

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

/** -1 is 1, and `size` is `size - 2`. */
function reflect(position: number, size: number): number {
  if (position < 0) return -position;
  return position < size ? position : 2 * (size - 1) - position;
}
