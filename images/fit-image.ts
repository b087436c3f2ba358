import type { RgbImage, Size } from './rgb-image.ts';

/** How an image was resized to the network's input size. */
export type Transform = 'none' | 'center-crop' | 'area' | 'center-crop+area';

export interface FittedImage extends RgbImage {
  readonly transform: Transform;
}

export interface Area extends Size {
  readonly left: number;
  readonly top: number;
}

/**
 * Crops an image to the target's aspect ratio around its center, and scales it to the target's size by averaging areas, in
 * sRGB values. An image of the target's size is returned unchanged.
 *
 * Each target pixel is the mean of the source area that it covers, with partly covered pixels weighted by their share.
 */
export function fitImage(image: RgbImage, target: Size): FittedImage {
  const { crop, transform } = planFit(image, target);
  if (transform === 'none') return { ...image, transform };
  const fitter = new RowFitter(image, crop, target);
  for (let y = 0; y < image.height; y++) {
    fitter.add(image.pixels.subarray(y * image.width * 3, (y + 1) * image.width * 3));
  }
  return { ...target, pixels: fitter.pixels(), transform };
}

/** Which part of an image becomes the target, and what happens to it. */
export function planFit(image: Size, target: Size): { readonly crop: Area; readonly transform: Transform } {
  const crop = centerCrop(image, target);
  const isCropped = crop.width !== image.width || crop.height !== image.height;
  const isScaled = crop.width !== target.width || crop.height !== target.height;
  const transform = isCropped ? (isScaled ? 'center-crop+area' : 'center-crop') : isScaled ? 'area' : 'none';
  return { crop, transform };
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

/**
 * Averages the areas of an image row by row, so that the image is never whole in memory. Sums integers until the final division,
 * so that the result does not depend on the order.
 */
export class RowFitter {
  readonly #columns: readonly Coverage[];
  /** By source row: the target rows that it covers. */
  readonly #rows: readonly (readonly [row: number, units: number])[][];
  readonly #area: number;
  /** `[target width, 3]`, of the current row */
  readonly #line: Float64Array;
  /** `[target height, target width, 3]` */
  readonly #sums: Float64Array;
  #y = 0;

  /**
   * @param image the size of the whole image
   * @param reduction how many of its pixels each pixel of a row stands for, across and down
   */
  constructor(image: Size, crop: Area, target: Size, reduction = 1) {
    this.#columns = coverage(crop.left, crop.width, target.width, image.width, reduction);
    const rows = coverage(crop.top, crop.height, target.height, image.height, reduction);
    this.#rows = Array.from({ length: Math.ceil(image.height / reduction) }, () => []);
    rows.forEach(({ first, units }, row) => {
      units.forEach((covered, each) => {
        this.#rows[first + each]!.push([row, covered]);
      });
    });
    this.#area = crop.width * crop.height; // of each target pixel, in the units of `coverage`
    this.#line = new Float64Array(target.width * 3);
    this.#sums = new Float64Array(target.height * target.width * 3);
  }

  /** @param pixels `[width, 3]`, the next row */
  add(pixels: Uint8Array): void {
    const rows = this.#rows[this.#y++]!;
    if (rows.length === 0) return;
    const line = this.#line;
    this.#columns.forEach(({ first, units }, x) => {
      let [red, green, blue] = [0, 0, 0];
      for (let each = 0, from = first * 3; each < units.length; each++, from += 3) {
        const covered = units[each]!;
        red += covered * pixels[from]!;
        green += covered * pixels[from + 1]!;
        blue += covered * pixels[from + 2]!;
      }
      line[x * 3] = red;
      line[x * 3 + 1] = green;
      line[x * 3 + 2] = blue;
    });
    for (const [row, units] of rows) {
      const start = row * line.length;
      for (let index = 0; index < line.length; index++) this.#sums[start + index]! += units * line[index]!;
    }
  }

  /** @returns `[target height, target width, 3]` */
  pixels(): Uint8Array {
    const pixels = new Uint8Array(this.#sums.length);
    for (let index = 0; index < pixels.length; index++) pixels[index] = Math.round(this.#sums[index]! / this.#area);
    return pixels;
  }
}

/** Collects the rows of an image that has the target's size already: most pictures of a training set do. */
export class RowCopier {
  readonly #pixels: Uint8Array;
  #at = 0;

  constructor(target: Size) {
    this.#pixels = new Uint8Array(target.height * target.width * 3);
  }

  /** @param pixels `[width, 3]`, the next row */
  add(pixels: Uint8Array): void {
    this.#pixels.set(pixels, this.#at);
    this.#at += pixels.length;
  }

  /** @returns `[target height, target width, 3]` */
  pixels(): Uint8Array {
    return this.#pixels;
  }
}

/** The source pixels that a target pixel covers: from `first` on, and how much of each. */
interface Coverage {
  readonly first: number;
  readonly units: Float64Array;
}

/**
 * Divides `[start, start + from)` into `to` equal parts, and finds for each the source pixels that it covers and how much of
 * each. A pixel counts as `to` units and a part as `from` units, so that all borders are integers.
 *
 * @param whole the length of the source, in pixels
 * @param reduction a source pixel stands for so many
 */
function coverage(start: number, from: number, to: number, whole: number, reduction: number): Coverage[] {
  return Array.from({ length: to }, (_, part) => {
    const begin = start * to + part * from;
    const end = begin + from;
    const unit = reduction * to;
    const first = Math.floor(begin / unit);
    const count = Math.ceil(end / unit) - first;
    const units = Float64Array.from({ length: count }, (_, each) => {
      const pixel = first + each;
      const pixelEnd = Math.min((pixel + 1) * unit, whole * to);
      return Math.min(end, pixelEnd) - Math.max(begin, pixel * unit);
    });
    return { first, units };
  });
}
