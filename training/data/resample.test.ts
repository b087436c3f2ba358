import { expect, test } from 'vitest';
import { random } from '../random/random.ts';
import { type Affine, composed, resamplingOf, unmoved, writeResampled } from './resample.ts';

const size = [6, 8, 3] as const;
const [height, width, channels] = size;
const draw = random(3);
const picture = Uint8Array.from({ length: height * width * channels }, () => draw.integer(256));
const asStored = {
  rows: Int32Array.from({ length: height }, (_, row) => row),
  columns: Int32Array.from({ length: width }, (_, column) => column),
};

const resampled = (map: Affine, grid = asStored) => {
  const target = new Uint8Array(picture.length);
  writeResampled(picture, 0, target, 0, size, grid, resamplingOf(map));
  return target;
};

/** The picture between its pixels, in floating point; beyond its border it is reflected. */
const valueAt = (y: number, x: number, channel: number) => {
  const reflected = (place: number, count: number) => {
    const period = 2 * (count - 1);
    const within = ((place % period) + period) % period;
    return Math.min(within, period - within);
  };
  const pixel = (row: number, column: number) =>
    picture[(reflected(row, height) * width + reflected(column, width)) * channels + channel]!;
  const [top, left] = [Math.floor(y), Math.floor(x)];
  const [down, right] = [y - top, x - left];
  const above = pixel(top, left) * (1 - right) + pixel(top, left + 1) * right;
  const below = pixel(top + 1, left) * (1 - right) + pixel(top + 1, left + 1) * right;
  return above * (1 - down) + below * down;
};

test('the map that moves nothing gives every byte as it was', () => {
  expect(resampled(unmoved)).toEqual(picture);
});

test('moved by whole pixels, the picture is reflected at its border', () => {
  const moved = resampled([1, 0, -2, 0, 1, 3]);
  for (const [at, value] of moved.entries()) {
    const [pixel, channel] = [Math.floor(at / channels), at % channels];
    expect(value).toBe(valueAt(Math.floor(pixel / width) + 3, (pixel % width) - 2, channel));
  }
});

test.each([
  ['a crop', [0.7, 0, 1.3, 0, 0.6, 0.8]],
  ['a rotation', [0.9, -0.43, 1.2, 0.43, 0.9, -1.1]],
  ['shear, and a place outside', [1, 0.3, 4.5, -0.2, 1, -3.25]],
] as const)('%s interpolates bilinearly, to a level and a half', (_, map) => {
  const [a, b, c, d, e, f] = map;
  for (const [at, value] of resampled(map).entries()) {
    const [pixel, channel] = [Math.floor(at / channels), at % channels];
    const [row, column] = [Math.floor(pixel / width), pixel % width];
    const exact = valueAt(d * column + e * row + f, a * column + b * row + c, channel);
    expect(Math.abs(value - exact)).toBeLessThan(1.5); // Places are rounded to 1/256 pixels, of up to 255 levels each.
  }
});

test('the grid says which pixels are resampled: here the picture is mirrored', () => {
  const mirrored = { ...asStored, columns: asStored.columns.toReversed() };
  const map = [0.7, 0, 1.3, 0, 0.6, 0.8] as const;
  const expected = resampled(map);
  for (const [at, value] of resampled(map, mirrored).entries()) {
    const [pixel, channel] = [Math.floor(at / channels), at % channels];
    const [row, column] = [Math.floor(pixel / width), pixel % width];
    expect(value).toBe(expected[(row * width + width - 1 - column) * channels + channel]);
  }
});

test('two maps in a row are their composition', () => {
  const [first, second] = [
    [0.5, 0.1, 2, -0.1, 0.5, 1],
    [0.8, -0.3, -1, 0.3, 0.8, 4],
  ] as const;
  const apply = ([a, b, c, d, e, f]: Affine, [x, y]: readonly [number, number]) =>
    [a * x + b * y + c, d * x + e * y + f] as const;
  const expected = apply(first, apply(second, [3, 5]));
  expect(apply(composed(first, second), [3, 5]).map((value) => value.toFixed(9))).toEqual(
    expected.map((value) => value.toFixed(9)),
  );
});
