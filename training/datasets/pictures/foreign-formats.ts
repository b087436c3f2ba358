import { extname } from 'node:path';
import { UserError } from '#errors/user-error.ts';
import type { DecodedImage, ImageLimits } from '#images/decode-image.ts';
import { fitImage } from '#images/fit-image.ts';
import { CorruptImage, ImageTooLarge } from '#images/image-errors.ts';
import { identify } from '#images/image-type.ts';
import type { ImageForm } from '../../data/dataset.ts';

/** Formats that only the import of pictures reads. The endpoint does not: clients send it PNG, JPEG or WebP. */
const formats: Readonly<Record<string, string>> = {
  'a GIF image': 'image/gif',
  'a TIFF (or camera raw) image': 'image/tiff',
  'an AVIF image': 'image/avif',
};

/** Raw pictures are TIFF files, in which other programs find a thumbnail at most. */
const cameraRaw = /^\.(3fr|arw|cr2|dcr|dng|erf|iiq|kdc|mef|mos|nef|nrw|orf|pef|rw2|sr2|srf|srw)$/i;

/** @returns the media type of a format that `decodeForeign` reads */
export function foreignFormatOf(bytes: Uint8Array, path: string): string | undefined {
  const type = formats[identify(bytes).name];
  return type === 'image/tiff' && cameraRaw.test(extname(path)) ? undefined : type;
}

interface ForeignOptions {
  /** What the picture becomes. */
  readonly form: ImageForm;
  /** Pixels are counted by the header. */
  readonly limits: ImageLimits;
  /** With its article: `a GIF image`. */
  readonly name: string;
}

/** Larger pictures are reduced while they are decoded, so that they are never whole in memory. */
const WHOLE = 16_000_000;

/**
 * Decodes a GIF, TIFF or AVIF picture, of several the first, by libvips: 8 bits of each colour, upright, transparent pixels
 * blended with white, color profiles ignored. It is brought to size as every other picture.
 *
 * @throws {ImageTooLarge} by its header @throws {CorruptImage} it cannot be decoded
 * @throws {UserError} the package `sharp` is not there
 */
export async function decodeForeign(
  bytes: Uint8Array,
  { form: { size, fit }, limits, name }: ForeignOptions,
): Promise<Pick<DecodedImage, 'type' | 'width' | 'height' | 'pixels' | 'repaired'>> {
  const sharp = await libvips(name);
  const type = formats[name]!;
  const format = type.slice('image/'.length).toUpperCase();
  const options = { page: 0, ignoreIcc: true, failOn: 'error', limitInputPixels: limits.pixels } as const;
  const damaged = (error: Error) => new CorruptImage(format, error.message.trim().split('\n')[0]!, { cause: error });
  const header = await sharp(bytes, { ...options, limitInputPixels: false })
    .metadata()
    .catch((error: Error) => Promise.reject(damaged(error)));
  const { width, height } = header.autoOrient;
  if (width * height > limits.pixels) throw ImageTooLarge.pixels(width, height, limits.pixels);
  const reduction = Math.ceil(Math.sqrt((width * height) / WHOLE));
  const picture = sharp(bytes, options).autoOrient();
  if (reduction > 1) picture.resize(Math.ceil(width / reduction), Math.ceil(height / reduction), { fit: 'fill' });
  const { data, info } = await picture
    .flatten({ background: '#fff' })
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true })
    .catch((error: Error) => Promise.reject(damaged(error)));
  const { pixels } = fitImage(
    { width: info.width, height: info.height, pixels: data },
    { width: size, height: size },
    fit,
  );
  return { type, width, height, pixels: Uint8Array.from(pixels) }; // Not libvips' own memory, which no other thread may have.
}

let loaded: Promise<typeof import('sharp').default> | undefined;

/**
 * Loads libvips at the first picture that needs it. It has no threads of its own here, as pictures are opened in several, and
 * keeps nothing.
 *
 * @throws {UserError} it is not there: it has no build for this platform, or was not installed
 */
async function libvips(name: string): Promise<typeof import('sharp').default> {
  loaded ??= import('sharp').then(({ default: sharp }) => {
    sharp.concurrency(1);
    sharp.cache(false);
    return sharp;
  });
  try {
    return await loaded;
  } catch (error) {
    throw new UserError(
      `This is ${name}, which takes the package sharp, and that cannot be loaded on ${process.platform} ${process.arch}. ` +
        'Save it as PNG or JPEG, or install the packages again.',
      { cause: error },
    );
  }
}
