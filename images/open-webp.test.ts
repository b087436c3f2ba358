import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { CorruptImage } from './image-errors.ts';
import { openPng } from './open-png.ts';
import { openWebp } from './open-webp.ts';
import { wholeImage } from './whole-image.fixture.ts';

const fixture = (name: string) => new Uint8Array(readFileSync(new URL(`fixtures/${name}`, import.meta.url)));
const decodeWebp = async (bytes: Uint8Array) => wholeImage(openWebp(bytes));
const decodePng = (bytes: Uint8Array) => wholeImage(openPng(bytes));
const drawing = await decodePng(fixture('drawing.png'));

test('a lossless image decodes to the encoded pixels', async () => {
  expect(await decodeWebp(fixture('lossless.webp'))).toEqual(drawing);
});

test('a lossy image decodes like in another build of libwebp', async () => {
  expect(await decodeWebp(fixture('lossy.webp'))).toEqual(await decodePng(fixture('lossy.webp.png')));
});

test('transparent pixels are blended with white', async () => {
  const { pixels } = await decodeWebp(fixture('alpha-lossless.webp'));
  // The drawing's alpha grows from left to right, from 0 to 255 over 48 columns.
  drawing.pixels.forEach((value, index) => {
    const alpha = Math.floor((((index / 3) | 0) % 48) * (255 / 47)) / 255;
    expect(Math.abs(pixels[index]! - (value * alpha + 255 * (1 - alpha)))).toBeLessThanOrEqual(1.5);
  });
  const lossy = await decodeWebp(fixture('alpha-lossy.webp'));
  expect(lossy.pixels.subarray(0, 3)).toEqual(Uint8Array.of(255, 255, 255));
});

test('decodes the first frame of an animation', async () => {
  expect(await decodeWebp(fixture('animated.webp'))).toEqual(drawing);
});

test('a frame that covers a part of the canvas is placed correctly', async () => {
  const bytes = fixture('animated.webp');
  const frame = Buffer.from(bytes).indexOf('ANMF');
  const canvas = Buffer.from(bytes).indexOf('VP8X');
  bytes[canvas + 12] = 48 + 10 - 1;
  bytes[canvas + 15] = 32 + 6 - 1;
  bytes[frame + 8] = 2; // in units of two pixels
  bytes[frame + 11] = 3;
  const { width, height, pixels } = await decodeWebp(bytes);
  expect({ width, height }).toEqual({ width: 58, height: 38 });
  const at = (x: number, y: number) => Array.from(pixels.subarray((y * 58 + x) * 3, (y * 58 + x) * 3 + 3));
  expect(at(0, 0)).toEqual([255, 255, 255]);
  expect(at(4, 6)).toEqual(Array.from(drawing.pixels.subarray(0, 3)));
  bytes[frame + 8] = 200;
  await expect(decodeWebp(bytes)).rejects.toThrow(/outside/);
});

test('applies the EXIF orientation', async () => {
  const exif = Buffer.from(
    '4949 2a00 0800 0000 0100 1201 0300 0100 0000 0600 0000 0000 0000'.replaceAll(' ', ''),
    'hex',
  );
  const still = fixture('lossless.webp').subarray(12);
  const extended = Buffer.from('VP8X\x0a\0\0\0\x08\0\0\0\x2f\0\0\x1f\0\0', 'latin1');
  const chunk = Buffer.concat([Buffer.from('EXIF'), Buffer.of(exif.length, 0, 0, 0), exif]);
  const body = Buffer.concat([Buffer.from('WEBP'), extended, still, chunk]);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(body.length);
  const bytes = new Uint8Array(Buffer.concat([Buffer.from('RIFF'), size, body]));
  expect(openWebp(bytes)).toMatchObject({ width: 48, height: 32, orientation: 6 });
  const { width, height, pixels } = await decodeWebp(bytes);
  expect({ width, height }).toEqual({ width: 32, height: 48 });
  // Rotated clockwise: the bottom left corner is now at the top left.
  expect(pixels.subarray(0, 3)).toEqual(drawing.pixels.subarray(31 * 48 * 3, 31 * 48 * 3 + 3));
});

test.each(['lossless.webp', 'lossy.webp', 'alpha-lossy.webp', 'animated.webp'])(
  '%s, cut short, is refused',
  async (name) => {
    const bytes = fixture(name);
    const pixelsEnd = name === 'animated.webp' ? 1200 : bytes.length;
    for (let length = 12; length < pixelsEnd; length += 11) {
      await expect(decodeWebp(bytes.subarray(0, length)), `${length} bytes`).rejects.toThrow(CorruptImage);
    }
  },
);

test.each([
  [
    'with the wrong length in its header',
    (bytes: Uint8Array) => bytes.fill(0xff, 4, 5),
    'the length in its header is wrong',
  ],
  ['with a length of nothing', (bytes: Uint8Array) => bytes.fill(0, 4, 8), 'the length in its header is wrong'],
  [
    'with metadata that are cut off',
    (bytes: Uint8Array) => Buffer.concat([bytes, Buffer.from('EXIF\xff\0\0\0II*', 'latin1')]),
    '11 stray bytes at its end were ignored',
  ],
  [
    'with a stray byte',
    (bytes: Uint8Array) => Buffer.concat([bytes, Buffer.of(7)]),
    '1 stray byte at its end was ignored',
  ],
])('a file %s is decoded, and says what was wrong', async (_, change, expected) => {
  for (const name of ['lossless.webp', 'lossy.webp', 'alpha-lossy.webp', 'animated.webp']) {
    const { pixels, repaired } = await decodeWebp(new Uint8Array(change(fixture(name))));
    expect(pixels, name).toEqual((await decodeWebp(fixture(name))).pixels);
    expect(repaired.join(), name).toContain(expected);
  }
});

test('reads the size without decoding', () => {
  for (const name of ['lossless.webp', 'lossy.webp', 'alpha-lossy.webp', 'animated.webp']) {
    expect(openWebp(fixture(name))).toMatchObject({ width: 48, height: 32 });
  }
});
