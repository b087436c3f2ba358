import { readFileSync } from 'node:fs';
import { crc32, deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { decode as decodeWithFastPng } from 'fast-png';
import { expect, test } from 'vitest';
import { CorruptImage, UnsupportedFeature } from './image-errors.ts';
import { openPng } from './open-png.ts';
import { wholeImage } from './whole-image.fixture.ts';

const decodePng = async (bytes: Uint8Array) => wholeImage(openPng(bytes));

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

test('every colour type, depth, filter and interlace method decodes to the pixels that were encoded', async () => {
  await fc.assert(
    fc.asyncProperty(testImages, async (image) => {
      const { width, height, pixels } = await decodePng(encode(image));
      expect({ width, height }).toEqual({ width: image.width, height: image.height });
      expect(Array.from(pixels)).toEqual(overWhite(image));
    }),
    { numRuns: 500 },
  );
});

test('decodes the file of another encoder like another decoder does', async () => {
  const bytes = fixture('drawing.png');
  const { width, height, data, channels } = decodeWithFastPng(bytes);
  expect(channels).toBe(3);
  expect(await decodePng(bytes)).toEqual({ width, height, pixels: new Uint8Array(data), repaired: [] });
});

test('decodes the first frame of an animation', async () => {
  expect(await decodePng(fixture('animated.png'))).toEqual(await decodePng(fixture('drawing.png')));
});

test('a truncated file, and any changed byte, is refused, or its pixels are intact', async () => {
  const bytes = encode({ ...SMALL, filters: [4, 3, 2, 1] });
  const intact = (await decodePng(bytes)).pixels;
  const check = async (changed: Uint8Array, name: string) => {
    const outcome = await decodePng(changed).catch((error: unknown) => error);
    if (outcome instanceof Error) expect(outcome, name).toBeInstanceOf(CorruptImage);
    // A critical chunk that turns into an ancillary one is skipped; the missing content must be noticed.
    else expect(outcome, name).toMatchObject({ pixels: intact });
    return outcome instanceof Error;
  };
  // Not refused: without the end chunk, or the checksum of the pixels, which are all there.
  for (let length = 8; length < bytes.length - 12; length++) {
    const isRefused = await check(bytes.subarray(0, length), `${length} bytes`);
    if (length < bytes.length - 12 - 10) expect(isRefused, `${length} bytes`).toBe(true);
  }
  for (let index = 8; index < bytes.length - 12; index++) {
    const changed = bytes.slice();
    changed[index]! ^= 0x10;
    await check(changed, `byte ${index}`);
  }
});

test('stops inflating a file that has more pixels than its header says, before it takes memory', async () => {
  const bomb = deflateSync(new Uint8Array(256 * 1024 * 1024), { level: 9 });
  const before = process.memoryUsage().arrayBuffers;
  const { pixels, repaired } = await decodePng(file([2, 2, 8, 2, 0], [['IDAT', bomb]]));
  expect(pixels).toEqual(new Uint8Array(12));
  expect(repaired).toEqual(['more image data than its size needs was ignored']);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1024 * 1024);
});

/** Grey 2x2. */
const LINES = Uint8Array.of(0, 10, 20, 0, 30, 40);
const GREY = [10, 10, 10, 20, 20, 20, 30, 30, 30, 40, 40, 40];
const greyFile = (...chunks: [string, Uint8Array][]) => file([2, 2, 8, 0, 0], chunks);
const whole = greyFile(['IDAT', deflateSync(LINES)]);
const wrongChecksum = (bytes: Uint8Array, chunk: string) => {
  const changed = Buffer.from(bytes);
  const at = changed.indexOf(chunk, 'latin1');
  changed[at + 4 + changed.readUInt32BE(at - 4)]! ^= 1;
  return new Uint8Array(changed);
};

