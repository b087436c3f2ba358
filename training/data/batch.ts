import type { ImageTransform } from './augment.ts';
import type { Labels } from './labels.ts';

export interface Batch {
  /** `[B, H, W, C]` uint8 */
  readonly images: Uint8Array;
  /** `[B]` class indices */
  readonly labels: Labels;
}

/** Which images a batch has, and how each is transformed. */
export interface BatchPlan {
  /** `[B]` indices of images in the split. */
  readonly images: Int32Array;
  readonly transforms: readonly ImageTransform[];
}
