import type { ImageSet } from './image-set.ts';

/** Labelled images in memory. What a class is called and how many there are is known here and nowhere downstream. */
export interface Dataset {
  /** As people write it. */
  readonly name: string;
  /** By class index. */
  readonly classes: readonly string[];
  readonly images: ImageSet;
  readonly train: Split;
  readonly test: Split;
  /** Of labels and pixels, by split: what the model card records. */
  readonly sha256: Readonly<Record<'train' | 'test', string>>;
}

export interface Split {
  readonly count: number;
  /** `[count, H, W, C]` uint8, RGB */
  readonly images: Uint8Array;
  /** `[count]` class indices */
  readonly labels: Uint8Array;
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

/**
 * Sets the last `count` images aside for choices, as Keras's `validation_split` does: the same ones for every seed, so that
 * runs can be compared.
 */
export function holdOut(split: Split, count: number): { readonly train: Split; readonly heldOut: Split } {
  return {
    train: slice(split, 0, split.count - count),
    heldOut: slice(split, split.count - count, split.count),
  };
}
