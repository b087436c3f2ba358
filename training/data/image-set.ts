/** What a net must know of the images that it is made for. */
export interface ImageSet {
  /** Height, width and channels of an image. */
  readonly size: readonly [number, number, number];
  readonly classes: number;
  /** Per channel, of values in [0, 1]. */
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

/** CIFAR-10; mean and deviation are those of its 50,000 training images. */
export const cifar10Images: ImageSet = {
  size: [32, 32, 3],
  classes: 10,
  mean: [0.4914, 0.48216, 0.44653],
  deviation: [0.24703, 0.24349, 0.26159],
};
