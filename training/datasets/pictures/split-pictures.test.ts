import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SplitName } from './listing.ts';
import { type SplitPicture, splitPictures } from './split-pictures.ts';

const sha256 = (text: unknown) => createHash('sha256').update(String(text)).digest('hex');
const picture = (number: number, label: number, split?: SplitName): SplitPicture => ({
  ...{ label, sha256: sha256(number), unit: number },
  ...(split && { split }),
});
const count = (splits: readonly SplitName[], name: SplitName) => splits.filter((split) => split === name).length;

describe('splits', () => {
  test('are about 80, 10 and 10 percent of each class', () => {
    const pictures = Array.from({ length: 20_000 }, (_, number) => picture(number, number % 2));
    for (const label of [0, 1]) {
      const splits = splitPictures(pictures).filter((_, index) => pictures[index]!.label === label);
      expect(count(splits, 'test') / 10_000).toBeCloseTo(0.1, 1);
      expect(count(splits, 'val') / 10_000).toBeCloseTo(0.1, 1);
    }
  });

  test('stay when pictures are added, and do not depend on the order', () => {
    const pictures = Array.from({ length: 400 }, (_, number) => picture(number, number % 3));
    const before = splitPictures(pictures);
    const more = [...pictures, ...Array.from({ length: 100 }, (_, number) => picture(10_000 + number, number % 3))];
    expect(splitPictures(more).slice(0, 400)).toEqual(before);
    expect(splitPictures(more.toReversed()).toReversed()).toEqual(splitPictures(more));
  });

  test('leave a picture to train on in each class, one that is held out from two on, and one that tests from three on', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }), fc.nat(), (sizes, seed) => {
        const pictures = sizes.flatMap((size, label) =>
          Array.from({ length: size }, (_, number) => picture(100 * label + number + 1_000 * seed, label)),
        );
        const splits = splitPictures(pictures);
        for (const [label, size] of sizes.entries()) {
          const own = splits.filter((_, index) => pictures[index]!.label === label);
          expect(count(own, 'train')).toBeGreaterThan(0);
          expect(count(own, 'val') > 0).toBe(size > 1);
          expect(count(own, 'test') > 0).toBe(size > 2);
        }
      }),
    );
  });

  test('keep together what belongs together', () => {
    const pictures = Array.from({ length: 3_000 }, (_, number) => ({ ...picture(number, 0), unit: number % 100 }));
    const splits = splitPictures(pictures);
    const ofUnit = new Map<number, Set<SplitName>>();
    for (const [index, { unit }] of pictures.entries()) {
      ofUnit.set(unit, (ofUnit.get(unit) ?? new Set()).add(splits[index]!));
    }
    expect([...ofUnit.values()].every((found) => found.size === 1)).toBe(true);
    expect(new Set(splits)).toEqual(new Set(['train', 'val', 'test']));
  });

  test('that are given are kept, and only what is missing is taken from the rest', () => {
    const given = Array.from({ length: 1_000 }, (_, number) => picture(number, 0, number < 200 ? 'test' : undefined));
    const splits = splitPictures(given);
    expect(splits.slice(0, 200).every((split) => split === 'test')).toBe(true);
    expect(count(splits, 'test')).toBe(200);
    expect(count(splits, 'val')).toBeGreaterThan(50);
    const all = given.map(
      (each, index): SplitPicture => ({ ...each, split: index < 200 ? 'test' : index < 300 ? 'val' : 'train' }),
    );
    expect(splitPictures(all)).toEqual(all.map(({ split }) => split));
  });
});
