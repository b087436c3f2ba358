import { distanceOf, energyOf, type Texture, textureOf, type Unfamiliar, unfamiliarity } from '#models/unfamiliar.ts';
import type { Split } from '../data/dataset.ts';

/** One in fifty pictures of the classes is called unfamiliar. */
const SHARE = 0.02;
/** Variances of roughness and flatness are at least these, so that drawings of one kind do not make all others unfamiliar. */
const LEAST_VARIANCE = { roughness: 0.05 ** 2, flatness: 0.01 ** 2 } as const;
const LEAST_DEVIATION = 1e-3;

/**
 * Learns from held-out images alone, which pictures are like none of the classes. The limit is a conformal one: of pictures
 * like the held-out ones, at most `share` are expected above it.
 *
 * @param logits `[N, classes]` of the held-out images
 * @param imageSize height, width and channels
 * @returns undefined for fewer than 49 images: so few cannot tell what one in fifty would be
 * @see Vovk et al. 2005, "Algorithmic learning in a random world"
 */
export function fitUnfamiliar(
  logits: Float32Array,
  { count, images }: Pick<Split, 'count' | 'images'>,
  [height, width, channels]: readonly [number, number, number],
): Unfamiliar | undefined {
  const rank = Math.ceil((count + 1) * (1 - SHARE) - 1e-9);
  if (rank > count) return undefined;
  const [classes, bytes] = [logits.length / count, images.length / count];
  const row = (image: number) => logits.subarray(image * classes, (image + 1) * classes);
  const of = <Value>(value: (image: number) => Value) => Array.from({ length: count }, (_, image) => value(image));
  const textures = of((image) =>
    textureOf(images.subarray(image * bytes, (image + 1) * bytes), { height, width, channels }),
  );
  const texture = spreadOf(textures);
  const known = {
    energy: momentsOf(of((image) => energyOf(row(image)))),
    texture: { ...texture, distance: momentsOf(textures.map((each) => distanceOf(each, texture))) },
  };
  const ordered = of((image) => unfamiliarity(row(image), textures[image]!, known)).sort((a, b) => a - b);
  return { ...known, above: ordered[rank - 1]!, images: count, share: SHARE };
}

/** Mean, and the inverse of the covariance. */
function spreadOf(textures: readonly Texture[]): Pick<Unfamiliar['texture'], 'mean' | 'precision'> {
  const values = { roughness: textures.map((each) => each.roughness), flatness: textures.map((each) => each.flatness) };
  const mean = { roughness: meanOf(values.roughness), flatness: meanOf(values.flatness) };
  const covariance = (one: keyof Texture, other: keyof Texture) =>
    meanOf(textures.map((each) => (each[one] - mean[one]) * (each[other] - mean[other])));
  const roughness = Math.max(LEAST_VARIANCE.roughness, covariance('roughness', 'roughness'));
  const flatness = Math.max(LEAST_VARIANCE.flatness, covariance('flatness', 'flatness'));
  // Where the two go together all but exactly, the inverse would be without bounds.
  const both = covariance('roughness', 'flatness');
  const determinant = Math.max(roughness * flatness - both ** 2, 1e-3 * roughness * flatness);
  return {
    mean,
    precision: { roughness: flatness / determinant, flatness: roughness / determinant, both: -both / determinant },
  };
}

function momentsOf(values: readonly number[]): Unfamiliar['energy'] {
  const mean = meanOf(values);
  const deviation = Math.sqrt(meanOf(values.map((value) => (value - mean) ** 2)));
  return { mean, deviation: Math.max(LEAST_DEVIATION, deviation) };
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
