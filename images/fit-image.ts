import type { RgbImage } from './rgb-image.ts';

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** How an image was resized to the network's input size. */
export type Transform = 'none' | 'center-crop' | 'area' | 'center-crop+area';

export interface FittedImage extends RgbImage {
  readonly transform: Transform;
}

/**
 * Crops an image to the target's aspect ratio around its center, and scales it to the target's size by averaging areas, in
 * sRGB values. An image of the target's size is returned unchanged.
 *
 * Each target pixel is the mean of the source area that it covers, with partly covered pixels weighted by their share.
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

/** The largest centered area with the target's aspect ratio; at least one pixel wide and high. */
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

/** Sums integers until the final division, so that the result does not depend on the order. */
function averageAreas(image: RgbImage, crop: Area, target: Size): Uint8Array {
  const columns = coverage(crop.left, crop.width, target.width);
  const rows = coverage(crop.top, crop.height, target.height);
  const area = crop.width * crop.height; // of each target pixel, in the units of `coverage`
  const line = new Float64Array(target.width * 3);
  const pixels = new Uint8Array(target.height * target.width * 3); // [H, W, 3]
  rows.forEach((row, y) => {
    line.fill(0);
    for (const [sourceY, heightCovered] of row) {
      columns.forEach((column, x) => {
        for (const [sourceX, widthCovered] of column) {
          const covered = heightCovered * widthCovered;
          const from = (sourceY * image.width + sourceX) * 3;
          line[x * 3]! += covered * image.pixels[from]!;
          line[x * 3 + 1]! += covered * image.pixels[from + 1]!;
          line[x * 3 + 2]! += covered * image.pixels[from + 2]!;
        }
      });
    }
    for (let index = 0; index < line.length; index++) pixels[y * line.length + index] = Math.round(line[index]! / area);
  });
  return pixels;
}

/**
 * Divides `[start, start + from)` into `to` equal parts, and lists for each the source pixels that it covers and how much of
 * each. A pixel counts as `to` units and a part as `from` units, so that all borders are integers.
 */
function coverage(start: number, from: number, to: number): (readonly [pixel: number, units: number])[][] {
  return Array.from({ length: to }, (_, part) => {
    const begin = part * from;
    const end = begin + from;
    const covered: (readonly [number, number])[] = [];
    for (let pixel = Math.floor(begin / to); pixel * to < end; pixel++) {
      covered.push([start + pixel, Math.min(end, (pixel + 1) * to) - Math.max(begin, pixel * to)]);
    }
    return covered;
  });
}
