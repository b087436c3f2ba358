import { setImmediate } from 'node:timers/promises';
import { type ImageTransform, writeTransformed } from '../data/augment.ts';
import type { Split } from '../data/dataset.ts';
import type { Evaluation } from './evaluation.ts';
import { agreement, measure, topClasses } from './measure.ts';

/** @param images `[N, H, W, C]` uint8 @returns logits `[N, classes]` */
export type Predict = (images: Uint8Array) => Float32Array;

export interface EvaluateOptions {
  /** Height, width and channels. */
  readonly imageSize: readonly [number, number, number];
  readonly classes: number;
  /** @default 1 */
  readonly temperature?: number;
  /** Called after each part of the work, with the share done so far. */
  readonly onProgress?: (share: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Images in one call, which blocks the event loop for well under a second. */
const CHUNK = 500;

/** The image and its mirror image, each unchanged and moved by one pixel along the diagonal, in both directions. */
const TRANSFORMS: readonly (ImageTransform & { readonly weight: number })[] = [
  { isMirrored: false, down: 0, right: 0, weight: 1 / 4 },
  { isMirrored: true, down: 0, right: 0, weight: 1 / 4 },
  { isMirrored: false, down: 1, right: 1, weight: 1 / 8 },
  { isMirrored: true, down: 1, right: 1, weight: 1 / 8 },
  { isMirrored: false, down: -1, right: -1, weight: 1 / 8 },
  { isMirrored: true, down: -1, right: -1, weight: 1 / 8 },
];

/** Times that an image is computed to evaluate a network. */
export const PASSES = TRANSFORMS.length;

/**
 * Evaluates a network, without and with test-time augmentation: the weighted mean of the logits of six transforms of each
 * image.
 *
 * @see airbench, arXiv:2404.00498 §3.5
 */
export async function evaluate(
  predict: (images: Uint8Array) => Float32Array | Promise<Float32Array>,
  split: Split,
  options: EvaluateOptions,
): Promise<Evaluation & { readonly tta: number }> {
  const { imageSize, classes, temperature, onProgress, signal } = options;
  const bytes = imageSize[0] * imageSize[1] * imageSize[2];
  const plain = new Float32Array(split.count * classes);
  const mean = new Float32Array(split.count * classes);
  for (let from = 0; from < split.count; from += CHUNK) {
    const count = Math.min(CHUNK, split.count - from);
    for (const { weight, ...transform } of TRANSFORMS) {
      signal?.throwIfAborted();
      const images = new Uint8Array(count * bytes); // [count, H, W, C]
      for (let image = 0; image < count; image++) {
        writeTransformed(split.images, (from + image) * bytes, images, image * bytes, imageSize, transform);
      }
      const logits = await predict(images); // [count, classes]
      if (isIdentity(transform)) plain.set(logits, from * classes);
      for (const [at, logit] of logits.entries()) mean[from * classes + at]! += weight * logit;
      await setImmediate();
    }
    onProgress?.((from + count) / split.count);
  }
  return {
    ...measure(plain, split.labels, { classes, temperature }),
    tta: agreement(topClasses(mean, classes), split.labels),
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

function isIdentity({ isMirrored, down, right }: ImageTransform): boolean {
  return !isMirrored && down === 0 && right === 0;
}
