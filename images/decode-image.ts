import { UserError } from '#errors/user-error.ts';
import { decodeJpeg, readJpegHeader } from './decode-jpeg.ts';
import { decodePng, readPngHeader } from './decode-png.ts';
import { decodeWebp, readWebpHeader } from './decode-webp.ts';
import { ImageTooLarge, UnsupportedImage } from './image-errors.ts';
import { identify } from './image-type.ts';
import type { RgbImage } from './rgb-image.ts';

/** Limits of an image, checked before it is decoded. */
export interface ImageLimits {
  readonly bytes: number;
  /** Width times height, according to the header. */
  readonly pixels: number;
}

export const IMAGE_LIMITS: ImageLimits = { bytes: 4_400_000, pixels: 16_000_000 };

export interface DecodedImage extends RgbImage {
  /** The detected media type; `application/octet-stream` for raw pixels. */
  readonly type: string;
}

export interface DecodeOptions {
  /** Size of a raw image: bytes of exactly this many RGB values are one, unless they can be decoded as another format. */
  readonly raw: { readonly width: number; readonly height: number };
  /** @default IMAGE_LIMITS */
  readonly limits?: ImageLimits;
  /** Called with the image's size before it is decoded. An error that it throws refuses the image. */
  readonly beforeDecoding?: (size: { readonly width: number; readonly height: number }) => void;
}

/**
 * Decodes an image and detects its format from the bytes: PNG, JPEG, WebP, or raw RGB, row by row. Transparent pixels are
 * blended with white; color profiles are ignored.
 *
 * @throws {UnsupportedImage} it has another format, which the error names
 * @throws {ImageTooLarge} it exceeds the limits, by its number of bytes or by its header
 * @throws {CorruptImage} it is not a valid file of its format
 */
export async function decodeImage(
  bytes: Uint8Array,
  { raw, limits = IMAGE_LIMITS, beforeDecoding = () => {} }: DecodeOptions,
): Promise<DecodedImage> {
  if (bytes.length > limits.bytes) throw ImageTooLarge.bytes(bytes.length, limits.bytes);
  const isRawSize = bytes.length === raw.width * raw.height * 3;
  const { type, name } = identify(bytes);
  if (type) {
    try {
      const { readHeader, decode } = FORMATS[type];
      const { width, height } = readHeader(bytes);
      if (width * height > limits.pixels) throw ImageTooLarge.pixels(width, height, limits.pixels);
      beforeDecoding({ width, height });
      return { type, ...(await decode(bytes)) };
    } catch (error) {
      // The first pixels of a raw image may look like the header of another format.
      if (!isRawSize || !(error instanceof UserError)) throw error;
    }
  }
  if (!isRawSize) {
    const supported = `PNG, JPEG, WebP, or ${raw.width * raw.height * 3} raw RGB bytes (${raw.width}x${raw.height})`;
    throw new UnsupportedImage(name, supported);
  }
  beforeDecoding(raw);
  return { type: 'application/octet-stream', width: raw.width, height: raw.height, pixels: bytes };
}

const FORMATS = {
  'image/png': { readHeader: readPngHeader, decode: decodePng },
  'image/jpeg': { readHeader: readJpegHeader, decode: decodeJpeg },
  'image/webp': { readHeader: readWebpHeader, decode: decodeWebp },
} as const;
