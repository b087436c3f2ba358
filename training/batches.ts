import { type Augmentation, viewsOfEpoch, writeView } from './augment.ts';
import type { Split } from './data/dataset.ts';
import type { Batch } from './engine.ts';
import { purpose, random } from './random.ts';

export interface BatchesOptions {
  /** Height, width and channels of an image. */
  readonly imageSize: readonly [number, number, number];
  /** Images a batch. */
  readonly size: number;
  readonly seed: number;
  readonly epoch: number;
  readonly augmentation: Augmentation;
  /** Batches of the epoch to pass over: those that were trained on before a checkpoint. @default 0 */
  readonly skip?: number;
}

/** Whole batches in an epoch. */
export function batchesPerEpoch(split: Split, size: number): number {
  return Math.floor(split.count / size);
}

/**
 * One epoch of training batches, in an order of its own.
 *
 * A step is compiled for one batch size, so the images left over at the end of an epoch (fewer than a batch) are not
 * trained on in it; the next epoch has another order, so over a run each image is seen as often as the others. Nothing
 * is left over where it would matter, in evaluation.
 *
 * @returns batches whose memory is used again for the next one
 */
export function* batches(
  split: Split,
  { imageSize, size, seed, epoch, augmentation, skip = 0 }: BatchesOptions,
): Generator<Batch> {
  const order = random(seed, purpose.order, epoch).shuffle(
    Int32Array.from({ length: split.count }, (_, index) => index),
  );
  const viewOf = viewsOfEpoch(augmentation, { count: split.count, seed, epoch });
  const bytes = imageSize[0] * imageSize[1] * imageSize[2];
  const images = new Uint8Array(size * bytes); // [B, H, W, C]
  const labels = new Uint8Array(size); //         [B]
  for (let batch = skip; batch < batchesPerEpoch(split, size); batch++) {
    for (let at = 0; at < size; at++) {
      const image = order[batch * size + at]!;
      writeView(split.images, image * bytes, images, at * bytes, imageSize, viewOf(image));
      labels[at] = split.labels[image]!;
    }
    yield { images, labels };
  }
}
