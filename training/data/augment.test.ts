import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { transformsOfEpoch, writeTransformed } from './augment.ts';

/** A picture whose every byte tells where it was. */
const size = [4, 5, 2] as const;
const picture = Uint8Array.from({ length: 40 }, (_, index) => index);

const view = (isMirrored: boolean, down: number, right: number) => {
  const target = new Uint8Array(42);
  writeTransformed(picture, 0, target, 1, size, { isMirrored, down, right });
  expect([target[0], target[41]]).toEqual([0, 0]);
  return (y: number, x: number) => target[1 + (y * 5 + x) * 2]! / 2;
};

describe('writeTransformed', () => {
  test('copies an image without a transform', () => {
    const target = new Uint8Array(40);
    writeTransformed(picture, 0, target, 0, size, { isMirrored: false, down: 0, right: 0 });
    expect(target).toEqual(picture);
  });

  test('mirrors left and right, and keeps the channels in order', () => {
    const target = new Uint8Array(40);
    writeTransformed(picture, 0, target, 0, size, { isMirrored: true, down: 0, right: 0 });
    expect([...target.subarray(0, 10)]).toEqual([8, 9, 6, 7, 4, 5, 2, 3, 0, 1]);
  });

  test('turns upside down before it moves, alone and with mirroring', () => {
    const turned = { isMirrored: false, isUpsideDown: true, down: 0, right: 0 };
    const target = new Uint8Array(40);
    writeTransformed(picture, 0, target, 0, size, turned);
    expect([...target.subarray(0, 10)]).toEqual([...picture.subarray(30, 40)]);
    expect([...target.subarray(30, 40)]).toEqual([...picture.subarray(0, 10)]);
    writeTransformed(picture, 0, target, 0, size, { ...turned, isMirrored: true });
    const half = Array.from({ length: 20 }, (_, pixel) => target[2 * pixel]! / 2);
    expect(half).toEqual(Array.from({ length: 20 }, (_, pixel) => 19 - pixel));
    writeTransformed(picture, 0, target, 0, size, { ...turned, down: 1 });
    expect([...target.subarray(10, 20)]).toEqual([...picture.subarray(30, 40)]);
  });

  test('shifts down and right, and reflects what comes in without repeating the border', () => {
    const pixel = view(false, 1, 2);
    expect(pixel(1, 2)).toBe(0); // the upper left pixel
    expect(pixel(0, 2)).toBe(5); // above it: the second row
    expect([pixel(1, 1), pixel(1, 0)]).toEqual([1, 2]);
  });

  test('shifts up and left', () => {
    const pixel = view(false, -1, -2);
    expect(pixel(0, 0)).toBe(7);
    expect([pixel(0, 2), pixel(0, 3), pixel(0, 4)]).toEqual([9, 8, 7]);
    expect(pixel(3, 0)).toBe(12); // below the last row: the last but one
  });

  test('mirrored twice, an image is itself, whatever its place', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 40, maxLength: 40 }), (image) => {
        const mirrored = { isMirrored: true, down: 0, right: 0 };
        const once = new Uint8Array(40);
        const twice = new Uint8Array(40);
        writeTransformed(image, 0, once, 0, size, mirrored);
        writeTransformed(once, 0, twice, 0, size, mirrored);
        expect(twice).toEqual(image);
      }),
    );
  });
});

describe('transformsOfEpoch', () => {
  const count = 10_000;
  const pixels = { split: { count, images: new Uint8Array(3 * count) }, imageSize: [1, 1, 3] } as const;
  const mirrored = (flip: 'none' | 'random' | 'alternating', epoch: number, seed = 1) => {
    const transformOf = transformsOfEpoch({ flip, translate: 0 }, { ...pixels, seed, epoch });
    return Array.from({ length: count }, (_, image) => transformOf(image).isMirrored);
  };

  test('alternating: half at random, and in the next epoch exactly the others', () => {
    const first = mirrored('alternating', 0);
    expect(first.filter(Boolean).length / count).toBeCloseTo(0.5, 1);
    expect(mirrored('alternating', 1)).toEqual(first.map((isMirrored) => !isMirrored));
    expect(mirrored('alternating', 2)).toEqual(first);
  });

  test('random: drawn again in each epoch', () => {
    const next = mirrored('random', 1);
    const same = mirrored('random', 0).filter((isMirrored, image) => isMirrored === next[image]);
    expect(same.length / count).toBeCloseTo(0.5, 1);
  });

  test('none: never', () => {
    expect(mirrored('none', 0)).not.toContain(true);
  });

  test('upside down: half of them, drawn again in each epoch, and apart from mirroring', () => {
    const drawn = (epoch: number) => {
      const augmentation = { flip: 'random', verticalFlip: 'random', translate: 0 } as const;
      const transformOf = transformsOfEpoch(augmentation, { ...pixels, seed: 1, epoch });
      return Array.from({ length: count }, (_, image) => transformOf(image));
    };
    const [first, next] = [drawn(0), drawn(1)];
    const share = (is: (image: number) => boolean) => first.filter((_, image) => is(image)).length / count;
    expect(share((image) => first[image]!.isUpsideDown!)).toBeCloseTo(0.5, 1);
    expect(share((image) => first[image]!.isUpsideDown === next[image]!.isUpsideDown)).toBeCloseTo(0.5, 1);
    expect(share((image) => first[image]!.isUpsideDown === first[image]!.isMirrored)).toBeCloseTo(0.5, 1);
    expect(first.map(({ isMirrored }) => isMirrored)).toEqual(mirrored('random', 0));
  });

  test('shifts by every distance up to the limit, both ways, each about as often', () => {
    const transformOf = transformsOfEpoch({ flip: 'none', translate: 2 }, { ...pixels, seed: 3, epoch: 5 });
    const counts = new Map<string, number>();
    for (let image = 0; image < count; image++) {
      const { down, right } = transformOf(image);
      counts.set(`${down},${right}`, (counts.get(`${down},${right}`) ?? 0) + 1);
    }
    expect(counts.size).toBe(25);
    for (const often of counts.values()) expect(Math.abs(often - 400)).toBeLessThan(100);
  });
});
