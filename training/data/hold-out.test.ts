import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Split } from './dataset.ts';
import { heldOutIndices, holdOut } from './hold-out.ts';

/** A split whose image `i` is the four bytes of `i`. */
function splitOf(labels: readonly number[]): Split {
  const images = new Uint8Array(Int32Array.from(labels.keys()).buffer);
  return { count: labels.length, images, labels: Uint16Array.from(labels) };
}

const numbersOf = ({ images }: Split) => [...new Int32Array(Uint8Array.from(images).buffer)];

const cases = fc
  .array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 400 })
  .chain((labels) => fc.tuple(fc.constant(labels), fc.integer({ min: 0, max: labels.length })));

describe('holdOut', () => {
  test('holds out the same share of each class, to within one image, and leaves the rest in order', () => {
    fc.assert(
      fc.property(cases, ([labels, count]) => {
        const data = { train: splitOf(labels) };
        const { train, heldOut } = holdOut(data, count);

        expect(heldOut.count).toBe(count);
        const [kept, held] = [numbersOf(train), numbersOf(heldOut)];
        expect([...kept, ...held].sort((a, b) => a - b)).toEqual([...labels.keys()]);
        expect(kept).toEqual(kept.toSorted((a, b) => a - b));
        expect([...train.labels, ...heldOut.labels]).toEqual([...kept, ...held].map((image) => labels[image]));
        for (const label of new Set(labels)) {
          const size = labels.filter((each) => each === label).length;
          const exact = (size * count) / labels.length;
          const quota = heldOut.labels.filter((each) => each === label).length;
          expect(Math.abs(quota - exact)).toBeLessThan(1);
        }
      }),
    );
  });

  test('holds out the same images every time, and not simply the last ones of a class', () => {
    const labels = Array.from({ length: 700 }, (_, image) => Math.floor(image / 100)); // sorted by class
    const data = { train: splitOf(labels) };
    const indices = heldOutIndices(data, 70);
    expect(heldOutIndices(data, 70)).toEqual(indices);
    expect(indices.filter((image) => image % 100 >= 90).length).toBeLessThan(35);
    expect(numbersOf(holdOut(data, 70).heldOut)).toEqual(indices);
  });

  test('does not change the split that it selects from', () => {
    const labels = Buffer.from([0, 1, 2, 0, 1, 2]);
    const data = { train: { count: 6, images: new Uint8Array(6), labels } };
    holdOut(data, 3);
    expect([...labels]).toEqual([0, 1, 2, 0, 1, 2]);
  });

  test('holds out the last images of a data set that says so', () => {
    const data = { train: splitOf([2, 2, 0, 1, 0, 1, 0, 1]), heldOutImages: 'last' } as const;
    const { train, heldOut } = holdOut(data, 3);
    expect([numbersOf(train), numbersOf(heldOut)]).toEqual([
      [0, 1, 2, 3, 4],
      [5, 6, 7],
    ]);
    expect(heldOutIndices(data, 3)).toEqual([5, 6, 7]);
  });
});
