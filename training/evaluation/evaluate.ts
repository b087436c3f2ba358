import { setImmediate } from 'node:timers/promises';
import { type View, writeView } from '../data/augment.ts';
import type { Split } from '../data/dataset.ts';
import { agreement, type Measurement, measure, topClasses } from './measure.ts';

/** @param images `[N, H, W, C]` uint8. @returns logits `[N, classes]` */
export type Predict = (images: Uint8Array) => Float32Array;

/** What a network makes of a split: every image counts once. */
export interface Evaluation extends Measurement {
  /** Top-1 accuracy with test-time augmentation. */
  readonly tta: number;
  /** `[images, classes]`, plain. */
  readonly logits: Float32Array;
}

export interface EvaluateOptions {
  /** Height, width and channels. */
  readonly imageSize: readonly [number, number, number];
  readonly classes: number;
  /** @default 1 */
  readonly temperature?: number;
  /** Called as parts of the work are done, with the share that is. */
  readonly onProgress?: (share: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Images a call: it blocks the event loop for well under a second. */
const CHUNK = 500;

/** The image and its mirror, each as it is and shifted by one pixel along the diagonal, both ways. */
const VIEWS: readonly (View & { readonly weight: number })[] = [
  { isMirrored: false, down: 0, right: 0, weight: 1 / 4 },
  { isMirrored: true, down: 0, right: 0, weight: 1 / 4 },
  { isMirrored: false, down: 1, right: 1, weight: 1 / 8 },
  { isMirrored: true, down: 1, right: 1, weight: 1 / 8 },
  { isMirrored: false, down: -1, right: -1, weight: 1 / 8 },
  { isMirrored: true, down: -1, right: -1, weight: 1 / 8 },
];

/**
 * Top-1 accuracy, plain and with test-time augmentation: the weighted mean of the logits of six views of each image.
 *
 * @see airbench, arXiv:2404.00498 §3.5
 */
export async function evaluate(predict: Predict, split: Split, options: EvaluateOptions): Promise<Evaluation> {
  const { imageSize, classes, temperature, onProgress, signal } = options;
  const bytes = imageSize[0] * imageSize[1] * imageSize[2];
  const plain = new Float32Array(split.count * classes);
  const mean = new Float32Array(split.count * classes);
  for (let from = 0; from < split.count; from += CHUNK) {
    const count = Math.min(CHUNK, split.count - from);
    for (const { weight, ...view } of VIEWS) {
      signal?.throwIfAborted();
      const images = new Uint8Array(count * bytes); // [count, H, W, C]
      for (let image = 0; image < count; image++) {
        writeView(split.images, (from + image) * bytes, images, image * bytes, imageSize, view);
      }
      const logits = predict(images); // [count, classes]
      if (isPlain(view)) plain.set(logits, from * classes);
      for (const [at, logit] of logits.entries()) mean[from * classes + at]! += weight * logit;
      await setImmediate();
    }
    onProgress?.((from + count) / split.count);
  }
  return {
    ...measure(plain, split.labels, { classes, temperature }),
    tta: agreement(topClasses(mean, classes), split.labels),
    logits: plain,
  };
}

/** Logits of a whole split, without augmentation. @returns `[count, classes]` */
export async function logitsOf(predict: Predict, split: Split, classes: number): Promise<Float32Array> {
  const bytes = split.images.length / split.count;
  const logits = new Float32Array(split.count * classes);
  for (let from = 0; from < split.count; from += CHUNK) {
    logits.set(predict(split.images.subarray(from * bytes, (from + CHUNK) * bytes)), from * classes);
    await setImmediate();
  }
  return logits;
}

function isPlain({ isMirrored, down, right }: View): boolean {
  return !isMirrored && down === 0 && right === 0;
}
