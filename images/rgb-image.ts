/** A decoded image: sRGB, without alpha or metadata. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  /** `[height, width, 3]` uint8 */
  readonly pixels: Uint8Array;
}
