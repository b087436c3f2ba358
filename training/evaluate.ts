import { setImmediate } from 'node:timers/promises';
import { type View, writeView } from './augment.ts';
import type { Split } from './data/dataset.ts';
import { crossEntropy } from './temperature.ts';

/** @param images `[N, H, W, C]` uint8. @returns logits `[N, classes]` */
export type Predict = (images: Uint8Array) => Float32Array;

/** What a network makes of a split: every image counts once. Fractions are in [0, 1]. */
export interface Evaluation {
  readonly images: number;
  readonly plain: number;
  /** With test-time augmentation. */
  readonly tta: number;
  /** Mean cross-entropy of the plain answers, at the given temperature. */
  readonly loss: number;
  /** How many images of a class (row) got which answer (column). */
  readonly confusion: readonly (readonly number[])[];
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
  const { imageSize, classes, temperature = 1, onProgress, signal } = options;
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
  const answers = topClasses(plain, classes);
  return {
    images: split.count,
    plain: agreement(answers, split.labels),
    tta: agreement(topClasses(mean, classes), split.labels),
    loss: crossEntropy(plain, split.labels, temperature),
    confusion: confusionOf(answers, split.labels, classes),
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

/** The index of the highest logit of each row; of equal ones the first. */
export function topClasses(logits: Float32Array, classes: number): Uint8Array {
  return Uint8Array.from({ length: logits.length / classes }, (_, image) => {
    const row = logits.subarray(image * classes, (image + 1) * classes);
    return row.indexOf(Math.max(...row));
  });
}

/** @returns the share of images whose answer is their label */
export function agreement(answers: Uint8Array, labels: Uint8Array): number {
  let right = 0;
  for (const [image, label] of labels.entries()) if (answers[image] === label) right++;
  return right / labels.length;
}

/**
 * Wilson's interval, which holds the true accuracy in 95 of 100 test sets of this size.
 *
 * @param accuracy a fraction of `images`
 */
export function interval95(accuracy: number, images: number): [low: number, high: number] {
  const z = 1.959964;
  const middle = accuracy + z ** 2 / (2 * images);
  const half = z * Math.sqrt((accuracy * (1 - accuracy)) / images + z ** 2 / (4 * images ** 2));
  const scale = 1 + z ** 2 / images;
  return [Math.max(0, (middle - half) / scale), Math.min(1, (middle + half) / scale)];
}

function isPlain({ isMirrored, down, right }: View): boolean {
  return !isMirrored && down === 0 && right === 0;
}

function confusionOf(answers: Uint8Array, labels: Uint8Array, classes: number): number[][] {
  const confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (const [image, label] of labels.entries()) confusion[label]![answers[image]!]!++;
  return confusion;
}
