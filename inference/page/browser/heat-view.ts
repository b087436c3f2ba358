import type { Explanation } from '#inference/client/client.ts';
import { pixelsFromBase64 } from './base64.ts';
import { element } from './element.ts';

/** Leaves the parts that spoke for the answer in light, and darkens the others. */
export async function showExplanation(explanation: Explanation | undefined): Promise<void> {
  const canvas = element('heat', HTMLCanvasElement);
  const caption = element('seen-caption', HTMLElement);
  canvas.hidden = explanation === undefined;
  caption.textContent = 'As the network sees it';
  if (!explanation) return;

  const { width, height, png, label, largest } = explanation;
  const bitmap = await createImageBitmap(new Blob([pixelsFromBase64(png)]));
  Object.assign(canvas, { width, height });
  const context = canvas.getContext('2d', { willReadFrequently: true })!;
  context.drawImage(bitmap, 0, 0);
  const image = context.getImageData(0, 0, width, height);
  for (let at = 0; at < image.data.length; at += 4) {
    const brightness = image.data[at]! / 255;
    image.data.set([8, 12, 24, 225 * (1 - brightness)], at);
  }
  context.putImageData(image, 0, 0);
  caption.textContent = `Covering the light part takes up to ${(100 * largest).toFixed(0)} points off “${label}”`;
}
