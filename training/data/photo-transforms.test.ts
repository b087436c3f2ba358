import { describe, expect, test } from 'vitest';
import { transformsOfEpoch, writeTransformed } from './augment.ts';
import { type Augmentation, isVarying } from './augmentation.ts';
import { photoTransform } from './photo-transforms.ts';

const plain = { flip: 'none', translate: 0 } as const;
const size = [40, 64, 3] as const;
const pixels = Uint8Array.from({ length: 40 * 64 * 3 }, (_, at) => (at * 37) % 251);
const drawn = (augmentation: Partial<Augmentation>, image: number, { seed = 1, epoch = 0 } = {}) =>
  photoTransform({ ...plain, ...augmentation }, pixels, { size, seed, epoch, image });
const many = Array.from({ length: 2_000 }, (_, image) => image);

test.each([
  { randomCrop: 0.3 },
  { zoom: [0.2, 0.4] },
  { rotate: 20 },
  { randAugment: [2, 9] },
  { colorJitter: [0.4, 0.4, 0.4, 0.1] },
  { cutout: 0.5 },
] as const)('%j depends on seed, epoch and image, and on nothing else', (augmentation) => {
  const first = drawn(augmentation, 7);
  expect(drawn(augmentation, 7)).toEqual(first);
  expect(many.slice(0, 5).map((image) => drawn(augmentation, image))).not.toContainEqual(first);
  const others = [drawn(augmentation, 7, { seed: 2 }), drawn(augmentation, 7, { epoch: 1 }), drawn(augmentation, 8)];
  if (!('randAugment' in augmentation)) for (const other of others) expect(other).not.toEqual(first);
  expect(isVarying({ ...plain, ...augmentation })).toBe(true);
});

test('is drawn for an image as it is for the whole epoch', () => {
  const augmentation = { ...plain, randomCrop: 0.3, cutout: 0.2 };
  const split = { count: 3, images: new Uint8Array(3 * pixels.length) };
  split.images.set(pixels, pixels.length);
  const transformOf = transformsOfEpoch(augmentation, { split, imageSize: size, seed: 1, epoch: 4 });
  expect(transformOf(1)).toEqual({ isMirrored: false, down: 0, right: 0, ...drawn(augmentation, 1, { epoch: 4 }) });
});

describe('a crop', () => {
  const crops = many.map((image) => {
    const [a, b, c, d, e, f] = drawn({ randomCrop: 0.25 }, image).resampling!.map((value) => value / 2 ** 14);
    expect([b, d]).toEqual([0, 0]);
    const [left, top] = [c! - (a! - 1) / 2, f! - (e! - 1) / 2]; // of the crop's edge
    return { across: a!, down: e!, left, top };
  });

  test('shows a share of the area from the least to all, of every size', () => {
    const areas = crops.map(({ across, down }) => across * down);
    expect(Math.min(...areas)).toBeGreaterThan(0.2499);
    expect(Math.min(...areas)).toBeLessThan(0.27);
    expect(Math.max(...areas)).toBeGreaterThan(0.95);
  });

  test('has an aspect from 3:4 to 4:3, as likely narrow as wide', () => {
    const aspects = crops.map(({ across, down }) => across / down);
    expect(Math.min(...aspects)).toBeGreaterThan(0.7499);
    expect(Math.max(...aspects)).toBeLessThan(1.3334);
    expect(aspects.filter((aspect) => aspect < 1).length / crops.length).toBeCloseTo(0.5, 1);
  });

  test('lies within the image, anywhere', () => {
    for (const { across, down, left, top } of crops) {
      expect(Math.min(left, top)).toBeGreaterThan(-0.01);
      expect(left + 64 * across).toBeLessThan(64.01);
      expect(top + 40 * down).toBeLessThan(40.01);
    }
    const room = crops.filter(({ across }) => across < 0.7);
    const places = room.map(({ across, left }) => left / (64 * (1 - across)));
    expect(places.filter((place) => place < 0.5).length / places.length).toBeCloseTo(0.5, 1);
  });
});

/** `[a, b, c, d, e, f]` in pixels. */
const mapOf = (augmentation: Partial<Augmentation>, image: number) =>
  drawn(augmentation, image).resampling!.map((value) => value / 2 ** 14) as [
    ...[number, number, number],
    ...[number, number, number],
  ];
const isAroundCenter = ([a, b, c, d, e, f]: ReturnType<typeof mapOf>) => {
  expect(a * 31.5 + b * 19.5 + c).toBeCloseTo(31.5, 1);
  expect(d * 31.5 + e * 19.5 + f).toBeCloseTo(19.5, 1);
};

test('zoom shows an image at every size between its limits, the same across and down, around its center', () => {
  const scales = many.map((image) => {
    const map = mapOf({ zoom: [0.2, 0.5] }, image);
    isAroundCenter(map);
    expect([map[1], map[3], map[4]]).toEqual([0, 0, map[0]]);
    return 1 / map[0];
  });
  expect(Math.min(...scales)).toBeGreaterThan(0.7999);
  expect(Math.min(...scales)).toBeLessThan(0.81);
  expect(Math.max(...scales)).toBeGreaterThan(1.49);
  expect(Math.max(...scales)).toBeLessThan(1.5001);
  expect(scales.filter((scale) => scale < 1.15).length / scales.length).toBeCloseTo(0.5, 1);
  const larger = many.slice(0, 50).map((image) => mapOf({ zoom: [0, 0.5] }, image)[0]);
  expect(Math.max(...larger)).toBeLessThanOrEqual(1);
});