test.each([
  ['without its end', whole.subarray(0, -12), 'its end is missing'],
  ['without the checksum of its pixels', whole.subarray(0, -14), 'its end is missing'],
  [
    'with two stray bytes instead of its end',
    Buffer.concat([whole.subarray(0, -12), Buffer.of(0, 7)]),
    '2 stray bytes',
  ],
  ['with text instead of its end', Buffer.concat([whole.subarray(0, -12), Buffer.from('\0\0\0\x02<html>..')]), 'stray'],
  ['with a line more', greyFile(['IDAT', deflateSync(Buffer.concat([LINES, Buffer.of(0, 1, 2)]))]), 'more image data'],
  ['with bytes after the compressed ones', greyFile(['IDAT', Buffer.concat([deflateSync(LINES), Buffer.of(1)])]), ''],
  [
    'with a wrong sum of its pixels',
    greyFile(['IDAT', Buffer.concat([deflateSync(LINES).subarray(0, -1), Buffer.of(1)])]),
    '',
  ],
  ['with an empty chunk', greyFile(['IDAT', new Uint8Array(0)], ['IDAT', deflateSync(LINES)]), ''],
  ['with text after its end', Buffer.concat([whole, Buffer.from('trailer')]), ''],
  [
    'with a wrong checksum of a text',
    wrongChecksum(greyFile(['tEXt', Buffer.from('a\0b')], ['IDAT', deflateSync(LINES)]), 'tEXt'),
    'its chunk tEXt, whose checksum is wrong, was ignored',
  ],
  [
    'with a wrong checksum of the transparent color',
    wrongChecksum(greyFile(['tRNS', Uint8Array.of(0, 10)], ['IDAT', deflateSync(LINES)]), 'tRNS'),
    'its chunk tRNS, whose checksum is wrong, was ignored',
  ],
  ['with a wrong checksum of its end', wrongChecksum(whole, 'IEND'), ''],
])('a file %s is decoded, and says what was wrong', async (_, bytes, expected) => {
  const { pixels, repaired } = await decodePng(new Uint8Array(bytes));
  expect(Array.from(pixels)).toEqual(GREY);
  expect(repaired.join()).toContain(expected);
  if (expected === '') expect(repaired).toEqual([]);
});

test('a color outside the palette is opaque black', async () => {
  const palette = Uint8Array.of(50, 60, 70, 255, 255, 255);
  for (const depth of [2, 4, 8]) {
    const line = Uint8Array.of(0, ...(depth === 8 ? [0, 3] : [3 << (8 - 2 * depth)]));
    const bytes = file(
      [2, 1, depth, 3, 0],
      [
        ['PLTE', palette],
        ['tRNS', Uint8Array.of(255, 255)],
        ['IDAT', deflateSync(line)],
      ],
    );
    const { pixels, repaired } = await decodePng(bytes);
    expect(Array.from(pixels), `${depth} bits`).toEqual([50, 60, 70, 0, 0, 0]);
    expect(repaired).toEqual(['a color that is not in its palette is shown black']);
  }
});

test.each(['before', 'after'])('is turned upright by an eXIf chunk %s the pixels', async (place) => {
  const exif = ['eXIf', Buffer.from('4d4d002a000000080001011200030000000100060000000000000000', 'hex')] as [
    string,
    Uint8Array,
  ];
  const data = ['IDAT', deflateSync(LINES)] as [string, Uint8Array];
  const { pixels } = await decodePng(greyFile(...(place === 'before' ? [exif, data] : [data, exif])));
  expect(Array.from(pixels).filter((_, index) => index % 3 === 0)).toEqual([30, 10, 40, 20]);
});

test('names the format of Apple\u2019s apps', async () => {
  const bytes = Buffer.concat([
    whole.subarray(0, 8),
    Buffer.from('00000004436742495000200 62cb87766'.replace(' ', ''), 'hex'),
    whole.subarray(8),
  ]);
  await expect(decodePng(new Uint8Array(bytes))).rejects.toThrow(UnsupportedFeature);
  await expect(decodePng(new Uint8Array(bytes))).rejects.toThrow(/Apple/);
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
  ['no zlib header', file([2, 1, 8, 0, 0], [['IDAT', Uint8Array.of(1, 2, 3)]]), /cannot be read/],
  ['broken compression', file([2, 1, 8, 0, 0], [['IDAT', Uint8Array.of(0x78, 0x9c, 0xff, 0xff)]]), /cannot be read/],
  ['a wrong checksum', wrongChecksum(whole, 'IDAT'), /checksum/],
  ['an unknown critical chunk', file([1, 1, 8, 0, 0], [['ABCD', new Uint8Array(3)]]), /unknown critical chunk/],
])('says what is wrong: %s', async (_, bytes, message) => {
  await expect(decodePng(bytes)).rejects.toThrow(CorruptImage);
  await expect(decodePng(bytes)).rejects.toThrow(message);
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
