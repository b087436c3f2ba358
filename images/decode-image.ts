import { decodeJpeg, readJpegHeader } from './decode-jpeg.ts';
import { decodePng, readPngHeader } from './decode-png.ts';
import { decodeWebp, readWebpHeader } from './decode-webp.ts';
import { CorruptImage, ImageTooLarge, UnsupportedImage } from './image-errors.ts';
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
  /** Size of a raw picture: as many bytes as this has channel values, and no known magic bytes, are taken for one. */
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
  const { type, name } = identify(bytes);
  const isRawSize = bytes.length === raw.width * raw.height * 3;
  const format = type && FORMATS[type];
  if (!format) {
    if (isRawSize) return rawImage(bytes, raw);
    throw new UnsupportedImage(
      name,
      `PNG, JPEG, WebP, or ${raw.width * raw.height * 3} raw RGB bytes (${raw.width}x${raw.height})`,
    );
  }
  let header: { readonly width: number; readonly height: number };
  try {
    header = format.readHeader(bytes);
  } catch (error) {
    // A raw picture's first pixel may happen to look like a JPEG's magic bytes.
    if (isRawSize && error instanceof CorruptImage) return rawImage(bytes, raw);
    throw error;
  }
  const { width, height } = header;
  if (width * height > limits.pixels) throw ImageTooLarge.pixels(width, height, limits.pixels);
  beforeDecoding(header);
  return { type, ...(await format.decode(bytes)) };
}

const FORMATS = {
  'image/png': { readHeader: readPngHeader, decode: decodePng },
  'image/jpeg': { readHeader: readJpegHeader, decode: decodeJpeg },
  'image/webp': { readHeader: readWebpHeader, decode: decodeWebp },
} as const;

function rawImage(pixels: Uint8Array, { width, height }: DecodeOptions['raw']): DecodedImage {
  return { type: 'application/octet-stream', width, height, pixels };
}
