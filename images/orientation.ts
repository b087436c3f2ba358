import type { RgbImage } from './rgb-image.ts';

/**
 * Reads the camera's orientation, 1 to 8, from EXIF metadata, which are in TIFF format.
 *
 * @returns `undefined` if there is none or it cannot be read: invalid metadata do not make an image invalid
 */
export function readOrientation(exif: Uint8Array): number | undefined {
  const tiff = new DataView(exif.buffer, exif.byteOffset, exif.byteLength);
  if (tiff.byteLength < 8) return undefined;
  const isLittle = tiff.getUint16(0) === 0x4949;
  const directory = tiff.getUint32(4, isLittle);
  if (directory + 2 > tiff.byteLength) return undefined;
  const entries = tiff.getUint16(directory, isLittle);
  for (let entry = 0; entry < entries; entry++) {
    const at = directory + 2 + entry * 12;
    if (at + 12 > tiff.byteLength) return undefined;
    if (tiff.getUint16(at, isLittle) !== 0x0112) continue;
    const value = tiff.getUint16(at + 8, isLittle);
    return value >= 1 && value <= 8 ? value : undefined;
  }
  return undefined;
}

/** Whether the orientation swaps width and height. @param orientation EXIF orientation, 1 to 8 */
export function swapsSides(orientation: number): boolean {
  return orientation > 4;
}

/** Rotates and mirrors an image so that it is upright. @param orientation EXIF orientation, 1 to 8 */
export function upright({ width, height, pixels }: RgbImage, orientation: number): RgbImage {
  if (orientation === 1) return { width, height, pixels };
  const mirrorsX = [2, 3, 7, 8].includes(orientation);
  const mirrorsY = [3, 4, 6, 7].includes(orientation);
  const [toWidth, toHeight] = swapsSides(orientation) ? [height, width] : [width, height];
  const turned = new Uint8Array(pixels.length);
  for (let y = 0; y < toHeight; y++) {
    for (let x = 0; x < toWidth; x++) {
      const [u, v] = swapsSides(orientation) ? [y, x] : [x, y];
      const fromX = mirrorsX ? width - 1 - u : u;
      const fromY = mirrorsY ? height - 1 - v : v;
      const from = (fromY * width + fromX) * 3;
      const to = (y * toWidth + x) * 3;
      turned[to] = pixels[from]!;
      turned[to + 1] = pixels[from + 1]!;
      turned[to + 2] = pixels[from + 2]!;
    }
  }
  return { width: toWidth, height: toHeight, pixels: turned };
}
