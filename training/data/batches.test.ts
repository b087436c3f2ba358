import { describe, expect, test } from 'vitest';
import { batches, batchesPerEpoch } from './batches.ts';
import type { Split } from './dataset.ts';

/** 103 pictures of one pixel; the pixel is the picture's number, and so is the label. */
const numbers = Uint8Array.from({ length: 103 }, (_, index) => index);
const split: Split = { count: 103, images: numbers, labels: numbers };
const options = {
  imageSize: [1, 1, 1],
  size: 10,
  seed: 1,
  epoch: 0,
  augmentation: { flip: 'none', translate: 0 },
} as const;

const labelsOf = (changes: Partial<Parameters<typeof batches>[1]> = {}) =>
  [...batches(split, { ...options, ...changes })].flatMap(({ labels }) => [...labels]);
const collect = (changes: Partial<Parameters<typeof batches>[1]> = {}) => {
  const found: number[][] = [];
  for (const { labels } of batches(split, { ...options, ...changes })) found.push([...labels]);
  return found;
};

describe('batches', () => {
  test('are whole, show no image twice in an epoch, and leave out fewer than a batch', () => {
    const shown = collect().flat();
    expect(batchesPerEpoch(split, 10)).toBe(10);
    expect(shown).toHaveLength(100);
    expect(new Set(shown).size).toBe(100);
  });

  test('pair every image with its own label', () => {
    for (const { images, labels } of batches(split, options)) expect(images).toEqual(labels);
  });

  test('have another order in each epoch and for each seed, and the same for the same', () => {
    expect(collect()).toEqual(collect());
    expect(collect({ epoch: 1 })).not.toEqual(collect());
    expect(collect({ seed: 2 })).not.toEqual(collect());
  });

  test('resumed in the middle of an epoch, are the remaining ones', () => {
    expect(collect({ epoch: 3, skip: 4 })).toEqual(collect({ epoch: 3 }).slice(4));
  });

  test('reuse their memory', () => {
    // Collected without a copy, every batch shows the last one: callers are told.
    expect(new Set(labelsOf()).size).toBe(10);
  });
});
