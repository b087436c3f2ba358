import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encode } from 'fast-png';
import { fitImage } from '#images/fit-image.ts';
import type { RgbImage } from '#images/rgb-image.ts';
import { type Split, slice } from '#training/data/dataset.ts';
import { loadCifar10 } from '#training/datasets/cifar10/cifar10.ts';
import { type Random, random } from '#training/random/random.ts';

const SIDE = 32;
/** A panorama is so many times as wide as it is high. */
const TIMES = 3;
const WIDTH = TIMES * SIDE;
/** Colours of the background across and down: of another picture, too few to show what it is. */
const GROUND = { width: 4 * TIMES, height: 4 };
/** Pixels over which the object's picture merges with the background on its left and right. */
const MERGED = 4;

/** A camera's noise, for the background; each picture begins elsewhere in it. */
const GRAIN = grain();
const COLUMNS = between(WIDTH, GROUND.width);
const ROWS = between(SIDE, GROUND.height);

/**
 * Writes pictures of 96x32 pixels, each with one object of CIFAR-10 somewhere in it and a background in the blurred colours of
 * another picture, and the table of them. Objects of test pictures are CIFAR-10's test images.
 *
 * @returns the table's path
 */
export async function writePanoramas(
  folder: string,
  counts: { readonly train: number; readonly heldOut: number; readonly test: number },
): Promise<string> {
  const { train, test, classes } = await loadCifar10();
  const rows = ['path,label,split'];
  const write = async (split: Split, name: string, from: number, count: number) => {
    await mkdir(join(folder, name), { recursive: true });
    for (let image = from; image < from + count; image++) {
      const picture = panorama(split, image, random(1, name.length, image));
      const path = `${name}/${image}.png`;
      await writeFile(join(folder, path), encode({ ...picture, data: picture.pixels, channels: 3, depth: 8 }));
      rows.push(`${path},${classes[split.labels[image]!]},${name}`);
    }
  };
  await write(train, 'train', 0, counts.train);
  await write(train, 'val', counts.train, counts.heldOut);
  await write(test, 'test', 0, counts.test);
  const table = join(folder, 'panoramas.csv');
  await writeFile(table, rows.join('\n'));
  return table;
}

function panorama(split: Split, image: number, draw: Random): RgbImage {
  const object = pictureOf(split, image);
  const pixels = background(pictureOf(split, draw.integer(split.count)), draw.integer(GRAIN.length));
  const left = draw.integer(WIDTH - SIDE + 1);
  for (let x = 0; x < SIDE; x++) {
    const share = Math.min(1, (Math.min(x, SIDE - 1 - x) + 1) / MERGED);
    for (let y = 0; y < SIDE; y++) {
      const [from, to] = [3 * (y * SIDE + x), 3 * (y * WIDTH + left + x)];
      for (let channel = 0; channel < 3; channel++) {
        pixels[to + channel] = share * object.pixels[from + channel]! + (1 - share) * pixels[to + channel]!;
      }
    }
  }
  return { width: WIDTH, height: SIDE, pixels };
}

/** The colours of a picture, blurred, with noise. @returns `[SIDE, WIDTH, 3]` */
function background(picture: RgbImage, noise: number): Uint8Array {
  const { pixels: areas } = fitImage(picture, GROUND, 'stretch');
  const pixels = new Uint8Array(WIDTH * SIDE * 3);
  for (const [y, { first: row, share: down }] of ROWS.entries()) {
    for (const [x, { first: column, share: right }] of COLUMNS.entries()) {
      const above = 3 * (row * GROUND.width + column);
      const below = above + 3 * GROUND.width;
      const grain = GRAIN[(noise + y * WIDTH + x) % GRAIN.length]!;
      for (let channel = 0; channel < 3; channel++) {
        const top = (1 - right) * areas[above + channel]! + right * areas[above + 3 + channel]!;
        const bottom = (1 - right) * areas[below + channel]! + right * areas[below + 3 + channel]!;
        const value = (1 - down) * top + down * bottom + grain;
        pixels[3 * (y * WIDTH + x) + channel] = Math.max(0, Math.min(255, value));
      }
    }
  }
  return pixels;
}

/** Between the middles of which two areas each pixel lies, and the share of the second one. */
function between(pixels: number, areas: number): { readonly first: number; readonly share: number }[] {
  return Array.from({ length: pixels }, (_, position) => {
    const exact = Math.min(areas - 1, Math.max(0, ((position + 0.5) / pixels) * areas - 0.5));
    const first = Math.min(areas - 2, Math.floor(exact));
    return { first, share: exact - first };
  });
}

function grain(): Float64Array {
  const draw = random(1);
  return Float64Array.from({ length: WIDTH * SIDE }, () => 4 * draw.normal());
}

function pictureOf(split: Split, image: number): RgbImage {
  return { width: SIDE, height: SIDE, pixels: slice(split, image, image + 1).images };
}
