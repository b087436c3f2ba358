import { setImmediate } from 'node:timers/promises';
import { sizeOf } from '#models/size-of.ts';
import { type ImageTransform, writeTransformed } from '../data/augment.ts';
import type { Split } from '../data/dataset.ts';
import type { Labels } from '../data/labels.ts';
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

/** Asked once for each part of the work; an endpoint answers later. */
type Answer = (images: Uint8Array) => Float32Array | Promise<Float32Array>;

/**
 * Evaluates a network, without and with test-time augmentation: the weighted mean of the logits of six transforms of each
 * image.
 *
 * @see airbench, arXiv:2404.00498 §3.5
 */
export async function evaluate(
  predict: Answer,
  split: Split,
  options: EvaluateOptions,
): Promise<Evaluation & { readonly tta: number }> {
  const { classes, temperature } = options;
  const { plain, mean } = await viewsOf(predict, split, options);
  return {
    ...measure(plain, split.labels, { classes, temperature }),
    tta: agreement(topClasses(mean, classes), split.labels),
  };
}

/**
 * Logits of all images, `[count, classes]`: as they are, and the weighted mean over the six transforms.
 *
 * @param transforms the first of the six, which is none, and others: the mean has their parts alone. @default all six
 */
export async function viewsOf(
  predict: Answer,
  split: Split,
  options: EvaluateOptions,
  transforms: readonly View[] = views.six,
): Promise<{ readonly plain: Float32Array; readonly mean: Float32Array }> {
  const plain = new Float32Array(split.count * options.classes);
  const mean = new Float32Array(plain.length);
  const all = Array.from({ length: split.count }, (_, image) => image);
  await addViews(mean, { predict, split, images: all, transforms, into: plain }, options);
  return { plain, mean };
}

const [unchanged, ...changed] = views.six;

/** Evaluates a network on images as they are. */
export async function evaluatePlainly(predict: Answer, split: Split, options: EvaluateOptions): Promise<Evaluation> {
  const { plain } = await viewsOf(predict, split, options, [unchanged]);
  return measure(plain, split.labels, options);
}

/** The share of images that selective augmentation looks at six times. */
export const UNSURE = 1 / 4;

/**
 * Evaluates a network with test-time augmentation of the images alone that it is least sure of: those whose two highest logits are
 * closest. Each other image keeps its plain answer, so that there are 2.25 views an image instead of six. It is not
 * airbench's augmentation, and has a name of its own.
 */
export async function evaluateSelectively(
  predict: Answer,
  split: Split,
  options: EvaluateOptions,
): Promise<Evaluation & { readonly selectiveTta: number }> {
  const { classes, onProgress } = options;
  // The first view of all images, and five more of a quarter.
  const first = 1 / (1 + UNSURE * changed.length);
  const plainly = { ...options, onProgress: (done: number) => onProgress?.(done * first) };
  const { plain, mean } = await viewsOf(predict, split, plainly, [unchanged]);
  const images = leastSure(plain, classes, UNSURE);
  const then = { ...options, onProgress: (done: number) => onProgress?.(first + done * (1 - first)) };
  await addViews(mean, { predict, split, images, transforms: changed }, then);
  return {
    ...measure(plain, split.labels, options),
    selectiveTta: agreement(selectiveAnswers({ plain, mean }, classes, UNSURE), split.labels),
  };
}

/**
 * The answers with augmentation of the least sure images alone.
 *
 * @param logits `[N, classes]`; `mean` matters for those images only
 * @param share of the images
 */
export function selectiveAnswers(
  { plain, mean }: { readonly plain: Float32Array; readonly mean: Float32Array },
  classes: number,
  share: number,
): Labels {
  const logits = Float32Array.from(plain);
  for (const image of leastSure(plain, classes, share)) {
    logits.set(mean.subarray(image * classes, (image + 1) * classes), image * classes);
  }
  return topClasses(logits, classes);
}

/** The images whose two highest logits are closest, of equal ones the first. @returns their indices, in order */
function leastSure(logits: Float32Array, classes: number, share: number): number[] {
  const margins = Array.from({ length: logits.length / classes }, (_, image) => {
    const [best = 0, second = 0] = logits
      .slice(image * classes, (image + 1) * classes)
      .sort()
      .reverse();
    return { image, margin: best - second };
  });
  margins.sort((one, other) => one.margin - other.margin || one.image - other.image);
  const unsure = margins.slice(0, Math.ceil(share * margins.length)).map(({ image }) => image);
  return unsure.sort((one, other) => one - other);
}

interface Views {
  readonly predict: Answer;
  readonly split: Split;
  /** Indices in the split. */
  readonly images: readonly number[];
  readonly transforms: readonly View[];
  /** Takes the logits of images that are not transformed. */
  readonly into?: Float32Array;
}

/** Adds the weighted logits of transforms of some images to those of the split, `[count, classes]`. */
async function addViews(
  mean: Float32Array,
  { predict, split, images, transforms, into }: Views,
  { imageSize, classes, onProgress, signal }: EvaluateOptions,
): Promise<void> {
  const bytes = sizeOf(imageSize);
  for (let from = 0; from < images.length; from += CHUNK) {
    const chunk = images.slice(from, from + CHUNK);
    for (const { weight, ...transform } of transforms) {
      signal?.throwIfAborted();
      const pixels = new Uint8Array(chunk.length * bytes); // [chunk, H, W, C]
      for (const [at, image] of chunk.entries()) {
        writeTransformed(split.images, image * bytes, pixels, at * bytes, imageSize, transform);
      }
      const logits = await predict(pixels); // [chunk, classes]
      for (const [at, image] of chunk.entries()) {
        const row = logits.subarray(at * classes, (at + 1) * classes);
        if (isIdentity(transform)) into?.set(row, image * classes);
        for (const [index, logit] of row.entries()) mean[image * classes + index]! += weight * logit;
      }
      await setImmediate();
    }
    onProgress?.((from + chunk.length) / images.length);
  }
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
