import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fitImage } from './fit-image.ts';
import type { RgbImage } from './rgb-image.ts';

test('an image of the target size is returned unchanged', () => {
  const image = grey(2, 2, [1, 2, 3, 4]);
  expect(fitImage(image, { width: 2, height: 2 })).toEqual({ ...image, transform: 'none' });
});

test('an integer factor averages blocks', () => {
  const image = grey(4, 2, [0, 10, 100, 200, 20, 30, 100, 0]);
  expect(fitImage(image, { width: 2, height: 1 })).toEqual({ ...grey(2, 1, [15, 100]), transform: 'area' });
});

test('partly covered pixels are weighted by their share', () => {
  // Three pixels to two: (0 + 90 / 2) / 1.5 and (90 / 2 + 255) / 1.5.
  const image = grey(3, 2, [0, 90, 255, 0, 90, 255]);
  const { pixels } = fitImage({ ...image }, { width: 2, height: 2 });
  const cropped = fitImage(grey(3, 3, [0, 90, 255, 0, 90, 255, 0, 90, 255]), { width: 2, height: 2 });
  expect(cropped).toEqual({ ...grey(2, 2, [30, 200, 30, 200]), transform: 'area' });
  expect(pixels).toEqual(grey(2, 2, [0, 90, 0, 90]).pixels); // The middle two columns, further left if the rest is odd.
});

test('crops to the aspect ratio of the target around the center', () => {
  const wide = grey(4, 2, [9, 1, 2, 9, 9, 3, 4, 9]);
  expect(fitImage(wide, { width: 2, height: 2 })).toEqual({ ...grey(2, 2, [1, 2, 3, 4]), transform: 'center-crop' });
  const tall = grey(2, 4, [9, 9, 0, 10, 20, 30, 9, 9]);
  expect(fitImage(tall, { width: 1, height: 1 })).toEqual({ ...grey(1, 1, [15]), transform: 'center-crop+area' });
});

test('a small image is enlarged pixel by pixel', () => {
  const image = grey(2, 2, [0, 100, 200, 50]);
  expect(fitImage(image, { width: 4, height: 4 }).pixels).toEqual(
    grey(4, 4, [0, 0, 100, 100, 0, 0, 100, 100, 200, 200, 50, 50, 200, 200, 50, 50]).pixels,
  );
});

const images = fc
  .record({ width: fc.integer({ min: 1, max: 40 }), height: fc.integer({ min: 1, max: 40 }) })
  .chain(({ width, height }) =>
    fc
      .uint8Array({ minLength: width * height * 3, maxLength: width * height * 3 })
      .map((pixels) => ({ width, height, pixels })),
  );
const targets = fc.record({ width: fc.integer({ min: 1, max: 12 }), height: fc.integer({ min: 1, max: 12 }) });

test('every image is resized to the target size, within the range of its pixels, each channel separately', () => {
  fc.assert(
    fc.property(images, targets, (image, target) => {
      const { width, height, pixels } = fitImage(image, target);
      expect({ width, height, length: pixels.length }).toEqual({ ...target, length: target.width * target.height * 3 });
      for (let channel = 0; channel < 3; channel++) {
        const of = (values: Uint8Array) => values.filter((_, index) => index % 3 === channel);
        expect(Math.min(...of(pixels))).toBeGreaterThanOrEqual(Math.min(...of(image.pixels)));
        expect(Math.max(...of(pixels))).toBeLessThanOrEqual(Math.max(...of(image.pixels)));
      }
    }),
  );
});

test('a mirrored image has the mirrored result unless the crop is uneven', () => {
  fc.assert(
    fc.property(images, (image) => {
      const target = { width: 1 + (image.width % 5), height: 1 + (image.width % 5) };
      const square: RgbImage = { ...image, height: image.width, pixels: tile(image) };
      expect(fitImage(mirror(square), target).pixels).toEqual(mirror(fitImage(square, target)).pixels);
    }),
    { numRuns: 300 },
  );
});

function grey(width: number, height: number, values: readonly number[]): RgbImage {
  return { width, height, pixels: Uint8Array.from(values.flatMap((value) => [value, value, value])) };
}

/** A square image. */
function tile({ width, height, pixels }: RgbImage): Uint8Array {
  return Uint8Array.from({ length: width * width * 3 }, (_, index) => pixels[index % (width * height * 3)]!);
}

function mirror({ width, height, pixels }: RgbImage): RgbImage {
  const mirrored = new Uint8Array(pixels.length);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const to = Math.floor(pixel / width) * width + (width - 1 - (pixel % width));
    mirrored.set(pixels.subarray(pixel * 3, pixel * 3 + 3), to * 3);
  }
  return { width, height, pixels: mirrored };
}
