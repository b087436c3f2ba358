import { purpose, random } from '../random/random.ts';
import { type Augmentation, viewsOfEpoch, writeView } from './augment.ts';
import type { Batch, BatchPlan } from './batch.ts';
import type { Split } from './dataset.ts';

export interface BatchPlansOptions {
  /** Images a batch. */
  readonly size: number;
  readonly seed: number;
  readonly epoch: number;
  readonly augmentation: Augmentation;
  /** Batches of the epoch to pass over: those that were trained on before a checkpoint. @default 0 */
  readonly skip?: number;
}

export interface BatchesOptions extends BatchPlansOptions {
  /** Height, width and channels of an image. */
  readonly imageSize: readonly [number, number, number];
}

/** Whole batches in an epoch. */
export function batchesPerEpoch(split: Split, size: number): number {
  return Math.floor(split.count / size);
}

/**
 * What the batches of one epoch are of, in an order of its own: all that is random about them.
 *
 * A step is compiled for one batch size, so the images left over at the end of an epoch (fewer than a batch) are not
 * trained on in it; the next epoch has another order, so over a run each image is seen as often as the others. Nothing
 * is left over where it would matter, in evaluation.
 *
 * @param count of images in the split
 */
export function* batchPlans(
  count: number,
  { size, seed, epoch, augmentation, skip = 0 }: BatchPlansOptions,
): Generator<BatchPlan> {
  const order = random(seed, purpose.order, epoch).shuffle(Int32Array.from({ length: count }, (_, index) => index));
  const viewOf = viewsOfEpoch(augmentation, { count, seed, epoch });
  for (let from = skip * size; from + size <= count; from += size) {
    const images = order.subarray(from, from + size);
    yield { images, views: Array.from(images, viewOf) };
  }
}

/**
 * What the batches of a run are of, epoch after epoch, without end.
 *
 * @param from the number of the first step, counted from the start of the run
 */
export function* plansFrom(
  from: number,
  count: number,
  options: Omit<BatchPlansOptions, 'epoch' | 'skip'>,
): Generator<BatchPlan, never> {
  const perEpoch = Math.floor(count / options.size);
  let skip = from % perEpoch;
  for (let epoch = Math.floor(from / perEpoch); ; epoch++) {
    yield* batchPlans(count, { ...options, epoch, skip });
    skip = 0;
  }
}

/** @param into memory for a batch, which it is written to */
export function writeBatch(
  split: Split,
  { images, views }: BatchPlan,
  imageSize: readonly [number, number, number],
  into: Batch,
): void {
  const bytes = imageSize[0] * imageSize[1] * imageSize[2];
  for (const [at, image] of images.entries()) {
    writeView(split.images, image * bytes, into.images, at * bytes, imageSize, views[at]!);
    into.labels[at] = split.labels[image]!;
  }
}

/** Memory for a batch. @param Memory what it is in; that which is shared is seen by other threads */
export function emptyBatch(
  size: number,
  [height, width, channels]: readonly [number, number, number],
  Memory: typeof ArrayBuffer | typeof SharedArrayBuffer = ArrayBuffer,
): Batch {
  return {
    images: new Uint8Array(new Memory(size * height * width * channels)), // [B, H, W, C]
    labels: new Uint8Array(new Memory(size)), //                             [B]
  };
}

/**
 * One epoch of training batches, as `batchPlans` has them.
 *
 * @returns batches whose memory is used again for the next one
 */
export function* batches(split: Split, { imageSize, ...options }: BatchesOptions): Generator<Batch> {
  const batch = emptyBatch(options.size, imageSize);
  for (const plan of batchPlans(split.count, options)) {
    writeBatch(split, plan, imageSize, batch);
    yield batch;
  }
}
