import { CorruptImage, UnsupportedFeature } from './image-errors.ts';
import type { ImageFile } from './image-file.ts';
import { decodeJpegRows } from './jpeg/decode.ts';
import { DamagedJpeg, UnsupportedJpeg } from './jpeg/errors.ts';
import { readHeader } from './jpeg/header.ts';
import { readOrientation } from './orientation.ts';

/**
 * Reads the header of a JPEG file: baseline, extended and progressive, of 8 bits; grayscale, YCbCr, RGB, CMYK and YCCK.
 *
 * @throws {CorruptImage} it is invalid
 * @throws {UnsupportedFeature} lossless, hierarchical, arithmetic or 12-bit coding
 */
export function openJpeg(bytes: Uint8Array): ImageFile {
  const { frame, exif } = renamed(() => readHeader(bytes));
  return {
    ...{ width: frame.width, height: frame.height, reductions: [1, 2, 4, 8] },
    orientation: (exif && readOrientation(exif)) ?? 1,
    decode: async (reduction, row) => renamed(() => decodeJpegRows(readHeader(bytes), reduction, row)),
  };
}

/** Gives the decoder's errors the names that they have for all formats. */
function renamed<Result>(decode: () => Result): Result {
  try {
    return decode();
  } catch (error) {
    if (error instanceof DamagedJpeg) throw new CorruptImage('JPEG', error.message, { cause: error });
    if (error instanceof UnsupportedJpeg) throw new UnsupportedFeature('JPEG', error.message);
    throw error;
  }
}
