import { readFileSync } from 'node:fs';
import { crc32, deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { decode as decodeWithFastPng } from 'fast-png';
import { expect, test } from 'vitest';
import { decodePng } from './decode-png.ts';
import { CorruptImage } from './image-errors.ts';

const fixture = (name: string) => new Uint8Array(readFileSync(new URL(`fixtures/${name}`, import.meta.url)));

/** Colour types with their bit depths. */
const KINDS = [
  { type: 0, channels: 1, depths: [1, 2, 4, 8, 16] },
  { type: 2, channels: 3, depths: [8, 16] },
  { type: 3, channels: 1, depths: [1, 2, 4, 8] },
  { type: 4, channels: 2, depths: [8, 16] },
  { type: 6, channels: 4, depths: [8, 16] },
].flatMap(({ type, channels, depths }) => depths.map((depth) => ({ type, channels, depth })));

interface TestImage {
  readonly type: number;
  readonly channels: number;
  readonly depth: number;
  readonly width: number;
  readonly height: number;
  readonly interlaced: boolean;
  /** `[height, width, channels]` */
  readonly samples: readonly number[];
  readonly palette: readonly number[];
  /** Alpha of the palette's entries, or the transparent colour. */
  readonly transparency: readonly number[];
  /** The filter of each line, in the order of the file. */
  readonly filters: readonly number[];
}

const testImages: fc.Arbitrary<TestImage> = fc
  .record({
    kind: fc.constantFrom(...KINDS),
    width: fc.integer({ min: 1, max: 19 }),
    height: fc.integer({ min: 1, max: 19 }),
    interlaced: fc.boolean(),
  })
  .chain(({ kind, width, height, interlaced }) => {
    const maximum = 2 ** kind.depth - 1;
    const sample = fc.integer({ min: 0, max: maximum });
    const count = width * height * kind.channels;
    const entries = kind.type === 3 ? maximum + 1 : 0;
    return fc.record({
      ...{ type: fc.constant(kind.type), channels: fc.constant(kind.channels), depth: fc.constant(kind.depth) },
      ...{ width: fc.constant(width), height: fc.constant(height), interlaced: fc.constant(interlaced) },
      samples: fc.array(sample, { minLength: count, maxLength: count }),
      palette: fc.array(fc.nat(255), { minLength: entries * 3, maxLength: entries * 3 }),
      transparency:
        kind.type === 3
          ? fc.array(fc.nat(255), { maxLength: entries })
          : kind.type === 0 || kind.type === 2
            ? fc.option(fc.array(sample, { minLength: kind.channels, maxLength: kind.channels }), { nil: [] })
            : fc.constant([]),
      filters: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 64, maxLength: 64 }),
    });
  });

test('every colour type, depth, filter and interlace method decodes to the pixels that were encoded', () => {
  fc.assert(
    fc.property(testImages, (image) => {
      const { width, height, pixels } = decodePng(encode(image));
      expect({ width, height }).toEqual({ width: image.width, height: image.height });
      expect(Array.from(pixels)).toEqual(overWhite(image));
    }),
    { numRuns: 500 },
  );
});

test('decodes the file of another encoder like another decoder does', () => {
  const bytes = fixture('drawing.png');
  const { width, height, data, channels } = decodeWithFastPng(bytes);
  expect(channels).toBe(3);
  expect(decodePng(bytes)).toEqual({ width, height, pixels: new Uint8Array(data) });
});

test('decodes the first frame of an animation', () => {
  expect(decodePng(fixture('animated.png'))).toEqual(decodePng(fixture('drawing.png')));
});

test('refuses a file that is truncated anywhere, and any changed byte that matters', () => {
  const bytes = encode({ ...SMALL, filters: [4, 3, 2, 1] });
  const intact = decodePng(bytes).pixels;
  for (let length = 8; length < bytes.length - 12; length++) {
    expect(() => decodePng(bytes.subarray(0, length)), `${length} bytes`).toThrow(CorruptImage);
  }
  for (let index = 8; index < bytes.length - 12; index++) {
    const changed = bytes.slice();
    changed[index]! ^= 0x10;
    // A critical chunk that turns into an ancillary one is skipped; the missing content must be noticed.
    let pixels: Uint8Array | undefined;
    try {
      pixels = decodePng(changed).pixels;
    } catch (error) {
      expect(error).toBeInstanceOf(CorruptImage);
    }
    if (pixels) expect(pixels, `byte ${index}`).toEqual(intact);
  }
});

test('stops inflating a file that has more pixels than its header says, before it takes memory', () => {
  const bomb = deflateSync(new Uint8Array(256 * 1024 * 1024), { level: 9 });
  const before = process.memoryUsage().arrayBuffers;
  expect(() => decodePng(file([2, 2, 8, 2, 0], [['IDAT', bomb]]))).toThrow(/more pixels than its header says/);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1024 * 1024);
});

test.each([
  ['too few lines', file([2, 2, 8, 0, 0], [['IDAT', deflateSync(new Uint8Array(3))]]), /fewer pixels/],
  ['an unknown filter', file([2, 1, 8, 0, 0], [['IDAT', deflateSync(Uint8Array.of(9, 0, 0))]]), /filter 9/],
  ['no pixels', file([2, 1, 8, 0, 0], []), /no pixels/],
  ['a width of 0', file([0, 1, 8, 0, 0], []), /0x1/],
  ['seven bits', file([2, 1, 7, 0, 0], []), /colour type 0 with 7 bits/],
  ['colour type 5', file([2, 1, 8, 5, 0], []), /colour type 5/],
  ['an unknown interlacing', file([2, 1, 8, 0, 2], []), /unknown/],
  ['a palette image without one', file([1, 1, 8, 3, 0], [['IDAT', deflateSync(new Uint8Array(2))]]), /palette/],
  [
    'a pixel outside the palette',
    file(
      [1, 1, 8, 3, 0],
      [
        ['PLTE', new Uint8Array(6)],
        ['IDAT', deflateSync(Uint8Array.of(0, 2))],
      ],
    ),
    /outside the palette/,
  ],
  ['an unknown critical chunk', file([1, 1, 8, 0, 0], [['ABCD', new Uint8Array(3)]]), /unknown critical chunk/],
])('says what is wrong: %s', (_, bytes, message) => {
  expect(() => decodePng(bytes)).toThrow(CorruptImage);
  expect(() => decodePng(bytes)).toThrow(message);
});

