import { UserError } from '#errors/user-error.ts';
import { decodeJpeg, readJpegHeader } from './decode-jpeg.ts';
import { decodePng, readPngHeader } from './decode-png.ts';
import { decodeWebp, readWebpHeader } from './decode-webp.ts';
import { ImageTooLarge, UnsupportedImage } from './image-errors.ts';
import { identify } from './image-type.ts';
import type { RgbImage } from './rgb-image.ts';

/** What a picture may cost; both are checked before anything is decoded. */
export interface ImageLimits {
  readonly bytes: number;
  /** Width times height, by the header. */
  readonly pixels: number;
}

export const IMAGE_LIMITS: ImageLimits = { bytes: 1024 * 1024, pixels: 4_000_000 };

export interface DecodedImage extends RgbImage {
  /** What it was: a media type, `application/octet-stream` for raw pixels. */
  readonly type: string;
}

export interface DecodeOptions {
  /** Size of a raw picture: as many bytes as this has channel values are taken for one, unless another kind can be read from them. */
  readonly raw: { readonly width: number; readonly height: number };
  /** @default IMAGE_LIMITS */
  readonly limits?: ImageLimits;
  /** Is told what the picture will cost, whether it can then be decoded or not; what it throws refuses the picture. */
  readonly beforeDecoding?: (size: { readonly width: number; readonly height: number }) => void;
}

/**
 * A picture from its bytes, whatever they are called: PNG, JPEG, WebP, or raw RGB, row by row. Transparent pixels are laid over
 * white; colour profiles are ignored.
 *
 * @throws {UnsupportedImage} it is something else, which the error names
 * @throws {ImageTooLarge} by its size in bytes, or by its header
 * @throws {CorruptImage} it breaks the rules of its format
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
      // A raw picture's first pixels may happen to look like the beginning of another.
      if (!isRawSize || !(error instanceof UserError)) throw error;
    }
  }
  if (!isRawSize) {
    const taken = `PNG, JPEG, WebP, or ${raw.width * raw.height * 3} raw RGB bytes (${raw.width}x${raw.height})`;
    throw new UnsupportedImage(name, taken);
  }
  beforeDecoding(raw);
  return { type: 'application/octet-stream', width: raw.width, height: raw.height, pixels: bytes };
}

const FORMATS = {
  'image/png': { readHeader: readPngHeader, decode: decodePng },
  'image/jpeg': { readHeader: readJpegHeader, decode: decodeJpeg },
  'image/webp': { readHeader: readWebpHeader, decode: decodeWebp },
} as const;
