import { createHash } from 'node:crypto';
import { extname } from 'node:path';
import { UserError } from '#errors/user-error.ts';
import { type DecodedImage, decodeImage, type ImageLimits } from '#images/decode-image.ts';
import { CorruptImage, ImageTooLarge, UnsupportedFeature } from '#images/image-errors.ts';
import { identify } from '#images/image-type.ts';
import type { ImageForm } from '../../data/dataset.ts';
import { decodeForeign, foreignFormatOf } from './foreign-formats.ts';

/** What is known of a picture once it was opened: everything but its pixels. */
export interface PictureFacts {
  /** SHA-256 of the file, in hex. */
  readonly sha256: string;
  /** Size of the picture when shown upright. */
  readonly width: number;
  readonly height: number;
  /** Sixteen hex digits; similar pictures differ in few bits. */
  readonly likeness: string;
  /** Means of 4x4 areas, `[4, 4, 3]` uint8 in Base64. */
  readonly colours: string;
  /** All of its pixels have one colour. */
  readonly isPlain?: true;
  /** None of its pixels has a colour. */
  readonly isGrey?: true;
  /** What was wrong with the file but did not affect the picture. */
  readonly repaired?: string;
  /** The format of the file, where its name ends as one of another format. */
  readonly format?: string;
}

/** Why a picture cannot be used. */
export interface PictureProblem {
  readonly cause: ProblemCause;
  /** To follow the path, as in `a.png is empty`. */
  readonly problem: string;
}

export type ProblemCause = 'unreadable' | 'empty' | 'damaged' | 'too-large' | 'no-picture' | 'heic';

/** A picture that was opened: its facts and its pixels, or why it is none. */
export type OpenedPicture = { readonly facts: PictureFacts; readonly pixels: Uint8Array } | PictureProblem;

/** Pictures from a camera, as they are; what is larger is refused by its header. */
export const PICTURE_LIMITS: ImageLimits = { bytes: 100_000_000, pixels: 100_000_000 };

/**
 * Opens a picture by the decoders of the endpoint, so that a model is trained on the pixels that it is served; a GIF, TIFF or
 * AVIF picture by another one.
 *
 * @param image what the picture becomes
 */
export async function openPicture(bytes: Uint8Array, path: string, image: ImageForm): Promise<OpenedPicture> {
  if (bytes.length === 0) return { cause: 'empty', problem: 'is empty' };
  const { type, name } = identify(bytes);
  const foreign = foreignFormatOf(bytes, path);
  if (type === undefined && foreign === undefined) return unknownFormat(name);
  try {
    const decoded =
      foreign === undefined
        ? await decodeOurs(bytes, image)
        : await decodeForeign(bytes, { form: image, limits: PICTURE_LIMITS, name });
    // A damaged file of exactly as many bytes as the pixels are is read as raw pixels.
    if (type !== undefined && decoded.type !== type) return { cause: 'damaged', problem: `is ${name} that is damaged` };
    const { width, height, pixels, repaired } = decoded;
    const facts: PictureFacts = {
      sha256: createHash('sha256').update(bytes).digest('hex'),
      ...{ width, height, likeness: likenessOf(pixels, image.size), colours: coloursOf(pixels, image.size) },
      ...(isPlain(pixels) && { isPlain: true }),
      ...(isGrey(pixels) && { isGrey: true }),
      ...(repaired !== undefined && { repaired }),
      ...(!endsAs(path, type ?? foreign!) && { format: name }),
    };
    return { facts, pixels };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { cause: causeOf(error), problem: `cannot be read: ${error.message}` };
  }
}

function decodeOurs(bytes: Uint8Array, { size, fit }: ImageForm): Promise<DecodedImage> {
  return decodeImage(bytes, { input: { width: size, height: size }, fit, limits: PICTURE_LIMITS });
}

