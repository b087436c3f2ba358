import type { Size } from './rgb-image.ts';

/** How many pixels across and down become one, by their mean, while an image is decoded. */
export type Reduction = 1 | 2 | 4 | 8;

/** Receives the rows of an image from top to bottom. @param pixels `[width, 3]` RGB, valid during the call */
export type RowReader = (pixels: Uint8Array) => void;

/** An image file whose header has been read. Width and height are those of the stored rows. */
export interface ImageFile extends Size {
  /** EXIF orientation, 1 to 8: how the stored rows have to be turned. */
  readonly orientation: number;
  /** The reductions with which it can be decoded. */
  readonly reductions: readonly Reduction[];
  /**
   * Decodes rows of `ceil(width / reduction)` pixels; transparent ones are blended with white.
   *
   * @returns what was wrong with the file but did not affect the picture
   * @throws {CorruptImage | UnsupportedFeature}
   */
  decode(reduction: Reduction, row: RowReader): Promise<readonly string[]>;
}
