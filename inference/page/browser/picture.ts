import { fitImage, type Size } from '#images/fit-image.ts';
import { identify } from '#images/image-type.ts';

/** More than this is scaled down by the browser first: a camera's 12 megapixels need not be averaged here. */
const MAX_PIXELS = 2_000_000;

/** Something was chosen that is no picture; the message says what it is. */
export class NoPicture extends Error {}

/**
 * A picture as the network takes it. The browser decodes it, so whatever the browser can show can be classified, however
 * large; cropping and scaling are those of training and of the endpoint.
 *
 * @returns `[height, width, 3]` uint8
 * @throws {NoPicture} the browser cannot read it
 */
export async function readPicture(file: Blob, size: Size): Promise<Uint8Array> {
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new NoPicture(await explain(file));
  }
  try {
    return pixelsOf(bitmap, bitmap, size);
  } finally {
    bitmap.close();
  }
}

/** @param natural the source's own size */
function pixelsOf(source: CanvasImageSource, natural: Size, size: Size): Uint8Array {
  const scale = Math.min(1, Math.sqrt(MAX_PIXELS / (natural.width * natural.height)));
  const width = Math.max(1, Math.round(natural.width * scale));
  const height = Math.max(1, Math.round(natural.height * scale));
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })!;
  context.fillStyle = '#fff'; // under what is transparent
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
  if (type) return `This is ${name}, and it is damaged or too large for this browser.`;
  return `This is ${name}. Choose a picture that this browser can show, such as a PNG, JPEG or WebP.`;
}
