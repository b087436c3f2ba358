import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readersPython } from '#setup/readers.mjs';
import { CorruptImage, UnsupportedFeature } from './image-errors.ts';
import type { Reduction } from './image-file.ts';
import { openJpeg } from './open-jpeg.ts';
import { openPng } from './open-png.ts';
import { wholeImage } from './whole-image.fixture.ts';

const fixture = (name: string) => new Uint8Array(readFileSync(new URL(`fixtures/${name}`, import.meta.url)));
const decodeJpeg = async (bytes: Uint8Array) => wholeImage(openJpeg(bytes));
const drawing = await wholeImage(openPng(fixture('drawing.png')));

/** Files of the same pixels as another one. */
const SAME: Record<string, string> = {
  'progressive-444': 'baseline-444',
  'restart-444': 'baseline-444',
  'progressive-420': 'baseline-420',
};
const names = readdirSync(new URL('fixtures/', import.meta.url))
  .filter((name) => name.endsWith('.jpg') && !name.startsWith('orientation'))
  .map((name) => path.basename(name, '.jpg'));

test.each(names)('%s has the pixels that libjpeg makes of it', async (name) => {
  const { width, height, pixels, repaired } = await decodeJpeg(fixture(`${name}.jpg`));
  const expected = await wholeImage(openPng(fixture(`${SAME[name] ?? name}.jpg.png`)));
  expect({ width, height, repaired }).toEqual({ width: 48, height: 32, repaired: [] });
  expect(compare(pixels, expected.pixels).most).toBeLessThanOrEqual(1);
});

test.each([1, 2, 3, 4, 5, 6, 7, 8])('orientation %i is shown upright', async (orientation) => {
  const file = openJpeg(fixture(`orientation-${orientation}.jpg`));
  expect(file.orientation).toBe(orientation);
  const { width, height, pixels } = await wholeImage(file);
  expect({ width, height }).toEqual({ width: 48, height: 32 });
  expect(compare(pixels, drawing.pixels).mean).toBeLessThan(6);
});

test.each([2, 4, 8] as const)('decoded at 1/%i, each pixel is the mean of its area', async (reduction) => {
  // Where colors are clipped or multiplied, which the others do a lot, the color of a mean is not the mean of the colors.
  for (const name of names.filter((each) => !/411|uneven|ycck/.test(each))) {
    const whole = await decodeJpeg(fixture(`${name}.jpg`));
    const [width, height] = [48 / reduction, 32 / reduction];
    const pixels = await reduced(fixture(`${name}.jpg`), reduction);
    const means = Uint8Array.from({ length: width * height * 3 }, (_, index) => {
      const [x, y] = [Math.floor(index / 3) % width, Math.floor(index / 3 / width)];
      let sum = 0;
      for (let each = 0; each < reduction ** 2; each++) {
        const from = (y * reduction + Math.floor(each / reduction)) * 48 + x * reduction + (each % reduction);
        sum += whole.pixels[from * 3 + (index % 3)]!;
      }
      return Math.round(sum / reduction ** 2);
    });
    expect(compare(pixels, means).mean, name).toBeLessThan(/444|grey|rgb/.test(name) ? 1 : 5);
  }
});

async function reduced(bytes: Uint8Array, reduction: Reduction): Promise<Uint8Array> {
  const rows: Uint8Array[] = [];
  await openJpeg(bytes).decode(reduction, (row) => rows.push(row.slice()));
  return Buffer.concat(rows);
}

