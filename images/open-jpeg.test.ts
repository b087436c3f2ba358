import { readFileSync } from 'node:fs';
import { encode } from 'jpeg-js';
import { expect, test } from 'vitest';
import { decodeJpeg, readJpegHeader } from './decode-jpeg.ts';
import { decodePng } from './decode-png.ts';
import { CorruptImage, UnsupportedFeature } from './image-errors.ts';

const fixture = (name: string) => new Uint8Array(readFileSync(new URL(`fixtures/${name}`, import.meta.url)));
const drawing = decodePng(fixture('drawing.png'));

test.each([
  // Without chroma subsampling, decoders differ only in rounding.
  { name: 'baseline-444', reference: 'baseline-444.jpg.png', mean: 0.8, most: 6 },
  { name: 'progressive-444', reference: 'baseline-444.jpg.png', mean: 0.8, most: 6 },
  { name: 'restart-444', reference: 'baseline-444.jpg.png', mean: 0.8, most: 6 },
  { name: 'grey', reference: 'grey.jpg.png', mean: 0.8, most: 6 },
  { name: 'adobe-rgb', reference: 'adobe-rgb.jpg.png', mean: 0.8, most: 6 },
  { name: 'cmyk', reference: 'cmyk.jpg.png', mean: 1, most: 5 },
  // libjpeg interpolates the chroma; this decoder repeats it.
  { name: 'baseline-422', reference: 'baseline-422.jpg.png', mean: 5, most: 255 },
  { name: 'baseline-420', reference: 'baseline-420.jpg.png', mean: 8, most: 255 },
  { name: 'progressive-420', reference: 'baseline-420.jpg.png', mean: 8, most: 255 },
])('$name is what libjpeg makes of it', ({ name, reference, mean, most }) => {
  const decoded = decodeJpeg(fixture(`${name}.jpg`));
  const expected = decodePng(fixture(reference));
  expect({ width: decoded.width, height: decoded.height }).toEqual({ width: 48, height: 32 });
  const difference = compare(decoded.pixels, expected.pixels);
  expect(difference.mean).toBeLessThan(mean);
  expect(difference.most).toBeLessThanOrEqual(most);
});

test.each([1, 2, 3, 4, 5, 6, 7, 8])('orientation %i is shown upright', (orientation) => {
  const bytes = fixture(`orientation-${orientation}.jpg`);
  const decoded = decodeJpeg(bytes);
  expect(readJpegHeader(bytes)).toMatchObject({ width: 48, height: 32, orientation });
  expect({ width: decoded.width, height: decoded.height }).toEqual({ width: 48, height: 32 });
  expect(compare(decoded.pixels, drawing.pixels).mean).toBeLessThan(6);
});

test('reads the header without decoding', () => {
  expect(readJpegHeader(fixture('cmyk.jpg'))).toEqual({
    ...{ width: 48, height: 32, components: 4, orientation: 1, adobeTransform: 0 },
  });
});

test.each(['baseline-444', 'progressive-420'])('%s, truncated anywhere, is refused', (name) => {
  const bytes = fixture(`${name}.jpg`);
  for (let length = 3; length < bytes.length - 2; length += 7) {
    expect(() => decodeJpeg(bytes.subarray(0, length)), `${length} bytes`).toThrow(CorruptImage);
  }
});

test('names the features that are valid but not decoded', () => {
  const at = frameAt(fixture('baseline-444.jpg'));
  const changed = (change: (bytes: Uint8Array) => void) => {
    const bytes = fixture('baseline-444.jpg');
    change(bytes);
    return () => decodeJpeg(bytes);
  };
  expect(changed((bytes) => bytes.fill(12, at + 4, at + 5))).toThrow(/12 bits per sample/);
  expect(changed((bytes) => bytes.fill(0xc9, at + 1, at + 2))).toThrow(/arithmetic/);
  expect(changed((bytes) => bytes.fill(0xc3, at + 1, at + 2))).toThrow(UnsupportedFeature);
  expect(changed((bytes) => bytes.fill(0, at + 5, at + 9))).toThrow(/0x0/);
});

test('refuses more scans than any encoder writes, since each costs a pass over all pixels', () => {
  const bytes = fixture('progressive-444.jpg');
  const scan = Buffer.from(bytes).indexOf(Uint8Array.of(0xff, 0xda));
  const oneScan = bytes.subarray(scan, scan + 14); // The header, without data.
  const many = Buffer.concat([
    bytes.subarray(0, scan),
    ...Array.from({ length: 100 }, () => oneScan),
    bytes.subarray(scan),
  ]);
  expect(() => decodeJpeg(new Uint8Array(many))).toThrow(/more than 64 scans/);
});

test('an image with unreadable metadata is decoded', () => {
  const bytes = fixture('orientation-6.jpg');
  const exif = Buffer.from(bytes).indexOf('Exif\0\0');
  bytes.fill(0xee, exif + 6, exif + 20);
  expect(readJpegHeader(bytes).orientation).toBe(1);
  expect(decodeJpeg(bytes)).toMatchObject({ width: 32, height: 48 });
});

test('a large photograph is decoded within the memory limit', () => {
  const [width, height] = [2000, 2000];
  const data = Buffer.alloc(width * height * 4, 200);
  const { data: bytes } = encode({ width, height, data }, 80);
  expect(decodeJpeg(new Uint8Array(bytes))).toMatchObject({ width, height });
});

function compare(left: Uint8Array, right: Uint8Array): { mean: number; most: number } {
  expect(left.length).toBe(right.length);
  const differences = Array.from(left, (value, index) => Math.abs(value - right[index]!));
  return { mean: differences.reduce((sum, value) => sum + value, 0) / left.length, most: Math.max(...differences) };
}

/** Offset of the frame header's marker. */
function frameAt(bytes: Uint8Array): number {
  return bytes.findIndex((byte, index) => byte === 0xff && (bytes[index + 1]! === 0xc0 || bytes[index + 1]! === 0xc2));
}
