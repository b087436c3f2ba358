import { type Area, type Fit, type FittedImage, fitImage, planFit } from '#images/fit-image.ts';
import { identify } from '#images/image-type.ts';
import type { RgbImage, Size } from '#images/rgb-image.ts';

/** The browser first scales larger images down to this, which is faster than averaging a camera's 12 megapixels here. */
const MAX_PIXELS = 2_000_000;
/** Length of the longer side of a vector drawing, in pixels. */
const DRAWING_SIDE = 1024;

/** The file is not an image that the browser can read; the message says what it is. */
export class NotAnImage extends Error {}

/** A decoded image, upright, on white, of at most two megapixels. */
export interface Picture extends Size {
  readonly canvas: OffscreenCanvas;
}

/** What a model takes: the `input` of its card. */
export interface ModelInput extends Size {
  /** What happens to a picture of another aspect ratio. @default 'crop' */
  readonly fit?: Fit | undefined;
}

/**
 * What a network that takes a part of a picture sees of it: the largest part of its aspect ratio, between the left or top end
 * (0) and the right or bottom one (1); or the whole picture, padded with white. A network that takes the whole picture has no
 * choice.
 */
export type Framing = { readonly position: number } | 'whole';

/** What the endpoint takes too. */
export const CENTER: Framing = { position: 0.5 };

/**
 * Reads an image. The browser decodes it, so any image that the browser can show can be classified.
 *
 * @throws {NotAnImage} the browser cannot read it
 */
export async function readPicture(file: Blob): Promise<Picture> {
  const head = await file.slice(0, 4096).text();
  if (file.type === 'image/svg+xml' || /<svg[\s>]/.test(head)) return readDrawing(file);
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new NotAnImage(await explain(file));
  }
  try {
    const scale = Math.min(1, Math.sqrt(MAX_PIXELS / (bitmap.width * bitmap.height)));
    return draw(bitmap, bitmap, scale);
  } finally {
    bitmap.close();
  }
}

/** Reads an SVG, which only an image element can draw. Its scripts do not run there. */
async function readDrawing(file: Blob): Promise<Picture> {
  const address = URL.createObjectURL(new Blob([file], { type: 'image/svg+xml' }));
  try {
    const image = new Image();
    image.src = address;
    await image.decode();
    const natural = { width: image.naturalWidth, height: image.naturalHeight };
    const drawing = draw(image, natural, DRAWING_SIDE / Math.max(natural.width, natural.height));
    // Browsers give out no pixels of a drawing with parts of a web page in it: that throws here.
    drawing.canvas.getContext('2d')!.getImageData(0, 0, 1, 1);
    return drawing;
  } catch {
    throw new NotAnImage('This is an SVG drawing that this browser cannot show. Save it as a PNG.');
  } finally {
    URL.revokeObjectURL(address);
  }
}

function draw(source: CanvasImageSource, natural: Size, scale: number): Picture {
  const width = Math.max(1, Math.round(natural.width * scale));
  const height = Math.max(1, Math.round(natural.height * scale));
  const { canvas, context } = whiteCanvas(width, height);
  context.imageSmoothingQuality = 'high';
  context.drawImage(source, 0, 0, width, height);
  return { width, height, canvas };
}

function whiteCanvas(width: number, height: number) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d', { willReadFrequently: true })!;
  context.fillStyle = '#fff';
  context.fillRect(0, 0, width, height);
  return { canvas, context };
}

/** The area of a picture that the network sees, in the picture's pixels; of the whole picture, its padding too. */
export function frameOf(picture: Size, framing: Framing, target: Size): Area {
  if (framing === 'whole') {
    const scale = Math.max(picture.width / target.width, picture.height / target.height);
    const [width, height] = [Math.round(target.width * scale), Math.round(target.height * scale)];
    return {
      ...{ width, height },
      left: Math.floor((picture.width - width) / 2),
      top: Math.floor((picture.height - height) / 2),
    };
  }
  const { width, height } = planFit(picture, target).crop;
  return {
    ...{ width, height },
    left: Math.floor((picture.width - width) * framing.position),
    top: Math.floor((picture.height - height) * framing.position),
  };
}

/** Whether the network sees only a part of the picture, which can be chosen. */
export function isCropped(picture: Size, { fit = 'crop', ...target }: ModelInput): boolean {
  return planFit(picture, target, fit).transform.startsWith('center-crop');
}

/** Brings a picture, or the framed part of it, to the network's input size, as training and the endpoint do. */
export function frame(picture: Picture, framing: Framing, { width, height, fit = 'crop' }: ModelInput): FittedImage {
  const target = { width, height };
  if (fit !== 'crop') return fitImage(cut(picture, { left: 0, top: 0, ...sizeOf(picture) }), target, fit);
  // The part has the target's aspect ratio, but for fractions of a pixel.
  const part = fitImage(cut(picture, frameOf(picture, framing, target)), target, 'stretch');
  return { ...part, transform: planFit(picture, target).transform };
}

/** An area of a picture; white where it is outside of the picture. */
function cut(picture: Picture, { left, top, width, height }: Area): RgbImage {
  const { context } = whiteCanvas(width, height);
  context.drawImage(picture.canvas, -left, -top);
  const rgba = context.getImageData(0, 0, width, height).data;
  const pixels = new Uint8Array(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel++) {
    pixels[pixel * 3] = rgba[pixel * 4]!;
    pixels[pixel * 3 + 1] = rgba[pixel * 4 + 1]!;
    pixels[pixel * 3 + 2] = rgba[pixel * 4 + 2]!;
  }
  return { width, height, pixels };
}

function sizeOf({ width, height }: Size): Size {
  return { width, height };
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
