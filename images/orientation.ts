import type { Area } from './fit-image.ts';
import type { RgbImage, Size } from './rgb-image.ts';

/** TIFF's integer types, by number, and how a value is read. Cameras write SHORT; other programs have used others. */
const INTEGERS: Readonly<Record<number, 'getUint8' | 'getUint16' | 'getUint32'>> = {
  1: 'getUint8', // BYTE
  3: 'getUint16', // SHORT
  4: 'getUint32', // LONG
  8: 'getUint16', // SSHORT
  9: 'getUint32', // SLONG
};

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
    const read = INTEGERS[tiff.getUint16(at + 2, isLittle)];
    const value = read ? tiff[read](at + 8, isLittle) : 0;
    return value >= 1 && value <= 8 ? value : undefined;
  }
  return undefined;
}

/** Whether the orientation swaps width and height. @param orientation EXIF orientation, 1 to 8 */
export function swapsSides(orientation: number): boolean {
  return orientation > 4;
}

/** Where an area of the upright image lies in the stored one. @param stored the stored size */
export function storedArea({ left, top, width, height }: Area, stored: Size, orientation: number): Area {
  const area = swapsSides(orientation)
    ? { left: top, top: left, width: height, height: width }
    : { left, top, width, height };
  return {
    ...area,
    left: mirrorsX(orientation) ? stored.width - area.left - area.width : area.left,
    top: mirrorsY(orientation) ? stored.height - area.top - area.height : area.top,
  };
}

/** Rotates and mirrors an image so that it is upright. @param orientation EXIF orientation, 1 to 8 */
export function upright({ width, height, pixels }: RgbImage, orientation: number): RgbImage {
  if (orientation === 1) return { width, height, pixels };
  const [toWidth, toHeight] = swapsSides(orientation) ? [height, width] : [width, height];
  const turned = new Uint8Array(pixels.length);
  for (let y = 0; y < toHeight; y++) {
    for (let x = 0; x < toWidth; x++) {
      const [u, v] = swapsSides(orientation) ? [y, x] : [x, y];
      const fromX = mirrorsX(orientation) ? width - 1 - u : u;
      const fromY = mirrorsY(orientation) ? height - 1 - v : v;
      const from = (fromY * width + fromX) * 3;
      const to = (y * toWidth + x) * 3;
      turned[to] = pixels[from]!;
      turned[to + 1] = pixels[from + 1]!;
      turned[to + 2] = pixels[from + 2]!;
    }
  }
  return { width: toWidth, height: toHeight, pixels: turned };
}

function mirrorsX(orientation: number): boolean {
  return [2, 3, 7, 8].includes(orientation);
}

function mirrorsY(orientation: number): boolean {
  return [3, 4, 6, 7].includes(orientation);
}
