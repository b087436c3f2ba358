/** A rectangle of an image: rows `top` to `bottom - 1`, columns `left` to `right - 1`. It may reach beyond the border. */
export interface Hole {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

/** What a hole is filled with: grey, as the edges of padded images are. */
export const holeValue = 128;

/**
 * Fills a hole in an image, in place.
 *
 * @param from where the image begins
 * @see DeVries & Taylor 2017, arXiv:1708.04552
 */
export function cutOut(
  images: Uint8Array,
  from: number,
  [height, width, channels]: readonly [number, number, number],
  { top, bottom, left, right }: Hole,
): void {
  const first = Math.max(0, left);
  const end = Math.min(width, right);
  for (let row = Math.max(0, top); row < Math.min(height, bottom); row++) {
    const start = from + row * width * channels;
    images.fill(holeValue, start + first * channels, start + end * channels);
  }
}
