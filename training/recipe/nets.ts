import type { ImageSet } from '../data/image-set.ts';
import { airbenchNet } from '../nets/airbench.ts';
import type { Net } from '../nets/net.ts';
import { resnet9 } from '../nets/resnet9.ts';
import { resnet20 } from '../nets/resnet20.ts';
import { seedNetFor } from '../nets/seed.ts';
import { tinyNetFor } from '../nets/tiny.ts';
import { vgg } from '../nets/vgg.ts';

/** Filters of the three groups of the airbench net, or of the three layers of ResNet-9. */
export type Widths = readonly [number, number, number];

type MakeNet = (images: ImageSet, widths: Widths) => Net;

/** What the setting `net` may be, and the net that each name makes. */
export const nets = {
  seed: (images) => seedNetFor(images),
  airbench: (images, widths) => airbenchNet(widths, images),
  tiny: (images) => tinyNetFor(images),
  resnet20: (images) => resnet20(images),
  vgg: (images) => vgg(images),
  resnet9: (images, widths) => resnet9(widths, images),
} satisfies Record<string, MakeNet>;

export type NetName = keyof typeof nets;

export const netNames = Object.keys(nets) as NetName[];
