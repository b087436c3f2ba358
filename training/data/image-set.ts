/** What a net must know of the images that it is made for. */
export interface ImageSet {
  /** Height, width and channels of an image. */
  readonly size: readonly [number, number, number];
  readonly classes: number;
  /** Per channel, of values in [0, 1]. */
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

/** CIFAR-10; mean and deviation are `channelStatistics` of its 50,000 training images. */
export const cifar10Images: ImageSet = {
  size: [32, 32, 3],
  classes: 10,
  mean: [0.4914, 0.48216, 0.44653],
  deviation: [0.24703, 0.24349, 0.26159],
};

/**
 * Mean and standard deviation of each channel, which nets normalise with. Sums are exact; five decimals are kept,
 * so that the numbers can be written down. A channel that never varies has the deviation 1.
 *
 * @param images `[N, H, W, channels]` uint8
 * @returns one value for each channel, for pixels in [0, 1]
 */
export function channelStatistics(images: Uint8Array, channels: number): Pick<ImageSet, 'mean' | 'deviation'> {
  const sums = new Float64Array(channels);
  const squares = new Float64Array(channels);
  for (let channel = 0; channel < channels; channel++) {
    let sum = 0;
    let square = 0;
    for (let at = channel; at < images.length; at += channels) {
      const value = images[at]!;
      sum += value;
      square += value * value;
    }
    sums[channel] = sum;
    squares[channel] = square;
  }
  const count = images.length / channels;
  const rounded = (value: number) => Math.round(1e5 * value) / 1e5;
  return {
    mean: Array.from(sums, (sum) => rounded(sum / count / 255)),
    deviation: Array.from(sums, (sum, channel) => {
      const variance = squares[channel]! / count - (sum / count) ** 2;
      return rounded(Math.sqrt(Math.max(0, variance)) / 255) || 1;
    }),
  };
}