const SMALL: TestImage = {
  ...{
    type: 2,
    channels: 3,
    depth: 8,
    width: 3,
    height: 4,
    interlaced: false,
    palette: [],
    transparency: [],
    filters: [],
  },
  samples: Array.from({ length: 36 }, (_, index) => (index * 37) % 256),
};

/** The expected pixels, computed one by one from the specification. */
function overWhite({ type, channels, depth, samples, palette, transparency }: TestImage): number[] {
  const maximum = 2 ** depth - 1;
  const mix = (value: number, alpha: number) => Math.round(value * alpha + 255 * (1 - alpha));
  const pixels: number[] = [];
  for (let at = 0; at < samples.length; at += channels) {
    const pixel = samples.slice(at, at + channels);
    if (type === 3) {
      const alpha = (transparency[pixel[0]!] ?? 255) / 255;
      for (let channel = 0; channel < 3; channel++) pixels.push(mix(palette[pixel[0]! * 3 + channel]!, alpha));
      continue;
    }
    const hasAlpha = type === 4 || type === 6;
    const isTransparent = transparency.length > 0 && pixel.every((value, index) => value === transparency[index]);
    const alpha = hasAlpha ? pixel[channels - 1]! / maximum : isTransparent ? 0 : 1;
    const colors = hasAlpha ? pixel.slice(0, -1) : pixel;
    for (let channel = 0; channel < 3; channel++) {
      pixels.push(mix((colors[colors.length === 1 ? 0 : channel]! * 255) / maximum, alpha));
    }
  }
  return pixels;
}

function encode(image: TestImage): Uint8Array {
  const { type, channels, depth, width, height, interlaced, samples, palette, transparency, filters } = image;
  const passes = interlaced
    ? [
        [0, 0, 8, 8],
        [4, 0, 8, 8],
        [0, 4, 4, 8],
        [2, 0, 4, 4],
        [0, 2, 2, 4],
        [1, 0, 2, 2],
        [0, 1, 1, 2],
      ]
    : [[0, 0, 1, 1]];
  const step = Math.max(1, (depth * channels) >> 3);
  const lines: number[] = [];
  let count = 0;
  for (const [left, top, dx, dy] of passes) {
    let above: number[] = [];
    for (let y = top!; y < height; y += dy!) {
      const values: number[] = [];
      for (let x = left!; x < width; x += dx!) {
        const at = (y * width + x) * channels;
        values.push(...samples.slice(at, at + channels));
      }
      if (values.length === 0) continue;
      const line = pack(values, depth);
      const filter = filters[count++ % filters.length] ?? 0;
      lines.push(filter, ...filtered(filter, line, above, step));
      above = line;
    }
  }
  const data = deflateSync(Uint8Array.from(lines));
  const half = data.length >> 1;
  return file(
    [width, height, depth, type, interlaced ? 1 : 0],
    [
      ['tIME', new Uint8Array(7)],
      ...(type === 3 ? [['PLTE', Uint8Array.from(palette)] as const] : []),
      ...(transparency.length > 0
        ? [['tRNS', Uint8Array.from(type === 3 ? transparency : pack(transparency, 16))] as const]
        : []),
      ['IDAT', data.subarray(0, half)],
      ['IDAT', data.subarray(half)],
    ],
  );
}

function pack(values: readonly number[], depth: number): number[] {
  const bits = values.map((value) => value.toString(2).padStart(depth, '0')).join('');
  return (bits.match(/.{1,8}/g) ?? []).map((byte) => Number.parseInt(byte.padEnd(8, '0'), 2));
}

function filtered(filter: number, line: readonly number[], above: readonly number[], step: number): number[] {
  return line.map((value, index) => {
    const a = line[index - step] ?? 0;
    const b = above[index] ?? 0;
    const c = index < step ? 0 : (above[index - step] ?? 0);
    const nearest = [a, b, c].sort((m, n) => Math.abs(a + b - c - m) - Math.abs(a + b - c - n))[0]!;
    return (value - [0, a, b, (a + b) >> 1, nearest][filter]!) & 255;
  });
}

function file(header: readonly number[], chunks: readonly (readonly [string, Uint8Array])[]): Uint8Array {
  const [width, height, depth, type, interlace] = header as [number, number, number, number, number];
  const body = Buffer.alloc(13);
  body.writeUInt32BE(width, 0);
  body.writeUInt32BE(height, 4);
  body.set([depth, type, 0, 0, interlace], 8);
  return new Uint8Array(
    Buffer.concat([
      Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
      ...[['IHDR', body] as const, ...chunks, ['IEND', new Uint8Array(0)] as const].map(([name, data]) => {
        const typed = Buffer.concat([Buffer.from(name, 'latin1'), data]);
        const framed = Buffer.alloc(typed.length + 8);
        framed.writeUInt32BE(data.length, 0);
        framed.set(typed, 4);
        framed.writeUInt32BE(crc32(typed), typed.length + 4);
        return framed;
      }),
    ]),
  );
}