describe('a file that is not as it should be', () => {
  const whole = fixture('baseline-444.jpg');
  const restarts = fixture('restart-444.jpg');
  const remove = (bytes: Uint8Array, marker: number) => without(bytes, (each) => each === marker);

  test.each([
    ['without its end marker', whole.subarray(0, -2), 'its end marker is missing'],
    ['with the half of its end marker', whole.subarray(0, -1), 'its end marker is missing'],
    ['without Huffman tables', remove(whole, 0xc4), 'the standard Huffman tables were used where it has none'],
    [
      'with stray bytes between segments',
      insert(whole, marker(whole, 0xdb), [0, 7, 0xff, 0, 9]),
      '5 stray bytes were skipped',
    ],
    ['with fill bytes before a segment', insert(whole, marker(whole, 0xda), [0xff, 0xff]), undefined],
    ['with fill bytes before its end', insert(whole, whole.length - 2, [0xff, 0xff, 0xff]), undefined],
    ['with fill bytes before a restart marker', insert(restarts, marker(restarts, 0xd0), [0xff, 0xff]), undefined],
    [
      'with a stray byte before a restart marker',
      insert(restarts, marker(restarts, 0xd0), [1]),
      '1 stray byte was skipped',
    ],
    ['with bytes after its pixels', insert(whole, whole.length - 2, [1, 2, 3]), '3 stray bytes were skipped'],
    ['with another file after its end', Buffer.concat([whole, whole]), undefined],
    ['with a comment of nonsense', insert(whole, 2, [0xff, 0xfe, 0, 6, 0xff, 0xd8, 0xff, 0xd9]), undefined],
    ['with its height after the pixels', heightBelow(whole), undefined],
  ])('%s has the same pixels, and says what was wrong', async (name, bytes, expected) => {
    const reference = name.includes('restart') ? restarts : whole;
    const { pixels, repaired } = await decodeJpeg(new Uint8Array(bytes));
    expect(pixels).toEqual((await decodeJpeg(reference)).pixels);
    expect(repaired).toEqual(expected === undefined ? [] : [expected]);
  });

  test.each(['baseline-444', 'baseline-420', 'progressive-420', 'restart-444', 'non-interleaved'])(
    '%s, truncated anywhere, is refused',
    async (name) => {
      const bytes = fixture(`${name}.jpg`);
      for (let length = 3; length < bytes.length - 4; length += 5) {
        await expect(decodeJpeg(bytes.subarray(0, length)), `${length} bytes`).rejects.toThrow(CorruptImage);
      }
    },
  );

  test('without a part between two restart markers is refused', async () => {
    const [from, to] = [marker(restarts, 0xd0), marker(restarts, 0xd1)];
    const bytes = Buffer.concat([restarts.subarray(0, from), restarts.subarray(to)]);
    await expect(decodeJpeg(new Uint8Array(bytes))).rejects.toThrow(/a part of its compressed pixels is missing/);
  });

  test('without one of its components is refused', async () => {
    const bytes = fixture('non-interleaved.jpg');
    const last = Buffer.from(bytes).lastIndexOf(Uint8Array.of(0xff, 0xda));
    const cut = Buffer.concat([bytes.subarray(0, last), Buffer.of(0xff, 0xd9)]);
    await expect(decodeJpeg(new Uint8Array(cut))).rejects.toThrow(/it ends early/);
  });
});

describe('the colors are, by libjpeg’s rules,', () => {
  const rgb = fixture('adobe-rgb.jpg');
  const ycc = fixture('baseline-444.jpg'); // with JFIF
  const adobe = (transform: number) => [0xff, 0xee, 0, 14, ...Buffer.from('Adobe'), 0, 100, 0, 0, 0, 0, transform];
  const isJfif = (each: number) => each === 0xe0;
  const isAdobe = (each: number) => each === 0xee;
  const pixelsOf = async (bytes: Uint8Array) => (await decodeJpeg(new Uint8Array(bytes))).pixels;

  test('red, green and blue where the components are named so', async () => {
    expect(await pixelsOf(without(rgb, isAdobe))).toEqual(await pixelsOf(rgb));
  });

  test('YCbCr where JFIF says so, whatever Adobe’s marker and the names say', async () => {
    const frame = marker(ycc, 0xc0);
    const named = ycc.slice();
    const scan = marker(ycc, 0xda);
    [82, 71, 66].forEach((name, index) => {
      named[frame + 10 + index * 3] = name;
      named[scan + 5 + index * 2] = name;
    });
    const expected = await pixelsOf(ycc);
    expect(await pixelsOf(named)).toEqual(expected);
    expect(await pixelsOf(insert(ycc, marker(ycc, 0xdb), adobe(0)))).toEqual(expected);
    expect(await pixelsOf(without(ycc, isJfif))).toEqual(expected);
  });

  test('what Adobe’s marker says without JFIF', async () => {
    const bare = without(ycc, isJfif);
    expect(await pixelsOf(insert(bare, 2, adobe(1)))).toEqual(await pixelsOf(ycc));
    expect(await pixelsOf(insert(bare, 2, adobe(0)))).not.toEqual(await pixelsOf(ycc));
  });

  test('CMYK, stored inverted, with and without Adobe’s marker', async () => {
    const cmyk = fixture('cmyk.jpg');
    expect(await pixelsOf(without(cmyk, isAdobe))).toEqual(await pixelsOf(cmyk));
  });
});

test('names the features that are valid but not decoded', async () => {
  const changed = async (at: number, value: number) => {
    const bytes = fixture('baseline-444.jpg');
    bytes[marker(bytes, 0xc0) + at] = value;
    return decodeJpeg(bytes);
  };
  await expect(changed(4, 12)).rejects.toThrow(/12 bits per sample/);
  await expect(changed(1, 0xc9)).rejects.toThrow(/arithmetic coding/);
  await expect(changed(1, 0xca)).rejects.toThrow(/arithmetic coding/);
  await expect(changed(1, 0xc3)).rejects.toThrow(/lossless coding/);
  await expect(changed(1, 0xc5)).rejects.toThrow(/hierarchical coding/);
  await expect(changed(1, 0xc3)).rejects.toThrow(UnsupportedFeature);
  await expect(changed(8, 0)).rejects.toThrow(/0x32/);
});

