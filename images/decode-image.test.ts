import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeImage, IMAGE_LIMITS } from './decode-image.ts';
import { encodeGreyPng } from './encode-png.ts';
import { fitImage, fits } from './fit-image.ts';
import { CorruptImage, ImageTooLarge, UnsupportedFeature, UnsupportedImage } from './image-errors.ts';
import { identify } from './image-type.ts';
import { mosaicJpeg } from './mosaic.fixture.ts';
import { openJpeg } from './open-jpeg.ts';
import { openPng } from './open-png.ts';
import { openWebp } from './open-webp.ts';
import { wholeImage } from './whole-image.fixture.ts';

const input = { width: 32, height: 32 };
const fixture = (name: string) => new Uint8Array(readFileSync(new URL(`fixtures/${name}`, import.meta.url)));

test('detects the format from the bytes', async () => {
  expect(await decodeImage(fixture('drawing.png'), { input })).toMatchObject({
    type: 'image/png',
    width: 48,
    height: 32,
  });
  expect(await decodeImage(fixture('lossy.webp'), { input })).toMatchObject({
    type: 'image/webp',
    width: 48,
    height: 32,
  });
  expect(await decodeImage(fixture('cmyk.jpg'), { input })).toMatchObject({
    type: 'image/jpeg',
    width: 48,
    height: 32,
  });
  const pixels = Uint8Array.from({ length: 3072 }, (_, index) => index % 251);
  expect(await decodeImage(pixels, { input })).toEqual({
    type: 'application/octet-stream',
    ...input,
    transform: 'none',
    pixels,
  });
});

describe.each(fits)('%s', (fit) => {
  const target = { width: 20, height: 16 };

  test.each([
    'drawing.png',
    'baseline-444.jpg',
    'lossless.webp',
    ...[1, 2, 3, 4, 5, 6, 7, 8].map((each) => `orientation-${each}.jpg`),
  ])('of %s, row by row, has the pixels of the whole picture, fitted upright', async (name) => {
    const { pixels, transform } = fitImage(await wholeImage(openAny(fixture(name))), target, fit);
    expect(await decodeImage(fixture(name), { input: target, fit })).toMatchObject({ pixels, transform });
  });

  test('of a large photo, which is decoded at an eighth, has the same pixels', async () => {
    const size = { width: 4096, height: 1024 };
    const photo = mosaicJpeg(size.width, size.height, (column, row) => [column % 256, (row * 2) % 256, 77]);
    const expected = fitImage(await wholeImage(openAny(photo)), input, fit);
    const { pixels } = await decodeImage(photo, { input, fit });
    expect(pixels).toEqual(expected.pixels);
  });
});

test('a raw image is accepted whatever its first pixels are', async () => {
  for (const first of ['\xff\xd8\xff\xe0', '\x89PNG\r\n\x1a\n', 'GIF89a', '<svg>', '\0\0\0\0']) {
    const pixels = new Uint8Array(3072).fill(7);
    pixels.set(Buffer.from(first, 'latin1'));
    expect(await decodeImage(pixels, { input })).toEqual({
      type: 'application/octet-stream',
      ...input,
      transform: 'none',
      pixels,
    });
  }
});

test('bytes of the size of a raw image are decoded, however much they resemble another format', async () => {
  const beginnings = readdirSync(new URL('fixtures/', import.meta.url))
    .filter((name) => /\.(png|jpg|webp)$/.test(name))
    .map(fixture);
  const tooLarge = Uint8Array.from(encodeGreyPng({ width: 3000, height: 3000, pixels: new Uint8Array(9e6) }));
  const of12Bits = Uint8Array.from(Buffer.from('ffd8ffc100110c0020002003011100021101031101', 'hex'));
  beginnings.push(tooLarge, of12Bits);
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...beginnings),
      fc.nat({ max: 3072 }),
      fc.uint8Array({ minLength: 3072, maxLength: 3072 }),
      async (beginning, length, noise) => {
        const pixels = noise.slice();
        pixels.set(beginning.subarray(0, Math.min(length, beginning.length, 3072)));
        const image = await decodeImage(pixels, { input });
        expect(image.pixels.length).toBe(3072);
      },
    ),
    { numRuns: 1000 },
  );
});

const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'));

