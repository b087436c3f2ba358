export interface Size {
  readonly width: number;
  readonly height: number;
}

/** A decoded image: sRGB, without alpha or metadata. */
export interface RgbImage extends Size {
  /** `[height, width, 3]` uint8 */
  readonly pixels: Uint8Array;
}
