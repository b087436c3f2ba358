import type { ImageTransform } from './augment.ts';

/** A transform of an image whose answers count so much in the mean. The weights of all views add up to 1. */
export type View = ImageTransform & { readonly weight: number };

const moved = (by: number) => ({ down: by, right: by });

/**
 * Views of an image, for test-time augmentation: the image alone; with its mirror image; both unchanged, and moved by one pixel
 * along the diagonal, in both directions.
 *
 * @see airbench, arXiv:2404.00498 §3.5
 */
export const views = {
  plain: [{ isMirrored: false, ...moved(0), weight: 1 }],
  mirrored: [
    { isMirrored: false, ...moved(0), weight: 1 / 2 },
    { isMirrored: true, ...moved(0), weight: 1 / 2 },
  ],
  six: [
    { isMirrored: false, ...moved(0), weight: 1 / 4 },
    { isMirrored: true, ...moved(0), weight: 1 / 4 },
    { isMirrored: false, ...moved(1), weight: 1 / 8 },
    { isMirrored: true, ...moved(1), weight: 1 / 8 },
    { isMirrored: false, ...moved(-1), weight: 1 / 8 },
    { isMirrored: true, ...moved(-1), weight: 1 / 8 },
  ],
} as const satisfies Record<string, readonly View[]>;

export const viewNames = Object.keys(views) as (keyof typeof views)[];
