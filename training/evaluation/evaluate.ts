import { setImmediate } from 'node:timers/promises';
import { sizeOf } from '#models/size-of.ts';
import { type ImageTransform, writeTransformed } from '../data/augment.ts';
import type { Split } from '../data/dataset.ts';
import { type View, views } from '../data/views.ts';
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

/** Times that an image is computed to evaluate a network. */
export const PASSES = views.six.length;

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
  const bytes = sizeOf(imageSize);
  const plain = new Float32Array(split.count * classes);
  const mean = new Float32Array(split.count * classes);
  for (let from = 0; from < split.count; from += CHUNK) {
    const count = Math.min(CHUNK, split.count - from);
    for (const { weight, ...transform } of views.six) {
      signal?.throwIfAborted();
      const images = viewOf(split.images.subarray(from * bytes, (from + count) * bytes), imageSize, transform);
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

/**
 * Logits of a whole split with test-time augmentation: the weighted mean of those of each view.
 *
 * @returns `[count, classes]`
 */
export async function meanLogitsOf(
  predict: Predict,
  split: Split,
  { of, imageSize, classes }: { readonly of: readonly View[] } & Pick<EvaluateOptions, 'imageSize' | 'classes'>,
): Promise<Float32Array> {
  const mean = new Float32Array(split.count * classes);
  for (const { weight, ...transform } of of) {
    const logits = await logitsOf(predict, { ...split, images: viewOf(split.images, imageSize, transform) }, classes);
    for (const [at, logit] of logits.entries()) mean[at]! += weight * logit;
  }
  return mean;
}

/** A view of each image. @param images `[N, H, W, C]` uint8 @returns the same */
function viewOf(
  images: Uint8Array,
  imageSize: EvaluateOptions['imageSize'],
  transform: ImageTransform,
): Uint8Array<ArrayBuffer> {
  const made = new Uint8Array(images.length);
  const bytes = sizeOf(imageSize);
  for (let at = 0; at < images.length; at += bytes) writeTransformed(images, at, made, at, imageSize, transform);
  return made;
}

function isIdentity({ isMirrored, down, right }: ImageTransform): boolean {
  return !isMirrored && down === 0 && right === 0;
}