function unknownFormat(name: string): PictureProblem {
  if (name === 'a HEIC image') return { cause: 'heic', problem: `is ${name}` };
  return { cause: 'no-picture', problem: `is ${name}, no PNG, JPEG, WebP, GIF, TIFF or AVIF image` };
}

function causeOf(error: UserError): ProblemCause {
  if (error instanceof ImageTooLarge) return 'too-large';
  if (error instanceof CorruptImage) return 'damaged';
  return error instanceof UnsupportedFeature ? 'no-picture' : 'unreadable';
}

const endings: Readonly<Record<string, RegExp>> = {
  'image/png': /^\.a?png$/i,
  'image/jpeg': /^\.(jpe?g|jpe|jfif)$/i,
  'image/webp': /^\.webp$/i,
  'image/gif': /^\.gif$/i,
  'image/tiff': /^\.tiff?$/i,
  'image/avif': /^\.avifs?$/i,
};

/** A name without an ending claims nothing. */
function endsAs(path: string, type: string): boolean {
  const ending = extname(path);
  return ending === '' || endings[type]!.test(ending);
}

function isPlain(pixels: Uint8Array): boolean {
  for (let at = 3; at < pixels.length; at++) if (pixels[at] !== pixels[at - 3]) return false;
  return true;
}

/** JPEG leaves a grey picture with traces of colour. */
const COLOURLESS = 2;

function isGrey(pixels: Uint8Array): boolean {
  for (let at = 0; at < pixels.length; at += 3) {
    const [red, green, blue] = [pixels[at]!, pixels[at + 1]!, pixels[at + 2]!];
    if (Math.max(red, green, blue) - Math.min(red, green, blue) > COLOURLESS) return false;
  }
  return true;
}

/**
 * The difference hash of a picture: whether each of 8 x 8 areas is darker than the one to its right.
 *
 * @param pixels `[size, size, 3]` uint8
 * @see http://www.hackerfactor.com/blog/index.php?/archives/529-Kind-of-Like-That.html
 */
function likenessOf(pixels: Uint8Array, size: number): string {
  const means = new Float64Array(9 * 8);
  for (let row = 0; row < 8; row++) {
    for (let column = 0; column < 9; column++) {
      const [top, bottom] = [Math.floor((row * size) / 8), Math.floor(((row + 1) * size) / 8)];
      const [left, right] = [Math.floor((column * size) / 9), Math.floor(((column + 1) * size) / 9)];
      let sum = 0;
      for (let y = top; y < bottom; y++) {
        for (let x = left; x < right; x++) {
          const at = 3 * (y * size + x);
          sum += 299 * pixels[at]! + 587 * pixels[at + 1]! + 114 * pixels[at + 2]!;
        }
      }
      means[9 * row + column] = sum / ((bottom - top) * (right - left));
    }
  }
  let digits = '';
  for (let row = 0; row < 8; row++) {
    let bits = 0;
    for (let column = 0; column < 8; column++) {
      bits = 2 * bits + Number(means[9 * row + column]! < means[9 * row + column + 1]!);
    }
    digits += bits.toString(16).padStart(2, '0');
  }
  return digits;
}

/** Areas across and down of the few colours of a picture. */
const AREAS = 4;
export const COLOUR_VALUES = AREAS * AREAS * 3;

/**
 * The means of a picture's areas, which are of one size.
 *
 * @param size a multiple of four
 */
function coloursOf(pixels: Uint8Array, size: number): string {
  const sums = new Float64Array(COLOUR_VALUES);
  const side = size / AREAS;
  for (let y = 0, at = 0; y < size; y++) {
    const row = AREAS * Math.floor(y / side);
    for (let x = 0; x < size; x++) {
      const to = 3 * (row + Math.floor(x / side));
      sums[to]! += pixels[at++]!;
      sums[to + 1]! += pixels[at++]!;
      sums[to + 2]! += pixels[at++]!;
    }
  }
  return Buffer.from(Uint8Array.from(sums, (sum) => Math.round(sum / side ** 2))).toString('base64');
}
