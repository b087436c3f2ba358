import { expect, test } from 'vitest';
import { random } from '../random/random.ts';
import {
  brightened,
  type Colors,
  contrasted,
  meanColor,
  recolor,
  recoloringOf,
  saturated,
  turned,
  uncolored,
} from './recolor.ts';

const draw = random(4);
const picture = Uint8Array.from({ length: 300 }, () => draw.integer(256));
const pixels = Array.from({ length: 100 }, (_, pixel) => [...picture.subarray(3 * pixel, 3 * pixel + 3)]);
const greyOf = ([red = 0, green = 0, blue = 0]: readonly number[]) => 0.299 * red + 0.587 * green + 0.114 * blue;

const recolored = (colors: Colors) => {
  const image = Uint8Array.from(picture);
  recolor(image, 0, image.length, recoloringOf(colors));
  return image;
};

/** Factors are rounded to 2⁻¹⁰, of up to 255 levels from each color. */
const expectClose = (found: Uint8Array, expected: readonly (readonly number[])[]) => {
  for (const [at, exact] of expected.flat().entries()) {
    expect(Math.abs(found[at]! - Math.max(0, Math.min(255, exact)))).toBeLessThan(1);
  }
};

test('the colors that change nothing give every byte as it was', () => {
  expect(recolored(uncolored)).toEqual(picture);
});

// As ColorJitter of torchvision defines them; hue by a rotation around the axis of greys.
test('brightness multiplies, and stays within a byte', () => {
  const expected = pixels.map((pixel) => pixel.map((value) => 1.4 * value));
  expectClose(recolored(brightened(uncolored, 1.4)), expected);
});

test('contrast moves values away from the mean grey of the picture', () => {
  const mean = pixels.reduce((sum, pixel) => sum + greyOf(pixel), 0) / pixels.length;
  const expected = pixels.map((pixel) => pixel.map((value) => mean + 0.6 * (value - mean)));
  expectClose(recolored(contrasted(uncolored, 0.6, meanColor(picture))), expected);
});

test('contrast after brightness is around the mean of the brighter picture', () => {
  const mean = (0.5 * pixels.reduce((sum, pixel) => sum + greyOf(pixel), 0)) / pixels.length;
  const expected = pixels.map((pixel) => pixel.map((value) => mean + 1.5 * (0.5 * value - mean)));
  expectClose(recolored(contrasted(brightened(uncolored, 0.5), 1.5, meanColor(picture))), expected);
});

test('saturation moves each pixel away from its grey', () => {
  const expected = pixels.map((pixel) => pixel.map((value) => greyOf(pixel) + 1.3 * (value - greyOf(pixel))));
  expectClose(recolored(saturated(uncolored, 1.3)), expected);
  const grey = recolored(saturated(uncolored, 0));
  for (let at = 0; at < grey.length; at += 3) expect(new Set(grey.subarray(at, at + 3)).size).toBe(1);
});

test('hue turns colors: a third of a turn makes green of red, and greys stay', () => {
  expectClose(
    recolored(turned(uncolored, 1 / 3)),
    pixels.map(([red = 0, green = 0, blue = 0]) => [blue, red, green]),
  );
  const grey = Uint8Array.of(77, 77, 77);
  recolor(grey, 0, 3, recoloringOf(turned(uncolored, 0.1)));
  expect([...grey]).toEqual([77, 77, 77]);
});

test('extreme factors stay within what is exact', () => {
  let colors = uncolored;
  for (let time = 0; time < 12; time++) colors = contrasted(brightened(colors, 1.9), 1.9, meanColor(picture));
  for (const row of [0, 4, 8]) {
    const sum = recoloringOf(colors)
      .slice(row, row + 4)
      .reduce((total, value, part) => total + Math.abs(value) * (part === 3 ? 1 : 255), 0);
    expect(sum).toBeLessThan(2 ** 24);
  }
});
