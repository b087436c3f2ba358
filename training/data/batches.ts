import { purpose, random } from '../random/random.ts';
import { transformsOfEpoch, writeTransformed } from './augment.ts';
import type { Augmentation } from './augmentation.ts';
import type { Batch, BatchPlan } from './batch.ts';
import type { Split } from './dataset.ts';
import { emptyLabels } from './labels.ts';

export interface BatchesOptions {
  /** Images in a batch. */
  readonly size: number;
  readonly seed: number;
  readonly epoch: number;
  readonly augmentation: Augmentation;
  /** Height, width and channels of an image. */
  readonly imageSize: readonly [number, number, number];
  /** Batches to skip at the start of the epoch: those that were trained on before a checkpoint. @default 0 */
  readonly skip?: number;
}

/** What plans are made from. */
type PlannedSplit = Pick<Split, 'count' | 'images'>;

/** Whole batches in an epoch. */
export function batchesPerEpoch(split: Split, size: number): number {
  return Math.floor(split.count / size);
}

/**
 * Plans the batches of one epoch, whose order is drawn by seed and epoch. All randomness of batches is here.
 *
 * A step is compiled for one batch size, so the images left over at the end of an epoch (fewer than a batch) are not
 * trained on in it; the next epoch has another order, so over a run all images are seen about equally often. Evaluation
 * leaves no image out.
 */
export function* batchPlans(
  split: PlannedSplit,
  { size, seed, epoch, augmentation, imageSize, skip = 0 }: BatchesOptions,
): Generator<BatchPlan> {
  const { count } = split;
  const order = random(seed, purpose.order, epoch).shuffle(Int32Array.from({ length: count }, (_, index) => index));
  const transformOf = transformsOfEpoch(augmentation, { split, imageSize, seed, epoch });
  for (let from = skip * size; from + size <= count; from += size) {
    const images = order.subarray(from, from + size);
    yield { images, transforms: Array.from(images, transformOf) };
  }
}

/**
 * Plans the batches of a run, epoch after epoch, without end.
 *
 * @param from the number of the first step, counted from the start of the run
 */
export function* plansFrom(
  from: number,
  split: PlannedSplit,
  options: Omit<BatchesOptions, 'epoch' | 'skip'>,
): Generator<BatchPlan, never> {
  const perEpoch = Math.floor(split.count / options.size);
  let skip = from % perEpoch;
  for (let epoch = Math.floor(from / perEpoch); ; epoch++) {
    yield* batchPlans(split, { ...options, epoch, skip });
    skip = 0;
  }
}

/** @param into memory for a batch, which is overwritten */
export function writeBatch(
  split: Split,
  { images, transforms }: BatchPlan,
  imageSize: readonly [number, number, number],
  into: Batch,
): void {
  const bytes = imageSize[0] * imageSize[1] * imageSize[2];
  for (const [at, image] of images.entries()) {
    writeTransformed(split.images, image * bytes, into.images, at * bytes, imageSize, transforms[at]!);
    into.labels[at] = split.labels[image]!;
  }
}

/**
 * Memory for a batch of a split's images.
 *
 * @param Memory shared memory is seen by other threads
 */
export function emptyBatch(
  split: Split,
  { size, imageSize: [height, width, channels] }: Pick<BatchesOptions, 'size' | 'imageSize'>,
  Memory: typeof ArrayBuffer | typeof SharedArrayBuffer = ArrayBuffer,
): Batch {
  return {
    images: new Uint8Array(new Memory(size * height * width * channels)), // [B, H, W, C]
    labels: emptyLabels(split.labels, size, Memory), //                      [B]
  };
}

/**
 * One epoch of training batches, as `batchPlans` plans them.
 *
 * @returns batches that share their memory: each overwrites the one before
 */
export function* batches(split: Split, options: BatchesOptions): Generator<Batch> {
  const batch = emptyBatch(split, options);
  for (const plan of batchPlans(split, options)) {
    writeBatch(split, plan, options.imageSize, batch);
    yield batch;
  }
}
