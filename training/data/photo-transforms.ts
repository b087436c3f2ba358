import { purpose, type Random, random } from '../random/random.ts';
import { type Augmentation, kindsOf } from './augmentation.ts';
import type { Hole } from './cut-out.ts';
import {
  brightened,
  type Colors,
  contrasted,
  meanColor,
  type Recoloring,
  recoloringOf,
  saturated,
  turned,
  uncolored,
} from './recolor.ts';
import { type Affine, composed, type Resampling, resamplingOf, unmoved } from './resample.ts';

type Size = readonly [height: number, width: number, channels: number];

/** Aspects of a crop, width by height. @see RandomResizedCrop of torchvision */
const NARROWEST = 3 / 4;
const WIDEST = 4 / 3;
/** Crops that are drawn until one fits; then the whole image is shown. */
const TRIES = 10;

/** What RandAugment's operations do at its highest magnitude, 30. @see RandAugment of torchvision */
const HIGHEST = 30;
const strongest = { shear: 0.3, move: 150 / 331, turn: Math.PI / 6, color: 0.9 } as const;

/** The changes of one image that photos are trained with; those that are not asked for are absent. */
export interface PhotoTransform {
  /** Crop, rotation, zoom, and RandAugment's operations that move pixels. */
  readonly resampling?: Resampling;
  /** RandAugment's operations on colors, and color jitter. */
  readonly recoloring?: Recoloring;
  readonly hole?: Hole;
}

/**
 * Draws how one image is changed. It depends on seed, epoch and image alone.
 *
 * @param pixels `[H, W, C]` of the image: contrast is changed around its mean
 */
export function photoTransform(
  augmentation: Augmentation,
  pixels: Uint8Array,
  {
    size,
    seed,
    epoch,
    image,
  }: { readonly size: Size; readonly seed: number; readonly epoch: number; readonly image: number },
): PhotoTransform {
  const { isResampled, isRecolored, isCut } = kindsOf(augmentation);
  const draw = (kind: number) => random(seed, kind, epoch, image);
  const { randomCrop = 0, zoom = [0, 0], rotate = 0, randAugment = [0, 0], colorJitter, cutout = 0 } = augmentation;
  let map = randomCrop > 0 ? cropped(size, randomCrop, draw(purpose.areas)) : unmoved;
  if (rotate > 0) map = composed(map, aroundCenter(rotated(rotate, draw(purpose.angles)), size));
  if (zoom.some((most) => most > 0)) map = composed(map, aroundCenter(zoomed(zoom, draw(purpose.scales)), size));
  let colors = uncolored;
  const mean = isRecolored ? meanColor(pixels) : [];
  for (const { moves, colors: change, level } of chosen(randAugment, () => draw(purpose.operations))) {
    if (moves) map = composed(map, aroundCenter(moves(level, size), size));
    if (change) colors = change(colors, 1 + strongest.color * level, mean);
  }
  if (isRecolored && colorJitter !== undefined) colors = jittered(colors, colorJitter, mean, draw(purpose.colors));
  return {
    ...(isResampled && { resampling: resamplingOf(map) }),
    ...(isRecolored && { recoloring: recoloringOf(colors) }),
    ...(isCut && { hole: holeIn(size, cutout, draw(purpose.holes)) }),
  };
}

interface Operation {
  /** The map, around the center of the image. */
  moves?(level: number, size: Size): Affine;
  colors?(colors: Colors, factor: number, mean: readonly number[]): Colors;
}

/**
 * RandAugment's operations that are an affine map of places or of colors. Those that are neither (posterize, solarize,
 * equalize, autocontrast and sharpness) would take a pass over the pixels each.
 *
 * @see Cubuk et al. 2019, arXiv:1909.13719
 */
const policy: readonly Operation[] = [
  {}, // identity
  { moves: (level) => [1, strongest.shear * level, 0, 0, 1, 0] },
  { moves: (level) => [1, 0, 0, strongest.shear * level, 1, 0] },
  { moves: (level, [, width]) => [1, 0, strongest.move * level * width, 0, 1, 0] },
  { moves: (level, [height]) => [1, 0, 0, 0, 1, strongest.move * level * height] },
  { moves: (level) => rotation(strongest.turn * level) },
  { colors: brightened },
  { colors: contrasted },
  { colors: saturated },
];

/** @returns the operations for an image, each with its share of the highest magnitude, from -1 to 1 */
function chosen([count, magnitude]: readonly [number, number], open: () => Random): (Operation & { level: number })[] {
  if (count === 0) return [];
  const die = open();
  return Array.from({ length: count }, () => {
    const level = (magnitude / HIGHEST) * (die.integer(2) === 0 ? 1 : -1);
    return { ...policy[die.integer(policy.length)]!, level };
  });
}

function rotation(angle: number): Affine {
  const [cosine, sine] = [Math.cos(angle), Math.sin(angle)];
  return [cosine, -sine, 0, sine, cosine, 0];
}

/** By an angle of at most so many degrees, either way, each equally likely. */
function rotated(degrees: number, die: Random): Affine {
  return rotation((degrees / 180) * Math.PI * (2 * die.uniform() - 1));
}

/** To a scale between the two limits, each equally likely. An image of twice the size shows half as much of itself. */
function zoomed([smaller, larger]: readonly [number, number], die: Random): Affine {
  const scale = 1 - smaller + (smaller + larger) * die.uniform();
  return [1 / scale, 0, 0, 0, 1 / scale, 0];
}

function aroundCenter(map: Affine, [height, width]: Size): Affine {
  const [x, y] = [(width - 1) / 2, (height - 1) / 2];
  return composed(composed([1, 0, x, 0, 1, y], map), [1, 0, -x, 0, 1, -y]);
}

/** The part of the image that is shown: a share of its area between the least and 1, of a random aspect, at a random place. */
function cropped([height, width]: Size, least: number, die: Random): Affine {
  for (let tries = 0; tries < TRIES; tries++) {
    const area = least + (1 - least) * die.uniform();
    const aspect = NARROWEST * (WIDEST / NARROWEST) ** die.uniform();
    const across = Math.sqrt(area * aspect); // as a share of the width
    const down = Math.sqrt(area / aspect);
    if (across > 1 || down > 1) continue;
    const left = width * (1 - across) * die.uniform();
    const top = height * (1 - down) * die.uniform();
    // The middle of the first new pixel is half a new pixel from the edge of the crop.
    return [across, 0, left + (across - 1) / 2, 0, down, top + (down - 1) / 2];
  }
  return unmoved;
}

/** Brightness, contrast, saturation and hue, in this order. @see ColorJitter of torchvision */
function jittered(colors: Colors, most: readonly number[], mean: readonly number[], die: Random): Colors {
  const [brightness, contrast, saturation, hue] = most.map((each) => each * (2 * die.uniform() - 1)) as [
    ...[number, number, number, number],
  ];
  const brighter = brightened(colors, 1 + brightness);
  return turned(saturated(contrasted(brighter, 1 + contrast, mean), 1 + saturation), hue);
}

/** A square around a pixel of the image, each equally likely; what lies outside of the image is cut off. */
function holeIn([height, width]: Size, share: number, die: Random): Hole {
  const side = Math.max(1, Math.round(share * Math.min(height, width)));
  const top = die.integer(height) - Math.floor(side / 2);
  const left = die.integer(width) - Math.floor(side / 2);
  return { top, left, bottom: top + side, right: left + side };
}
