import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { decodeImage } from '#images/decode-image.ts';
import { readersPython } from '#setup/readers.mjs';
import { openPicture } from './picture-facts.ts';

const form = { size: 32, fit: 'crop' } as const;
const fixtures = new URL('../../../images/fixtures/', import.meta.url);

test('PNG, JPEG and WebP pictures have the pixels in training that the endpoint decodes', async () => {
  const names = (await readdir(fixtures)).filter((name) => /\.(png|jpg|webp)$/.test(name));
  expect(names.length).toBeGreaterThan(40);
  for (const name of names) {
    const bytes = await readFile(new URL(name, fixtures));
    const opened = await openPicture(bytes, name, form);
    const served = await decodeImage(bytes, { input: { width: 32, height: 32 } });
    expect({ name, pixels: 'pixels' in opened && opened.pixels }).toEqual({ name, pixels: served.pixels });
  }
});

/** Files of each format, and beside each what it shows: `[height, width, 3]`, by Pillow. */
const PILLOW = `
import sys
import numpy as np
from PIL import Image
drawing, folder = Image.open(sys.argv[1]).convert('RGB'), sys.argv[2]
grey = drawing.convert('L')
alpha = drawing.copy()
alpha.putalpha(Image.linear_gradient('L').resize(drawing.size))
def save(name, image, shown=None, **options):
    image.save(f'{folder}/{name}', **options)
    if shown is None:
        with Image.open(f'{folder}/{name}') as read:
            shown = read.convert('RGBA')
            shown = Image.alpha_composite(Image.new('RGBA', shown.size, 'white'), shown).convert('RGB')
    np.asarray(shown).tofile(f'{folder}/{name}.rgb')
save('still.gif', drawing)
save('grey.gif', grey)
save('animated.gif', drawing, save_all=True, append_images=[grey.convert('RGB')])
save('transparent.gif', alpha)
for compression in ['raw', 'tiff_lzw', 'tiff_deflate', 'jpeg']:
    save(f'{compression}.tiff', drawing, compression=compression)
save('pages.tif', drawing, save_all=True, append_images=[grey.convert('RGB')])
save('grey.tiff', grey)
save('bits.tiff', grey.convert('1'))
save('alpha.tiff', alpha)
save('palette.tiff', drawing.quantize(16))
deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
save('deep.tiff', deep, grey.convert('RGB'))
turned = Image.Exif()
turned[0x0112] = 6
save('turned.tiff', drawing, drawing.rotate(-90, expand=True), exif=turned)
save('lossless.avif', drawing, quality=100, subsampling='4:4:4')
save('alpha.avif', alpha, quality=90, subsampling='4:4:4')
save('grey.avif', grey, quality=90)
`;

describe('GIF, TIFF and AVIF', () => {
  const python = readersPython();
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'foreign-'));
    const drawing = new URL('drawing.png', fixtures).pathname;
    const { status, stderr } = spawnSync(python!, ['-c', PILLOW, drawing, folder], { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
  });
  afterAll(() => rm(folder, { recursive: true }));

  /** Of 255; AVIF is decoded with other roundings. */
  const tolerance = (name: string) => (name.endsWith('.avif') ? 2 : 1);

  test('pictures have the pixels that Pillow shows, to within one of 255, AVIF to two', async () => {
    const names = (await readdir(folder)).filter((name) => !name.endsWith('.rgb'));
    expect(names.length).toBe(18);
    for (const name of names) {
      const opened = await openPicture(await readFile(join(folder, name)), name, form);
      if (!('pixels' in opened)) throw new Error(`${name} ${opened.problem}`);
      const { width, height, format } = opened.facts;
      expect({ name, width, height, format }).toEqual({
        ...{ name, format: undefined },
        ...(name.startsWith('turned') ? { width: 32, height: 48 } : { width: 48, height: 32 }),
      });
      const shown = await readFile(join(folder, `${name}.rgb`));
      const [left, top] = [(width - 32) / 2, (height - 32) / 2];
      const differences = opened.pixels.map((value, at) => {
        const [x, y] = [(Math.floor(at / 3) % 32) + left, Math.floor(at / 96) + top];
        return Math.abs(value - shown[3 * (y * width + x) + (at % 3)]!);
      });
      expect({ name, most: Math.max(...differences) }).toSatisfy(({ most }) => most <= tolerance(name));
    }
  });

  test.each(['still.gif', 'deep.tiff'])('%s of 30,000 x 30,000 is refused by its header', async (name) => {
    const bytes = await readFile(join(folder, name));
    const frame = 13 + 3 * 2 ** ((bytes[10]! & 7) + 1); // A GIF image has a canvas, a palette and a frame.
    const sizes = name.endsWith('gif') ? [6, 8, frame + 5, frame + 7] : [256, 257].map((tag) => placeOf(bytes, tag));
    for (const at of sizes) bytes.writeUInt16LE(30_000, at);
    expect(await openPicture(bytes, name, form)).toMatchObject({
      cause: 'too-large',
      problem: expect.stringContaining('The image is 30000x30000, 900000000 pixels; the limit is 100000000.'),
    });
  });

  test.each(['still.gif', 'raw.tiff', 'tiff_lzw.tiff', 'lossless.avif'])('half of %s is damaged', async (name) => {
    const bytes = await readFile(join(folder, name));
    const opened = await openPicture(bytes.subarray(0, bytes.length / 2), name, form);
    expect(opened).toMatchObject({
      cause: 'damaged',
      problem: expect.stringMatching(/^cannot be read: This (GIF|TIFF|AVIF)/),
    });
  });

  test('pictures of many pixels are reduced while they are decoded, and look the same', async () => {
    const data = Buffer.alloc(3 * 5_000 * 4_000, 40);
    data.fill(200, 3 * 5_000 * 2_000);
    const { default: sharp } = await import('sharp');
    const bytes = await sharp(data, { raw: { width: 5_000, height: 4_000, channels: 3 } })
      .tiff()
      .toBuffer();
    const opened = await openPicture(bytes, 'large.tiff', form);
    expect(opened).toMatchObject({ facts: { width: 5_000, height: 4_000 } });
    const { pixels } = opened as { readonly pixels: Uint8Array };
    for (const [row, value] of [
      [0, 40],
      [14, 40],
      [17, 200],
      [31, 200],
    ] as const)
      expect(pixels[96 * row]).toBe(value);
  });

  test('cannot be read where sharp cannot be loaded, and the problem says so', async () => {
    vi.resetModules();
    vi.doMock('sharp', () => {
      throw new Error('Could not load the "sharp" module');
    });
    const { openPicture: open } = await import('./picture-facts.ts');
    expect(await open(await readFile(join(folder, 'still.gif')), 'still.gif', form)).toMatchObject({
      cause: 'unreadable',
      problem: expect.stringMatching(
        /a GIF image, which takes the package sharp, and that cannot be loaded on .* Save it as PNG/,
      ),
    });
    vi.doUnmock('sharp');
  });
});

test('a raw picture of a camera, in which others find a thumbnail, is refused', async () => {
  const bytes = Buffer.concat([Buffer.from('II*\0'), Buffer.alloc(100)]);
  expect(await openPicture(bytes, 'x.NEF', form)).toMatchObject({ cause: 'no-picture' });
});

/** Where the value of a tag is in a TIFF file of the little-endian kind. */
function placeOf(tiff: Buffer, tag: number): number {
  const directory = tiff.readUInt32LE(4);
  for (let entry = directory + 2; ; entry += 12) if (tiff.readUInt16LE(entry) === tag) return entry + 8;
}
