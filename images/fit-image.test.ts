import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { readersPython } from '#setup/readers.mjs';
import { type Fit, fitImage, fits, planFit } from './fit-image.ts';
import type { RgbImage, Size } from './rgb-image.ts';

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

test('a padded image is whole, in the middle of mid-grey', () => {
  const wide = grey(4, 2, [1, 2, 3, 4, 5, 6, 7, 8]);
  const grounds = [128, 128, 128, 128];
  expect(fitImage(wide, { width: 4, height: 4 }, 'pad')).toEqual({
    ...grey(4, 4, [...grounds, 1, 2, 3, 4, 5, 6, 7, 8, ...grounds]),
    transform: 'pad',
  });
  expect(fitImage(grey(1, 4, [0, 10, 20, 40]), { width: 2, height: 2 }, 'pad')).toEqual({
    ...grey(2, 2, [5, 128, 30, 128]),
    transform: 'area+pad',
  });
  const line = fitImage(grey(1000, 1, Array(1000).fill(7)), { width: 3, height: 3 }, 'pad');
  expect(line.pixels).toEqual(grey(3, 3, [128, 128, 128, 7, 7, 7, 128, 128, 128]).pixels);
});

test('a stretched image is whole, each side scaled by its own factor', () => {
  const wide = grey(4, 2, [0, 10, 100, 200, 20, 30, 100, 0]);
  expect(fitImage(wide, { width: 2, height: 4 }, 'stretch')).toEqual({
    ...grey(2, 4, [5, 150, 5, 150, 25, 50, 25, 50]),
    transform: 'stretch',
  });
});

const anyFit = fc.constantFrom(...fits);

test('an image of the target’s shape is the same however it is fitted', () => {
  fc.assert(
    fc.property(images, anyFit, fc.integer({ min: 1, max: 40 }), (image, fit, side) => {
      const square: RgbImage = { ...image, height: image.width, pixels: tile(image) };
      const target = { width: side, height: side };
      expect(fitImage(square, target, fit)).toEqual(fitImage(square, target));
    }),
    { numRuns: 50 },
  );
});

test('an image of one color keeps it', () => {
  fc.assert(
    fc.property(images, targets, anyFit, fc.nat(255), (image, target, fit, value) => {
      const plain = { ...image, pixels: new Uint8Array(image.pixels.length).fill(value) };
      const { placed } = planFit(image, target, fit);
      const { pixels } = fitImage(plain, target, fit);
      for (let pixel = 0; pixel < target.width * target.height; pixel++) {
        const [x, y] = [pixel % target.width, Math.floor(pixel / target.width)];
        const isPlaced =
          x >= placed.left && x < placed.left + placed.width && y >= placed.top && y < placed.top + placed.height;
        expect([...pixels.subarray(pixel * 3, pixel * 3 + 3)]).toEqual(Array(3).fill(isPlaced ? value : 128));
      }
    }),
  );
});

test('padding keeps the shape within half a pixel, touches two sides, and is as wide on one side as on the other', () => {
  fc.assert(
    fc.property(images, targets, (image, target) => {
      const { crop, placed } = planFit(image, target, 'pad');
      expect(crop).toEqual({ left: 0, top: 0, width: image.width, height: image.height });
      const scale = Math.min(target.width / image.width, target.height / image.height);
      expect(Math.abs(placed.width - Math.max(1, image.width * scale))).toBeLessThanOrEqual(0.5);
      expect(Math.abs(placed.height - Math.max(1, image.height * scale))).toBeLessThanOrEqual(0.5);
      expect(placed.width === target.width || placed.height === target.height).toBe(true);
      for (const [before, inside, whole] of [
        [placed.left, placed.width, target.width],
        [placed.top, placed.height, target.height],
      ] as const) {
        const after = whole - inside - before;
        expect([0, 1]).toContain(after - before);
      }
    }),
  );
});

test('the mean of an image that is scaled as a whole stays, within rounding', () => {
  fc.assert(
    fc.property(images, targets, fc.constantFrom<Fit>('pad', 'stretch'), (image, target, fit) => {
      const { placed } = planFit(image, target, fit);
      const mean = (pixels: Uint8Array) => pixels.reduce((sum, value) => sum + value, 0);
      const ground = 3 * 128 * (target.width * target.height - placed.width * placed.height);
      const found = (mean(fitImage(image, target, fit).pixels) - ground) / (3 * placed.width * placed.height);
      expect(Math.abs(found - mean(image.pixels) / image.pixels.length)).toBeLessThanOrEqual(0.5 + 1e-9);
    }),
  );
});

const python = readersPython();
const folder = mkdtempSync(path.join(tmpdir(), 'cifar10-fit-'));
afterAll(() => rmSync(folder, { recursive: true }));

/**
 * Pillow's BOX averages whole pixels only, so each image is first enlarged so far that every area has whole ones. What is left
 * is the rounding between its two passes. Of `ImageOps.pad`, places are taken whose margins are even: it rounds others to even.
 */
const PILLOW = `
import itertools, json, os, random, sys
from PIL import Image, ImageOps
random.seed(1)
def areas(image, size):
    exact = image.resize((image.width * size[0], image.height * size[1]), Image.NEAREST)
    return exact.resize(size, Image.BOX)
cases = []
sizes = [(48, 32), (96, 32), (31, 97), (20, 7), (64, 64), (5, 40), (7, 5), (100, 33)]
for (width, height), side in itertools.product(sizes, [32, 48, 96]):
    image = Image.frombytes('RGB', (width, height), random.randbytes(width * height * 3))
    inside = ImageOps.contain(image, (side, side), Image.BOX).size
    results = {'stretch': areas(image, (side, side))}
    if (side - inside[0]) % 2 == 0 and (side - inside[1]) % 2 == 0:
        results['pad'] = ImageOps.pad(areas(image, inside), (side, side), Image.BOX, color=(128, 128, 128))
    name = str(len(cases))
    for fit, result in {'image': image, **results}.items():
        with open(os.path.join(sys.argv[1], f'{name}-{fit}'), 'wb') as file: file.write(result.tobytes())
    cases.append({'width': width, 'height': height, 'side': side, 'fits': list(results)})
print(json.dumps(cases))
`;

test.skipIf(!python)('Pillow pads and stretches to the same pixels', () => {
  const { status, stdout, stderr } = spawnSync(python!, ['-c', PILLOW, folder], { encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  const cases: (Size & { readonly side: number; readonly fits: readonly Fit[] })[] = JSON.parse(stdout);
  expect(cases.filter((each) => each.fits.includes('pad')).length).toBeGreaterThan(10);
  for (const [index, { width, height, side, fits: judged }] of cases.entries()) {
    const image = { width, height, pixels: readFileSync(path.join(folder, `${index}-image`)) };
    for (const fit of judged) {
      const { pixels } = fitImage(image, { width: side, height: side }, fit);
      const expected = readFileSync(path.join(folder, `${index}-${fit}`));
      expect(pixels.length).toBe(expected.length);
      const worst = pixels.reduce((most, value, at) => Math.max(most, Math.abs(value - expected[at]!)), 0);
      expect(worst, `${width}x${height}, ${fit} to ${side}`).toBeLessThanOrEqual(1);
    }
  }
});

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
