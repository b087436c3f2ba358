import { sizeOf } from '#models/size-of.ts';
import { purpose, random } from '../random/random.ts';
import { type Augmentation, kindsOf } from './augmentation.ts';
import { cutOut } from './cut-out.ts';
import type { Split } from './dataset.ts';
import { type PhotoTransform, photoTransform } from './photo-transforms.ts';
import { recolor } from './recolor.ts';
import { type Grid, writeResampled } from './resample.ts';

/** How one image is changed. */
export interface ImageTransform extends PhotoTransform {
  readonly isMirrored: boolean;
  /** Whether top and bottom are exchanged. Absent where images are never turned upside down. */
  readonly isUpsideDown?: boolean;
  /** Pixels; negative is up. Rows that leave at the bottom are replaced at the top by reflection. */
  readonly down: number;
  /** Pixels; negative is left. */
  readonly right: number;
}

export interface EpochOptions {
  readonly split: Pick<Split, 'count' | 'images'>;
  /** Height, width and channels of an image. */
  readonly imageSize: readonly [number, number, number];
  readonly seed: number;
  readonly epoch: number;
}

/**
 * Draws the transforms of a whole epoch. They depend on seed, epoch and image alone, so that any batch can be made again.
 *
 * @returns the transform of an image, by its index in the split
 */
export function transformsOfEpoch(
  augmentation: Augmentation,
  { split: { count, images }, imageSize, seed, epoch }: EpochOptions,
): (image: number) => ImageTransform {
  const { flip, verticalFlip = 'none', translate } = augmentation;
  const isMirrored = new Uint8Array(count);
  if (flip !== 'none') {
    const coin = random(seed, purpose.flips, flip === 'random' ? epoch : 0);
    const turned = flip === 'alternating' ? epoch % 2 : 0;
    for (let image = 0; image < count; image++) isMirrored[image] = coin.integer(2) ^ turned;
  }
  const isUpsideDown = new Uint8Array(verticalFlip === 'none' ? 0 : count);
  const coin = random(seed, purpose.verticalFlips, epoch);
  for (const image of isUpsideDown.keys()) isUpsideDown[image] = coin.integer(2);
  const offsets = new Int8Array(2 * count);
  if (translate > 0) {
    const die = random(seed, purpose.crops, epoch);
    for (let at = 0; at < offsets.length; at++) offsets[at] = die.integer(2 * translate + 1) - translate;
  }
  const place = (image: number) => ({
    isMirrored: isMirrored[image] === 1,
    ...(verticalFlip !== 'none' && { isUpsideDown: isUpsideDown[image] === 1 }),
    down: offsets[2 * image]!,
    right: offsets[2 * image + 1]!,
  });
  if (!Object.values(kindsOf(augmentation)).includes(true)) return place;
  const bytes = sizeOf(imageSize);
  return (image) => {
    const pixels = images.subarray(image * bytes, (image + 1) * bytes);
    return { ...place(image), ...photoTransform(augmentation, pixels, { size: imageSize, seed, epoch, image }) };
  };
}

/**
 * Writes a transformed image.
 *
 * @param from where the image begins in `source`
 * @param to where it begins in `target`
 * @param size height, width and channels
 */
export function writeTransformed(
  source: Uint8Array,
  from: number,
  target: Uint8Array,
  to: number,
  size: readonly [number, number, number],
  transform: ImageTransform,
): void {
  const { resampling, recoloring, hole } = transform;
  if (resampling === undefined) writeMoved(source, from, target, to, size, transform);
  else writeResampled(source, from, target, to, size, gridOf(size, transform), resampling);
  if (recoloring !== undefined) recolor(target, to, sizeOf(size), recoloring);
  if (hole !== undefined) cutOut(target, to, size, hole);
}

/** Mirrors first, then moves, with the border reflected (the outermost pixel is not repeated). */
function writeMoved(
  source: Uint8Array,
  from: number,
  target: Uint8Array,
  to: number,
  [height, width, channels]: readonly [number, number, number],
  { isMirrored, isUpsideDown = false, down, right }: ImageTransform,
): void {
  if (!isMirrored && !isUpsideDown && down === 0 && right === 0) {
    target.set(source.subarray(from, from + height * width * channels), to);
    return;
  }
  let at = to;
  for (let y = 0; y < height; y++) {
    const row = from + sourceOf(y, down, height, isUpsideDown) * width * channels;
    for (let x = 0; x < width; x++) {
      const pixel = row + sourceOf(x, right, width, isMirrored) * channels;
      for (let channel = 0; channel < channels; channel++) target[at++] = source[pixel + channel]!;
    }
  }
}

function gridOf(
  [height, width]: readonly [number, number, number],
  { isMirrored, isUpsideDown = false, down, right }: ImageTransform,
): Grid {
  return {
    rows: Int32Array.from({ length: height }, (_, row) => sourceOf(row, down, height, isUpsideDown)),
    columns: Int32Array.from({ length: width }, (_, column) => sourceOf(column, right, width, isMirrored)),
  };
}

/** Where the pixels of a row or a column come from, if they were first turned around, if at all, and then moved. */
function sourceOf(position: number, by: number, size: number, isTurned: boolean): number {
  const moved = reflect(position - by, size);
  return isTurned ? size - 1 - moved : moved;
}

/** The source row and column of each pixel of a transformed image, for engines that transform by lookup. */
export interface TransformTables {
  /**
   * `[2 (2 translate + 1), height]`: for each vertical offset, from up to down, the source row of each row; then those of images
   * that are upside down.
   */
  readonly rows: Int32Array;
  /** `[2 (2 translate + 1), width]`: the same for columns, from left to right; then those of mirrored images. */
  readonly columns: Int32Array;
}

/** @param translate the largest offset, in pixels */
export function transformTables(
  [height, width]: readonly [number, number, number],
  translate: number,
): TransformTables {
  const offsets = Array.from({ length: 2 * translate + 1 }, (_, index) => index - translate);
  const sources = (size: number) =>
    [false, true].flatMap((isTurned) =>
      offsets.flatMap((by) => Array.from({ length: size }, (_, position) => sourceOf(position, by, size, isTurned))),
    );
  return { rows: Int32Array.from(sources(height)), columns: Int32Array.from(sources(width)) };
}

/**
 * A transform in whole numbers, for engines: the row of each table of `transformTables`, then, where the augmentation has them, 6
 * of the resampling, 12 of the recoloring and the hole's top, bottom, left and right.
 */
export function numbersOf(
  { isMirrored, isUpsideDown = false, down, right, resampling, recoloring, hole }: ImageTransform,
  translate: number,
): number[] {
  const line = (by: number, isTurned: boolean) => translate + by + (isTurned ? 2 * translate + 1 : 0);
  const edges = hole === undefined ? [] : [hole.top, hole.bottom, hole.left, hole.right];
  return [line(down, isUpsideDown), line(right, isMirrored), ...(resampling ?? []), ...(recoloring ?? []), ...edges];
}

/** How many numbers a transform of an augmentation has. */
export function numbersPerTransform(augmentation: Augmentation): number {
  const { isResampled, isRecolored, isCut } = kindsOf(augmentation);
  return 2 + (isResampled ? 6 : 0) + (isRecolored ? 12 : 0) + (isCut ? 4 : 0);
}

/** -1 becomes 1, and `size` becomes `size - 2`. */
function reflect(position: number, size: number): number {
  if (position < 0) return -position;
  return position < size ? position : 2 * (size - 1) - position;
}
