import * as z from 'zod/mini';

const finite = z.number();
const positive = z.number().check(z.positive());

/** Two numbers that are the same for a darker, paler or grey copy of a picture. */
const Texture = z.object({
  /** The logarithm of how much neighbouring pixels differ, relative to the deviation of all: high for noise. */
  roughness: finite,
  /** The share of neighbours of nearly the same brightness: high for plain pictures and drawings. */
  flatness: finite,
});
export type Texture = z.infer<typeof Texture>;

/**
 * How a picture is told from those of the classes: its unfamiliarity is the network's energy, in deviations below the mean of
 * held-out images, plus half of how far its texture is from theirs, in deviations of the logarithm. Colour and contrast do not
 * count.
 */
export const Unfamiliar = z.object({
  /** Of held-out images: the logarithm of the sum of the exponentials of the logits. */
  energy: z.object({ mean: finite, deviation: positive }),
  /** Of held-out images. */
  texture: z.object({
    mean: Texture,
    /** The inverse of the covariance. */
    precision: z.object({ roughness: finite, flatness: finite, both: finite }),
    /** Of log(1 + squared Mahalanobis distance). */
    distance: z.object({ mean: finite, deviation: positive }),
  }),
  /** Pictures whose unfamiliarity is higher are like none of the classes. */
  above: finite,
  /** The number of held-out images that all this was measured on. */
  images: z.number().check(z.int(), z.positive()),
  /** The share of pictures of the classes that are unfamiliar, too; chosen. */
  share: z.number().check(z.minimum(0), z.maximum(1)),
});
export type Unfamiliar = z.infer<typeof Unfamiliar>;

/** Energy separates other things, texture separates noise and plain pictures, which some networks are sure about. */
const TEXTURE_WEIGHT = 0.5;

/** @param logits `[classes]` @param texture of the same picture @returns higher for pictures that are less like the classes */
export function unfamiliarity(
  logits: ArrayLike<number>,
  texture: Texture,
  known: Pick<Unfamiliar, 'energy' | 'texture'>,
): number {
  const { mean, deviation } = known.texture.distance;
  return (
    (known.energy.mean - energyOf(logits)) / known.energy.deviation +
    (TEXTURE_WEIGHT * (distanceOf(texture, known.texture) - mean)) / deviation
  );
}

/** @see Liu et al. 2020, "Energy-based out-of-distribution detection", arXiv:2010.03759: its negative, at temperature 1 */
export function energyOf(logits: ArrayLike<number>): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < logits.length; index++) largest = Math.max(largest, logits[index]!);
  let sum = 0;
  for (let index = 0; index < logits.length; index++) sum += Math.exp(logits[index]! - largest);
  return largest + Math.log(sum);
}

/** Neighbours that differ by less, of 255, are flat. */
const FLAT = 2;

/** @param pixels `[height, width, channels]` uint8 */
export function textureOf(
  pixels: Uint8Array,
  { height, width, channels }: { readonly height: number; readonly width: number; readonly channels: number },
): Texture {
  const brightness = new Float64Array(height * width);
  for (let at = 0; at < pixels.length; at++) brightness[Math.floor(at / channels)]! += pixels[at]! / channels;
  let [sum, squares] = [0, 0];
  let [steps, flat] = [0, 0];
  const step = (difference: number) => {
    const size = Math.abs(difference);
    steps += size;
    if (size < FLAT) flat++;
  };
  for (let at = 0, y = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      const value = brightness[at]!;
      sum += value;
      squares += value * value;
      if (x > 0) step(value - brightness[at - 1]!);
      if (y > 0) step(value - brightness[at - width]!);
    }
  }
  const pixelCount = height * width;
  const neighbours = Math.max(1, 2 * pixelCount - height - width);
  const deviation = Math.sqrt(Math.max(0, squares / pixelCount - (sum / pixelCount) ** 2));
  // One of 255 more, so that a picture of one colour has a number, too.
  return { roughness: Math.log((steps / neighbours + 1) / (deviation + 1)), flatness: flat / neighbours };
}

/** log(1 + squared Mahalanobis distance), which has no long tail. */
export function distanceOf(
  texture: Texture,
  { mean, precision }: Pick<Unfamiliar['texture'], 'mean' | 'precision'>,
): number {
  const [roughness, flatness] = [texture.roughness - mean.roughness, texture.flatness - mean.flatness];
  return Math.log1p(
    precision.roughness * roughness ** 2 +
      precision.flatness * flatness ** 2 +
      2 * precision.both * roughness * flatness,
  );
}
