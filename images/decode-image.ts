import { UserError } from '#errors/user-error.ts';
import { type Fit, onGrey, planFit, RowCopier, RowFitter, type Transform } from './fit-image.ts';
import { ImageTooLarge, UnsupportedImage } from './image-errors.ts';
import type { ImageFile, Reduction } from './image-file.ts';
import { identify } from './image-type.ts';
import { openJpeg } from './open-jpeg.ts';
import { openPng } from './open-png.ts';
import { openWebp } from './open-webp.ts';
import { storedArea, swapsSides, upright } from './orientation.ts';
import type { Size } from './rgb-image.ts';

/** Limits of an image, checked before it is decoded. */
export interface ImageLimits {
  readonly bytes: number;
  /** Width times height, according to the header. */
  readonly pixels: number;
}

/** A phone's photo. Lambda's requests have at most 6 MB, which hold 4.5 MB in Base64. */
export const IMAGE_LIMITS: ImageLimits = { bytes: 4_400_000, pixels: 16_000_000 };

/** An image, decoded and fitted to the network's input. */
export interface DecodedImage extends Size {
  /** The detected media type; `application/octet-stream` for raw pixels. */
  readonly type: string;
  /** How the image, whose size is `width` x `height` when shown upright, became the network's input. */
  readonly transform: Transform;
  /** `[height, width, 3]` uint8, of the network's input size */
  readonly pixels: Uint8Array;
  /** What was wrong with the file but did not affect the picture. */
  readonly repaired?: string;
}

export interface DecodeOptions {
  /** The network's input size. Bytes of exactly this many RGB values are a raw image, unless they can be decoded as another format. */
  readonly input: Size;
  /** What happens to an image of another shape. @default 'crop' */
  readonly fit?: Fit;
  /** @default IMAGE_LIMITS */
  readonly limits?: ImageLimits;
  /** Called with the image's size before it is decoded. An error that it throws refuses the image. */
  readonly beforeDecoding?: (size: Size) => void;
}

/**
 * Decodes an image, detects its format from the bytes (PNG, JPEG, WebP, or raw RGB, row by row), turns it upright, and
 * fits it to the network's input. Transparent pixels are blended with white; color profiles are ignored.
 *
 * @throws {UnsupportedImage} it has another format, which the error names
 * @throws {ImageTooLarge} it exceeds the limits, by its number of bytes or by its header
 * @throws {CorruptImage} a part of its picture is missing or cannot be read
 * @throws {UnsupportedFeature} it uses a feature of its format that is not supported
 */
export async function decodeImage(
  bytes: Uint8Array,
  { input, fit = 'crop', limits = IMAGE_LIMITS, beforeDecoding = () => {} }: DecodeOptions,
): Promise<DecodedImage> {
  if (bytes.length > limits.bytes) throw ImageTooLarge.bytes(bytes.length, limits.bytes);
  const isRawSize = bytes.length === input.width * input.height * 3;
  const { type, name } = identify(bytes);
  if (type) {
    try {
      const file = FORMATS[type](bytes);
      const { width, height } = swapsSides(file.orientation) ? turned(file) : file;
      if (width * height > limits.pixels) throw ImageTooLarge.pixels(width, height, limits.pixels);
      beforeDecoding({ width, height });
      const isLarge = width * height > LARGE;
      return {
        type,
        width,
        height,
        ...(await (isLarge ? oneAtATime(() => decodeFitted(file, input, fit)) : decodeFitted(file, input, fit))),
      };
    } catch (error) {
      // The first pixels of a raw image may look like the header of another format.
      if (!isRawSize || !(error instanceof UserError)) throw error;
    }
  }
  if (!isRawSize) {
    const supported = `PNG, JPEG, WebP, or ${input.width * input.height * 3} raw RGB bytes (${input.width}x${input.height})`;
    throw new UnsupportedImage(name, supported);
  }
  beforeDecoding(input);
  return { type: 'application/octet-stream', ...sizeOf(input), transform: 'none', pixels: bytes };
}

const FORMATS = { 'image/png': openPng, 'image/jpeg': openJpeg, 'image/webp': openWebp } as const;

/** Decodes an image and fits it, row by row as it is stored; the small result is turned upright. */
async function decodeFitted(
  file: ImageFile,
  input: Size,
  fit: Fit,
): Promise<Pick<DecodedImage, 'transform' | 'pixels'> & { repaired?: string }> {
  const { orientation } = file;
  const isTurned = swapsSides(orientation);
  const { crop, placed, transform } = planFit(isTurned ? turned(file) : file, input, fit);
  const area = storedArea(crop, file, orientation);
  const target = isTurned ? turned(placed) : sizeOf(placed);
  const reduction = reductionFor(crop, placed, file.reductions);
  const fitter = transform === 'none' ? new RowCopier(target) : new RowFitter(file, area, target, reduction);
  const repaired = await file.decode(reduction, (row) => fitter.add(row));
  const { pixels } = onGrey(upright({ ...target, pixels: fitter.pixels() }, orientation).pixels, placed, input);
  return { transform, pixels, ...(repaired.length > 0 ? { repaired: repaired.join('; ') } : {}) };
}

/** After a reduction, at least so many pixels across and down become one, so that its borders fall close to where they should. */
const PIXELS_LEFT = 8;

function reductionFor(crop: Size, placed: Size, possible: readonly Reduction[]): Reduction {
  const scale = Math.min(crop.width / placed.width, crop.height / placed.height);
  return possible.filter((reduction) => reduction === 1 || scale / reduction >= PIXELS_LEFT).at(-1)!;
}

/** Images of more pixels are decoded one after the other, so that any number of requests needs the memory for one. */
const LARGE = 1_000_000;

let last: Promise<unknown> = Promise.resolve();

function oneAtATime<Result>(decode: () => Promise<Result>): Promise<Result> {
  const result = last.then(decode);
  last = result.catch(() => {}); // whoever waits for it gets the error
  return result;
}

function turned({ width, height }: Size): Size {
  return { width: height, height: width };
}

function sizeOf({ width, height }: Size): Size {
  return { width, height };
}
