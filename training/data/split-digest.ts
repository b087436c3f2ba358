import { createHash } from 'node:crypto';
import type { Split } from './dataset.ts';

/** SHA-256 of the labels and then the pixels of a split, in hex: the same images have the same one, whatever they came from. */
export function splitDigest({ labels, images }: Pick<Split, 'labels' | 'images'>): string {
  const bytes = Buffer.from(labels.buffer, labels.byteOffset, labels.byteLength);
  return createHash('sha256').update(bytes).update(images).digest('hex');
}
