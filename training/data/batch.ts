import type { View } from './augment.ts';

export interface Batch {
  /** `[B, H, W, C]` uint8 */
  readonly images: Uint8Array;
  /** `[B]` class indices */
  readonly labels: Uint8Array;
}

/** Which images a batch is of, and what becomes of each. */
export interface BatchPlan {
  /** `[B]` indices of images. */
  readonly images: Int32Array;
  readonly views: readonly View[];
}
