import type { Fit } from '#images/fit-image.ts';
import type { DataIdentity } from '#models/data-identity.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import type { ImageSet } from './image-set.ts';
import type { Labels } from './labels.ts';

/** Labelled images in memory. What a class is called and how many there are is known here and nowhere downstream. */
export interface Dataset extends DataIdentity {
  /** The name for people, such as `CIFAR-10`. */
  readonly title: string;
  /** By class index. */
  readonly classes: readonly string[];
  readonly images: ImageSet;
  readonly train: Split;
  readonly test: Split;
  /** Which training images are held out: a share of each class, or the last ones, whatever their class. @default 'stratified' */
  readonly heldOutImages?: 'stratified' | 'last';
  /** How many training images the data set itself holds out, the last ones. @default the recipe's number */
  readonly heldOut?: number;
}

/** Pixels across and down that pictures may become. */
export const imageSizes = [32, 48, 64, 96, 128] as const;

/** What pictures of any size become: squares of so many pixels, and how a picture of another shape becomes one. */
export interface ImageForm {
  readonly size: number;
  readonly fit: Fit;
}

/** That of CIFAR-10. */
export const defaultForm: ImageForm = { size: 32, fit: 'crop' };

export interface LoadOptions {
  /** What pictures become; the images of a named data set are as they are. @default defaultForm */
  readonly image?: ImageForm;
  /** A bucket that keeps the data set for jobs: asked first, and given what it does not have. @default none */
  readonly bucket?: ObjectStore;
  /** Called with a line about each step that takes long. @default silent */
  readonly log?: (line: string) => void;
  /** Called often while something takes long, with a line that replaces the one before. @default silent */
  readonly progress?: (line: string) => void;
  readonly signal?: AbortSignal;
  /** Pictures that cannot be read: leave out any number of them, or refuse a single one. @default refuses more than 1 % */
  readonly onBad?: OnBad;
}

export type OnBad = 'skip' | 'fail';

export interface Split {
  readonly count: number;
  /** `[count, H, W, C]` uint8, RGB */
  readonly images: Uint8Array;
  /** `[count]` class indices */
  readonly labels: Labels;
}

/** Images `from` to `to - 1`, sharing the memory. */
export function slice(split: Split, from: number, to: number): Split {
  const image = split.images.length / split.count;
  return {
    count: to - from,
    images: split.images.subarray(from * image, to * image),
    labels: split.labels.subarray(from, to),
  };
}
