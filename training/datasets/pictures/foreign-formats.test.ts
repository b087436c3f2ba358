import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
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
save('alpha.avif', alpha, quality=90)
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

  /** Of 255; AVIF is decoded with other roundings, and libjpeg in TIFF blends colours at their borders otherwise. */
  const tolerance = (name: string) => (name.endsWith('.avif') ? 3 : name.startsWith('jpeg') ? 6 : 1);

  test('pictures have the pixels that Pillow shows, to within one of 255, AVIF to three and JPEG in TIFF to six', async () => {
    const names = (await readdir(folder)).filter((name) => !name.endsWith('.rgb'));
    expect(names.length).toBe(19);
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
});