test.each([
  ['empty', bytes('')],
  ['AVIF', fixture('drawing.avif')],
  ['HEIC', bytes('\0\0\0\x18ftypheic\0\0\0\0')],
  ['MP4', bytes('\0\0\0\x18ftypisom\0\0\0\0')],
  ['GIF', bytes('GIF89a\x01\0\x01\0')],
  ['SVG', bytes('<?xml version="1.0"?>\n<!-- by hand -->\n<svg xmlns="http://www.w3.org/2000/svg"/>')],
  ['HTML', bytes('<!doctype html><p>404')],
  ['PDF', bytes('%PDF-1.7')],
  ['TIFF', bytes('II*\0\x08\0\0\0')],
  ['BMP', bytes('BM\x36\x12\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0')],
  ['JPEG XL', bytes('\xff\x0a\0\0')],
  ['JPEG 2000', bytes('\0\0\0\x0cjP  \r\n\x87\n')],
  ['zip', bytes('PK\x03\x04')],
  ['JSON', bytes('{"inputs": "…"}')],
  ['Base64 text', bytes('iVBORw0KGgoAAAANSUhEUgAAACAAAAAg')],
  ['data: URL', bytes('data:image/png;base64,iVBOR')],
  ['multipart', bytes('--x\r\nContent-Disposition: form-data; name="image"\r\n\r\n')],
  ['text', new Uint8Array(Buffer.from('Gruß aus Köln'))],
  ['beginning with 00 01 02', Uint8Array.of(0, 1, 2)],
])('names what it is not: %s', async (name, body) => {
  const error = await decodeImage(body, { input }).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(UnsupportedImage);
  expect((error as Error).message).toContain(name);
  expect((error as Error).message).toContain('PNG, JPEG, WebP, or 3072 raw');
});

test('refuses images that are too large before decoding', async () => {
  await expect(decodeImage(new Uint8Array(IMAGE_LIMITS.bytes + 1), { input })).rejects.toThrow(ImageTooLarge);
  const limits = { bytes: 1024 * 1024, pixels: 48 * 32 - 1 };
  await expect(decodeImage(fixture('drawing.png'), { input, limits })).rejects.toThrow(
    /48x32, 1536 pixels; the limit is 1535/,
  );
  await expect(decodeImage(fixture('cmyk.jpg'), { input, limits })).rejects.toThrow(ImageTooLarge);
  await expect(decodeImage(fixture('cmyk.jpg'), { input, limits: { ...limits, pixels: 1536 } })).resolves.toBeDefined();
});

test('a damaged image is decoded or refused with a UserError', async () => {
  const files = readdirSync(new URL('fixtures/', import.meta.url))
    .filter((name) => name !== 'README.md')
    .map(fixture);
  const damage = fc.oneof(
    fc.record({ kind: fc.constant('flip' as const), at: fc.nat(), bit: fc.nat(7) }),
    fc.record({ kind: fc.constant('cut' as const), at: fc.nat(), bit: fc.constant(0) }),
    fc.record({ kind: fc.constant('drop' as const), at: fc.nat(), bit: fc.nat(40) }),
    fc.record({ kind: fc.constant('repeat' as const), at: fc.nat(), bit: fc.nat(40) }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...files),
      fc.array(damage, { minLength: 1, maxLength: 4 }),
      async (file, damages) => {
        let damaged = file;
        for (const { kind, at, bit } of damages) {
          const index = at % Math.max(1, damaged.length);
          if (kind === 'flip')
            damaged = damaged.map((byte, position) => (position === index ? byte ^ (1 << bit) : byte));
          else if (kind === 'cut') damaged = damaged.slice(0, index);
          else if (kind === 'drop')
            damaged = new Uint8Array([...damaged.subarray(0, index), ...damaged.subarray(index + bit)]);
          else damaged = new Uint8Array([...damaged.subarray(0, index + bit), ...damaged.subarray(index)]);
        }
        try {
          const { pixels } = await decodeImage(damaged, { input });
          expect(pixels.length).toBe(3072);
        } catch (error) {
          const isNamed = [UnsupportedImage, UnsupportedFeature, CorruptImage, ImageTooLarge].some(
            (kind) => error instanceof kind,
          );
          if (!isNamed) throw error;
        }
      },
    ),
    { numRuns: 2000 },
  );
});

function openAny(bytes: Uint8Array) {
  const open = { 'image/png': openPng, 'image/jpeg': openJpeg, 'image/webp': openWebp };
  return open[identify(bytes).type!](bytes);
}
