import type { Transform } from '#images/fit-image.ts';
import type { Explanation } from '../../client/client.ts';
import { pixelsFromBase64 } from './base64.ts';
import { element } from './element.ts';

/** Opacity of the dark layer over parts that did not matter at all. The image stays visible under it. */
const DARKNESS = 0.75;

/**
 * Darkens the parts of the image that did not support the answer.
 *
 * @param signal aborted when another image is shown
 */
export async function showExplanation(explanation: Explanation | undefined, signal: AbortSignal): Promise<void> {
  hideExplanation();
  if (!explanation) return;
  const canvas = element('heat', HTMLCanvasElement);

  const { width, height, png, label, largest } = explanation;
  const bitmap = await createImageBitmap(new Blob([pixelsFromBase64(png)]));
  if (signal.aborted) return;
  Object.assign(canvas, { width, height });
  const context = canvas.getContext('2d', { willReadFrequently: true })!;
  // Blurred, since the edges of the covering squares would be visible.
  context.filter = `blur(${width / 24}px)`;
  context.drawImage(bitmap, 0, 0);
  const image = context.getImageData(0, 0, width, height);
  const brightness = Float32Array.from({ length: width * height }, (_, pixel) => image.data[pixel * 4]!);
  const most = Math.max(1, ...brightness);
  brightness.forEach((each, pixel) => {
    // The square root, so that parts of medium importance are visible.
    image.data.set([8, 12, 24, 255 * DARKNESS * (1 - Math.sqrt(each / most))], pixel * 4);
  });
  context.putImageData(image, 0, 0);
  canvas.hidden = false;
  element('seen-caption', HTMLElement).textContent =
    `Covering the light part lowers “${label}” by up to ${(100 * largest).toFixed(0)} points`;
}

/** What was done to the image that is shown, for its caption. */
let how = '';

/** Says what the image shows that the network sees. */
export function captionSeen(transform: Transform): void {
  how = transform.endsWith('pad') ? ', padded' : transform === 'stretch' ? ', stretched' : '';
  hideExplanation();
}

/** Shows the image without what mattered. */
export function hideExplanation(): void {
  element('heat', HTMLCanvasElement).hidden = true;
  element('seen-caption', HTMLElement).textContent = `As the network sees it${how}`;
}
