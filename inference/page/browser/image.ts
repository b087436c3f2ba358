import { fitImage } from '#images/fit-image.ts';
import { identify } from '#images/image-type.ts';
import type { Size } from '#images/rgb-image.ts';

/** The browser first scales larger images down to this, which is faster than averaging a camera's 12 megapixels here. */
const MAX_PIXELS = 2_000_000;

/** The file is not an image that the browser can read; the message says what it is. */
export class NotAnImage extends Error {}

/**
 * Reads an image and resizes it to the network's input size. The browser decodes it, so any image that the browser can show
 * can be classified; cropping and scaling are the same as in training and in the endpoint.
 *
 * @returns `[height, width, 3]` uint8
 * @throws {NotAnImage} the browser cannot read it
 */
export async function readImage(file: Blob, size: Size): Promise<Uint8Array> {
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new NotAnImage(await explain(file));
  }
  try {
    return pixelsOf(bitmap, bitmap, size);
  } finally {
    bitmap.close();
  }
}

/** @param natural the size of the source @param size the target size */
function pixelsOf(source: CanvasImageSource, natural: Size, size: Size): Uint8Array {
  const scale = Math.min(1, Math.sqrt(MAX_PIXELS / (natural.width * natural.height)));
  const width = Math.max(1, Math.round(natural.width * scale));
  const height = Math.max(1, Math.round(natural.height * scale));
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })!;
  context.fillStyle = '#fff'; // behind transparent pixels
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = 'high';
  context.drawImage(source, 0, 0, width, height);
  const rgba = context.getImageData(0, 0, width, height).data;
  const pixels = new Uint8Array(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel++) {
    pixels[pixel * 3] = rgba[pixel * 4]!;
    pixels[pixel * 3 + 1] = rgba[pixel * 4 + 1]!;
    pixels[pixel * 3 + 2] = rgba[pixel * 4 + 2]!;
  }
  return fitImage({ width, height, pixels }, size).pixels;
}

/** Draws `[height, width, 3]` pixels. */
export function paint(canvas: HTMLCanvasElement, pixels: Uint8Array, { width, height }: Size): void {
  const image = new ImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel++) {
    image.data.set([pixels[pixel * 3]!, pixels[pixel * 3 + 1]!, pixels[pixel * 3 + 2]!, 255], pixel * 4);
  }
  Object.assign(canvas, { width, height });
  canvas.getContext('2d')!.putImageData(image, 0, 0);
}

async function explain(file: Blob): Promise<string> {
  const { type, name } = identify(new Uint8Array(await file.slice(0, 4096).arrayBuffer()));
  if (type) return `This is ${name}, but it is damaged or too large for this browser.`;
  return `This is ${name}. Choose an image that this browser can show, such as a PNG, JPEG or WebP.`;
}