test('refuses more scans than any encoder writes, since each costs a pass over all pixels', async () => {
  const bytes = fixture('progressive-444.jpg');
  const at = marker(bytes, 0xda);
  const end = at + Buffer.from(bytes.subarray(at)).indexOf(Uint8Array.of(0xff, 0xc4));
  const scans = Array.from({ length: 100 }, () => bytes.subarray(at, end));
  const many = Buffer.concat([bytes.subarray(0, at), ...scans, bytes.subarray(end)]);
  await expect(decodeJpeg(new Uint8Array(many))).rejects.toThrow(/more than 64 scans/);
});

test('an image with unreadable metadata is decoded', async () => {
  const bytes = fixture('orientation-6.jpg');
  const exif = Buffer.from(bytes).indexOf('Exif\0\0');
  bytes.fill(0xee, exif + 6, exif + 20);
  expect(openJpeg(bytes).orientation).toBe(1);
  expect(await decodeJpeg(bytes)).toMatchObject({ width: 32, height: 48 });
});

const python = readersPython();
const folder = mkdtempSync(path.join(tmpdir(), 'cifar10-jpeg-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Writes `<name>.jpg`, and beside it the pixels that Pillow decodes from it. */
const PILLOW = `
import io, itertools, os, random, sys
from PIL import Image, ImageFilter
random.seed(1)
count = 0
def save(image, **options):
    global count
    name = os.path.join(sys.argv[1], f'{count:03}-{image.mode}-' + '-'.join(f'{k}={v}' for k, v in options.items()).replace(':', ''))
    image.save(name + '.jpg', **options)
    pixels = Image.open(name + '.jpg').convert('RGB')
    with open(name + '.rgb', 'wb') as file: file.write(bytes(f'{pixels.width} {pixels.height}\\n', 'ascii') + pixels.tobytes())
    count += 1
def picture(mode, size):
    noise = Image.frombytes('RGB', size, random.randbytes(size[0] * size[1] * 3)).filter(ImageFilter.GaussianBlur(random.choice([0, 1, 4])))
    return noise.convert(mode)
sizes = [(1, 1), (2, 3), (7, 9), (8, 8), (17, 15), (33, 47), (100, 61)]
for size, progressive, subsampling in itertools.product(sizes, [False, True], ['4:4:4', '4:2:2', '4:2:0']):
    save(picture('RGB', size), subsampling=subsampling, progressive=progressive, quality=random.choice([10, 75, 100]), restart_marker_blocks=random.choice([0, 1, 3]))
for size, mode, progressive in itertools.product(sizes, ['L', 'CMYK'], [False, True]):
    save(picture(mode, size), progressive=progressive, optimize=True, quality=90, restart_marker_blocks=random.choice([0, 2, 5]))
for size in sizes: save(picture('RGB', size), keep_rgb=True)
`;

test.skipIf(!python)('files of all sizes, samplings and codings have the pixels that Pillow decodes', async () => {
  const { status, stderr } = spawnSync(python!, ['-c', PILLOW, folder], { encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  const files = readdirSync(folder).filter((name) => name.endsWith('.jpg'));
  expect(files.length).toBeGreaterThan(70);
  for (const name of files) {
    const { width, height, pixels } = await decodeJpeg(new Uint8Array(readFileSync(path.join(folder, name))));
    const expected = readFileSync(path.join(folder, name.replace(/jpg$/, 'rgb')));
    const header = `${width} ${height}\n`;
    expect(expected.subarray(0, header.length).toString(), name).toBe(header);
    expect(compare(pixels, expected.subarray(header.length)).most, name).toBeLessThanOrEqual(2);
  }
});

function compare(left: Uint8Array, right: Uint8Array): { mean: number; most: number } {
  expect(left.length).toBe(right.length);
  let [sum, most] = [0, 0];
  left.forEach((value, index) => {
    const difference = Math.abs(value - right[index]!);
    sum += difference;
    most = Math.max(most, difference);
  });
  return { mean: sum / left.length, most };
}

/** Offset of the first such marker. */
function marker(bytes: Uint8Array, code: number): number {
  return Buffer.from(bytes).indexOf(Uint8Array.of(0xff, code));
}

function insert(bytes: Uint8Array, at: number, added: readonly number[]): Uint8Array {
  return new Uint8Array([...bytes.subarray(0, at), ...added, ...bytes.subarray(at)]);
}

/** Removes segments before the scan. */
function without(bytes: Uint8Array, isRemoved: (code: number) => boolean): Uint8Array {
  const kept = [bytes.subarray(0, 2)];
  let at = 2;
  while (bytes[at + 1] !== 0xda) {
    const end = at + 2 + ((bytes[at + 2]! << 8) | bytes[at + 3]!);
    if (!isRemoved(bytes[at + 1]!)) kept.push(bytes.subarray(at, end));
    at = end;
  }
  return new Uint8Array(Buffer.concat([...kept, bytes.subarray(at)]));
}

/** Moves the height from the frame header to a DNL segment. */
function heightBelow(bytes: Uint8Array): Uint8Array {
  const changed = insert(bytes, bytes.length - 2, [0xff, 0xdc, 0, 4, 0, 32]);
  changed.fill(0, marker(bytes, 0xc0) + 5, marker(bytes, 0xc0) + 7);
  return changed;
}
