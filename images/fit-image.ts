import type { RgbImage, Size } from './rgb-image.ts';

/**
 * How an image of another shape becomes the network's input: its middle is cut out (`crop`), the whole image is put on a grey
 * ground (`pad`), or its sides are scaled by different factors (`stretch`).
 */
export const fits = ['crop', 'pad', 'stretch'] as const;
export type Fit = (typeof fits)[number];

/** What was done to an image, in that order; `stretch` averages areas, too. */
export const transforms = ['none', 'center-crop', 'area', 'center-crop+area', 'pad', 'area+pad', 'stretch'] as const;
export type Transform = (typeof transforms)[number];

export interface FittedImage extends RgbImage {
  readonly transform: Transform;
}

export interface Area extends Size {
  readonly left: number;
  readonly top: number;
}

/** Which part of an image becomes which part of the target, and what happens to it. */
export interface FitPlan {
  /** The part of the image that is used. */
  readonly crop: Area;
  /** Where it is put in the target; around it is grey. */
  readonly placed: Area;
  readonly transform: Transform;
}

/** Red, green and blue around a padded image: the middle of the range, so that it looks like nothing. */
const PADDING = 128;

/**
 * Brings an image to the target's shape as `fit` says, and to its size by averaging areas, in sRGB values. An image of the
 * target's size is returned unchanged.
 *
 * Each target pixel is the mean of the source area that it covers, with partly covered pixels weighted by their share.
 */
export function fitImage(image: RgbImage, target: Size, fit: Fit = 'crop'): FittedImage {
  const { crop, placed, transform } = planFit(image, target, fit);
  if (transform === 'none') return { ...image, transform };
  const fitter = new RowFitter(image, crop, placed);
  for (let y = 0; y < image.height; y++) {
    fitter.add(image.pixels.subarray(y * image.width * 3, (y + 1) * image.width * 3));
  }
  return { ...onGrey(fitter.pixels(), placed, target), transform };
}

export function planFit(image: Size, target: Size, fit: Fit = 'crop'): FitPlan {
  const whole = { left: 0, top: 0, width: image.width, height: image.height };
  const all = { left: 0, top: 0, width: target.width, height: target.height };
  const scaled = isSameSize(image, target) ? 'none' : 'area';
  if (fit === 'pad') {
    const placed = centered(image, target);
    if (isSameSize(placed, target)) return { crop: whole, placed, transform: scaled };
    return { crop: whole, placed, transform: isSameSize(placed, image) ? 'pad' : 'area+pad' };
  }
  const crop = centered(target, image);
  if (isSameSize(crop, image)) return { crop, placed: all, transform: scaled };
  if (fit === 'stretch') return { crop: whole, placed: all, transform: 'stretch' };
  return { crop, placed: all, transform: isSameSize(crop, target) ? 'center-crop' : 'center-crop+area' };
}

/**
 * Puts an image on a grey ground of the target's size.
 *
 * @param pixels `[placed height, placed width, 3]`
 */
export function onGrey(pixels: Uint8Array, placed: Area, target: Size): RgbImage {
  const { width, height } = target;
  if (isSameSize(placed, target)) return { width, height, pixels };
  const ground = new Uint8Array(width * height * 3).fill(PADDING);
  const bytes = placed.width * 3;
  for (let y = 0; y < placed.height; y++) {
    ground.set(pixels.subarray(y * bytes, (y + 1) * bytes), ((placed.top + y) * width + placed.left) * 3);
  }
  return { width, height, pixels: ground };
}

function isSameSize(one: Size, other: Size): boolean {
  return one.width === other.width && one.height === other.height;
}

/** The largest area with the aspect ratio of a shape in the middle of another one; at least one pixel wide and high. */
function centered(shape: Size, around: Size): Area {
  const scale = Math.min(around.width / shape.width, around.height / shape.height);
  const width = Math.min(around.width, Math.max(1, Math.round(shape.width * scale)));
  const height = Math.min(around.height, Math.max(1, Math.round(shape.height * scale)));
  return {
    width,
    height,
    left: Math.floor((around.width - width) / 2),
    top: Math.floor((around.height - height) / 2),
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