test('rotation turns an image around its center, by every angle up to its limit, as often to the left as to the right', () => {
  const degrees = many.map((image) => {
    const map = mapOf({ rotate: 30 }, image);
    isAroundCenter(map);
    expect(Math.hypot(map[0], map[3])).toBeCloseTo(1, 3);
    return Math.atan2(map[3], map[0]) * (180 / Math.PI);
  });
  expect(Math.max(...degrees.map(Math.abs))).toBeGreaterThan(29.5);
  expect(Math.max(...degrees.map(Math.abs))).toBeLessThan(30.01);
  expect(degrees.filter((angle) => angle < 0).length / degrees.length).toBeCloseTo(0.5, 1);
});

test('a rotated and zoomed image shows the pixels of the places that its map says', () => {
  // A quarter turn of a square: rows become columns.
  const square = [8, 8, 1] as const;
  const image = Uint8Array.from({ length: 64 }, (_, at) => 4 * at);
  const made = new Uint8Array(64);
  const resampling = [0, -(2 ** 14), 7 * 2 ** 14 + 32, 2 ** 14, 0, 32] as const;
  writeTransformed(image, 0, made, 0, square, { isMirrored: false, isUpsideDown: true, down: 0, right: 0, resampling });
  for (const [at, value] of made.entries()) {
    const [row, column] = [7 - Math.floor(at / 8), at % 8]; // upside down: the last row of what was rotated is the first
    expect(value).toBe(image[column * 8 + 7 - row]);
  }
});

describe('RandAugment', () => {
  test('moves pixels and changes colors, by at most what its magnitude says', () => {
    const one = many.map((image) => drawn({ randAugment: [1, 15] }, image));
    const rotations = one.map(({ resampling }) => Math.atan2(resampling![3], resampling![0]) * (180 / Math.PI));
    expect(Math.max(...rotations)).toBeCloseTo(15, 1);
    const moved = one.filter(
      ({ resampling: [a, b, , d, e] = [0, 0, 0, 0, 0, 0] }) => a === e && a === 2 ** 14 && !b && !d,
    );
    const across = moved.map(({ resampling }) => (resampling![2] - 32) / 2 ** 14);
    expect(Math.max(...across)).toBeCloseTo((64 * 150) / 331 / 2, 1);
    expect(Math.min(...across)).toBeCloseTo((-64 * 150) / 331 / 2, 1);
    const brightness = one.map(({ recoloring }) => recoloring![0]! / 1024);
    expect(Math.max(...brightness)).toBeCloseTo(1.45, 1);
  });

  test('turns around the center of the image', () => {
    for (const image of many.slice(0, 300)) {
      const [a, b, c, d, e, f] = drawn({ randAugment: [1, 30] }, image).resampling!.map((value) => value / 2 ** 14);
      if (a === 1) continue;
      expect(a! * 31.5 + b! * 19.5 + c!).toBeCloseTo(31.5, 1);
      expect(d! * 31.5 + e! * 19.5 + f!).toBeCloseTo(19.5, 1);
    }
  });

  test('does nothing with no operations, or with no magnitude', () => {
    expect(drawn({ randAugment: [0, 9] }, 1)).toEqual({});
    expect(drawn({ randAugment: [2, 0] }, 1)).toEqual({});
    expect(isVarying({ ...plain, randAugment: [2, 0], colorJitter: [0, 0, 0, 0], randomCrop: 0, cutout: 0 })).toBe(
      false,
    );
  });

  test('stays within the numbers that are exact, at its strongest on the largest images', () => {
    const wide = [128, 128, 3] as const;
    const image = new Uint8Array(128 * 128 * 3);
    for (const number of many.slice(0, 500)) {
      const options = { size: wide, seed: 2, epoch: 0, image: number };
      const strong = { randomCrop: 0.1, zoom: [0.5, 1], rotate: 180, randAugment: [4, 30] } as const;
      const { resampling } = photoTransform({ ...plain, ...strong }, image, options);
      const [a, b, c, d, e, f] = resampling!.map(Math.abs);
      expect(Math.max(127 * (a! + b!) + c!, 127 * (d! + e!) + f!)).toBeLessThan(2 ** 24);
    }
  });
});

describe('cutout', () => {
  test('cuts a square around any pixel, and fills with grey what lies within', () => {
    const holes = many.map((image) => drawn({ cutout: 0.5 }, image).hole!);
    for (const { top, bottom, left, right } of holes) expect([bottom - top, right - left]).toEqual([20, 20]);
    expect(Math.min(...holes.map(({ top }) => top))).toBe(-10);
    expect(Math.max(...holes.map(({ right }) => right))).toBe(64 - 1 - 10 + 20);

    const hole = { top: -3, bottom: 2, left: 60, right: 70 };
    const made = new Uint8Array(pixels.length);
    writeTransformed(pixels, 0, made, 0, size, { isMirrored: false, down: 0, right: 0, hole });
    for (const [at, value] of made.entries()) {
      const [row, column] = [Math.floor(at / 3 / 64), Math.floor(at / 3) % 64];
      expect(value).toBe(row < 2 && column >= 60 ? 128 : pixels[at]);
    }
  });
});
