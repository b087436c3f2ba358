import { createHash } from 'node:crypto';
import { extname } from 'node:path';
import { UserError } from '#errors/user-error.ts';
import { decodeImage, type ImageLimits } from '#images/decode-image.ts';
import { identify } from '#images/image-type.ts';
import type { ImageForm } from '../../data/dataset.ts';

/** What is known of a picture once it was opened: everything but its pixels. */
export interface PictureFacts {
  /** SHA-256 of the file, in hex. */
  readonly sha256: string;
  /** Size of the picture when shown upright. */
  readonly width: number;
  readonly height: number;
  /** Sixteen hex digits; similar pictures differ in few bits. */
  readonly likeness: string;
  /** All of its pixels have one colour. */
  readonly isPlain?: true;
  /** None of its pixels has a colour. */
  readonly isGrey?: true;
  /** What was wrong with the file but did not affect the picture. */
  readonly repaired?: string;
  /** The format of the file, where its name ends as one of another format. */
  readonly format?: string;
}

/** A picture that was opened: its facts and its pixels, or why it is none. */
export type OpenedPicture =
  | { readonly facts: PictureFacts; readonly pixels: Uint8Array }
  | { readonly sha256: string; readonly problem: string };

/** Pictures from a camera, as they are; what is larger is refused by its header. */
export const PICTURE_LIMITS: ImageLimits = { bytes: 100_000_000, pixels: 100_000_000 };

/**
 * Opens a picture by the decoders of the endpoint, so that a model is trained on the pixels that it is served.
 *
 * @param image what the picture becomes
 */
export async function openPicture(bytes: Uint8Array, path: string, { size, fit }: ImageForm): Promise<OpenedPicture> {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const { type, name } = identify(bytes);
  if (bytes.length === 0) return { sha256, problem: 'is empty' };
  if (type === undefined) return { sha256, problem: `is ${name}, no PNG, JPEG or WebP image` };
  try {
    const image = await decodeImage(bytes, { input: { width: size, height: size }, fit, limits: PICTURE_LIMITS });
    // A damaged file of exactly as many bytes as the pixels are is read as raw pixels.
    if (image.type !== type) return { sha256, problem: `is ${name} that is damaged` };
    const { width, height, pixels, repaired } = image;
    const facts: PictureFacts = {
      ...{ sha256, width, height, likeness: likenessOf(pixels, size) },
      ...(isPlain(pixels) && { isPlain: true }),
      ...(isGrey(pixels) && { isGrey: true }),
      ...(repaired !== undefined && { repaired }),
      ...(!endsAs(path, type) && { format: name }),
    };
    return { facts, pixels };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { sha256, problem: `cannot be read: ${error.message}` };
  }
}

const endings: Readonly<Record<string, RegExp>> = {
  'image/png': /^\.a?png$/i,
  'image/jpeg': /^\.(jpe?g|jpe|jfif)$/i,
  'image/webp': /^\.webp$/i,
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

function isGrey(pixels: Uint8Array): boolean {
  for (let at = 0; at < pixels.length; at += 3) {
    if (pixels[at] !== pixels[at + 1] || pixels[at] !== pixels[at + 2]) return false;
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
