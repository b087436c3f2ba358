import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readOrientation } from './orientation.ts';

/** EXIF metadata with one entry, in this byte order and at this position. */
function exif(orientation: number, isLittle: boolean, at: number): Uint8Array {
  const bytes = new Uint8Array(at + 18);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, isLittle ? 0x4949 : 0x4d4d);
  view.setUint16(2, 42, isLittle);
  view.setUint32(4, at, isLittle);
  view.setUint16(at, 1, isLittle);
  view.setUint16(at + 2, 0x0112, isLittle);
  view.setUint16(at + 4, 3, isLittle);
  view.setUint32(at + 6, 1, isLittle);
  view.setUint16(at + 10, orientation, isLittle);
  return bytes;
}

test.each([
  ['BYTE', 1, 1],
  ['SHORT', 3, 2],
  ['LONG', 4, 4],
  ['SLONG', 9, 4],
])('is read as the type %s', (_, type, size) => {
  for (const isLittle of [false, true]) {
    const bytes = exif(0, isLittle, 8);
    const view = new DataView(bytes.buffer);
    view.setUint16(12, type, isLittle);
    if (size === 1) view.setUint8(18, 6);
    else if (size === 2) view.setUint16(18, 6, isLittle);
    else view.setUint32(18, 6, isLittle);
    expect(readOrientation(bytes.slice(0, 22))).toBe(6);
  }
});

const place = fc.integer({ min: 8, max: 40 });

test('is read in either byte order and at any position; other values than 1 to 8 are ignored', () => {
  fc.assert(
    fc.property(fc.nat(20), fc.boolean(), place, (orientation, isLittle, at) => {
      const expected = orientation >= 1 && orientation <= 8 ? orientation : undefined;
      expect(readOrientation(exif(orientation, isLittle, at))).toBe(expected);
    }),
  );
});

test('any bytes yield an orientation from 1 to 8, or none', () => {
  const damaged = fc
    .tuple(fc.integer({ min: 1, max: 8 }), fc.boolean(), place, fc.nat(60), fc.nat(255), fc.nat(60))
    .map(([orientation, isLittle, at, index, byte, length]) => {
      const bytes = exif(orientation, isLittle, at);
      bytes[index % bytes.length] = byte;
      return bytes.subarray(0, length);
    });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 100 }), damaged), (bytes) => {
      const orientation = readOrientation(bytes);
      if (orientation !== undefined) expect([1, 2, 3, 4, 5, 6, 7, 8]).toContain(orientation);
    }),
    { numRuns: 2000 },
  );
});
