import type { ImageSet } from '../data/image-set.ts';
import { airbenchNet } from '../nets/airbench.ts';
import type { Net } from '../nets/net.ts';
import { seedNetFor } from '../nets/seed.ts';
import { tinyNetFor } from '../nets/tiny.ts';

/** Filters of the three groups of the airbench net. */
export type Widths = readonly [number, number, number];

type MakeNet = (images: ImageSet, widths: Widths) => Net;

/** What the setting `net` may be, and the net that each name makes. */
export const nets = {
  seed: (images) => seedNetFor(images),
  airbench: (images, widths) => airbenchNet(widths, images),
  tiny: (images) => tinyNetFor(images),
} satisfies Record<string, MakeNet>;

export const netNames = Object.keys(nets) as (keyof typeof nets)[];
