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

  /** Classes with pictures that are given to splits or not, and belong together or not. */
  const sets = fc
    .array(
      fc.record({
        label: fc.integer({ min: 0, max: 3 }),
        given: fc.constantFrom<(SplitName | undefined)[]>(undefined, undefined, 'train', 'val', 'test'),
        unit: fc.integer({ min: 0, max: 30 }),
      }),
      { minLength: 1, maxLength: 60 },
    )
    .map((rows) => rows.map(({ given, unit, label }, number) => ({ ...picture(number, label, given), unit })));

  test('of any set keep what is given, but to hold out and to test', () => {
    fc.assert(
      fc.property(sets, (pictures) => {
        const given = new Set(pictures.map(({ split }) => split));
        for (const [index, split] of splitPictures(pictures).entries()) {
          const own = pictures[index]!.split;
          if (own === 'val' || own === 'test') expect(split).toBe(own);
          if (own === 'train' && given.has('val') && given.has('test')) expect(split).toBe('train');
        }
      }),
    );
  });

  test('of any set without given ones keep units together, whatever their classes', () => {
    fc.assert(
      fc.property(sets, (pictures) => {
        const free = pictures.map(({ split: _, ...each }) => each);
        const splits = splitPictures(free);
        for (const [index, { unit }] of free.entries()) {
          const others = splits.filter((_, other) => free[other]!.unit === unit);
          expect(new Set(others)).toEqual(new Set([splits[index]]));
        }
      }),
    );
  });

  test('hold out a picture of each class that belongs to several units, though classes share units', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 0, max: 40 }), { minLength: 4, maxLength: 12 }),
        fc.nat({ max: 2 }),
        (units, shared) => {
          // Each unit has pictures of one class, and the first ones have pictures of both.
          const pictures = units.flatMap((unit, place) => [
            { ...picture(2 * unit, place % 2), unit },
            ...(place < shared ? [{ ...picture(2 * unit + 1, (place + 1) % 2), unit }] : []),
          ]);
          const splits = splitPictures(pictures);
          for (const label of [0, 1]) {
            const own = splits.filter((_, index) => pictures[index]!.label === label);
            expect(own).toContain('train');
            expect(own).toContain('val');
          }
        },
      ),
    );
  });

  test('of pictures that belong to given ones are those', () => {
    const pictures = [picture(1, 0, 'test'), picture(2, 0, 'val'), ...[3, 4, 5].map((number) => picture(number, 0))];
    const joined = pictures.map((each, index) => (index === 2 ? { ...each, unit: 1 } : each));
    expect(splitPictures(joined)).toEqual(['test', 'val', 'test', 'train', 'train']);
  });

  test('of a picture that belongs to given ones of two splits do not depend on their order', () => {
    const given = [picture(1, 0, 'val'), picture(2, 0, 'test'), picture(3, 0, 'train')].map((each) => ({
      ...each,
      unit: 1,
    }));
    const open = { ...picture(4, 0), unit: 1 };
    for (const order of [given, given.toReversed()]) expect(splitPictures([...order, open]).at(-1)).toBe('train');
  });

  test('of any set do not depend on the order of the pictures', () => {
    fc.assert(
      fc.property(sets, fc.nat(), (pictures, turn) => {
        const at = turn % pictures.length;
        const turned = [...pictures.slice(at), ...pictures.slice(0, at)];
        const splits = splitPictures(turned);
        expect([...splits.slice(pictures.length - at), ...splits.slice(0, pictures.length - at)]).toEqual(
          splitPictures(pictures),
        );
      }),
    );
  });
});
