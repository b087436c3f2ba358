import type { RgbImage } from './rgb-image.ts';

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** What was done to a picture so that it has the size that the network takes. */
export type Transform = 'none' | 'center-crop' | 'area' | 'center-crop+area';

export interface FittedImage extends RgbImage {
  readonly transform: Transform;
}

/**
 * Crops the middle of a picture to the target's proportions and averages areas down (or up) to its size, in sRGB values.
 * A picture of the right size is given back as it is.
 *
 * Each target pixel is the mean of the source area that it covers, parts of pixels counting by their share.
 */
export function fitImage(image: RgbImage, target: Size): FittedImage {
  if (image.width === target.width && image.height === target.height) return { ...image, transform: 'none' };
  const crop = centerCrop(image, target);
  const isCropped = crop.width !== image.width || crop.height !== image.height;
  const isScaled = crop.width !== target.width || crop.height !== target.height;
  const transform = isCropped ? (isScaled ? 'center-crop+area' : 'center-crop') : 'area';
  return { ...target, pixels: averageAreas(image, crop, target), transform };
}

interface Area extends Size {
  readonly left: number;
  readonly top: number;
}

/** The largest area in the middle that has the target's proportions; at least one pixel wide and high. */
function centerCrop(image: Size, target: Size): Area {
  const scale = Math.min(image.width / target.width, image.height / target.height);
  const width = Math.min(image.width, Math.max(1, Math.round(target.width * scale)));
  const height = Math.min(image.height, Math.max(1, Math.round(target.height * scale)));
  return {
    width,
    height,
    left: Math.floor((image.width - width) / 2),
    top: Math.floor((image.height - height) / 2),
  };
}

/** One axis at a time: the mean over a rectangle is the mean of the means of its lines. */
function averageAreas(image: RgbImage, crop: Area, target: Size): Uint8Array {
  const columns = shares(crop.left, crop.width, target.width);
  const rows = shares(crop.top, crop.height, target.height);
  const line = new Float64Array(target.width * 3);
  const pixels = new Uint8Array(target.height * target.width * 3); // [H, W, 3]
  rows.forEach((row, y) => {
    line.fill(0);
    for (const [sourceY, rowShare] of row) {
      columns.forEach((column, x) => {
        for (const [sourceX, columnShare] of column) {
          const share = rowShare * columnShare;
          const from = (sourceY * image.width + sourceX) * 3;
          line[x * 3]! += share * image.pixels[from]!;
          line[x * 3 + 1]! += share * image.pixels[from + 1]!;
          line[x * 3 + 2]! += share * image.pixels[from + 2]!;
        }
      });
    }
    for (let index = 0; index < line.length; index++) pixels[y * line.length + index] = Math.round(line[index]!);
  });
  return pixels;
}

/** For each of `to` equal parts of `[start, start + from)`: which source pixels it covers, and the share of each, summing to 1. */
function shares(start: number, from: number, to: number): (readonly [pixel: number, share: number])[][] {
  return Array.from({ length: to }, (_, part) => {
    // In units of 1 / to pixels all borders are whole numbers, so nothing is rounded.
    const begin = part * from;
    const end = begin + from;
    const covered: (readonly [number, number])[] = [];
    for (let pixel = Math.floor(begin / to); pixel * to < end; pixel++) {
      const overlap = Math.min(end, (pixel + 1) * to) - Math.max(begin, pixel * to);
      covered.push([start + pixel, overlap / from]);
    }
    return covered;
  });
}
