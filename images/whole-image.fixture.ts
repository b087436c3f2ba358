import type { ImageFile } from './image-file.ts';
import { upright } from './orientation.ts';
import type { RgbImage } from './rgb-image.ts';

/** All pixels of an image, upright. */
export async function wholeImage(file: ImageFile): Promise<RgbImage & { readonly repaired: readonly string[] }> {
  const { width, height } = file;
  const pixels = new Uint8Array(width * height * 3);
  let at = 0;
  const repaired = await file.decode(1, (row) => {
    pixels.set(row, at);
    at += row.length;
  });
  return { ...upright({ width, height, pixels }, file.orientation), repaired };
}
