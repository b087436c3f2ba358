import { pairedTest } from './paired-test.ts';
import { criticalT, twoSidedT } from './student-t.ts';

/** One run of a group: a seed, and which of the held-out images it gets right. */
export interface SeededRun {
  readonly seed: number;
  /** `[images]`: 1 where the answer is right, else 0. */
  readonly correct: Uint8Array;
}

/** The accuracies of runs that differ in nothing but their seed. */
export interface GroupSummary {
  readonly runs: number;
  readonly mean: number;
  /** Standard deviation between the runs, n - 1 in the denominator; absent for a single run. */
  readonly deviation?: number;
  readonly min: number;
  readonly max: number;
  /** Student's t interval of the mean over all seeds, on these images; absent for a single run. */
  readonly interval95?: readonly [low: number, high: number];
}

/** @param values at least one */
export function summarize(values: readonly number[]): GroupSummary {
  const mean = meanOf(values);
  const summary = { runs: values.length, mean, min: Math.min(...values), max: Math.max(...values) };
  if (values.length === 1) return summary;
  const degrees = values.length - 1;
  const deviation = Math.sqrt(sumOf(values.map((value) => (value - mean) ** 2)) / degrees);
  const half = (criticalT(0.95, degrees) * deviation) / Math.sqrt(values.length);
  return { ...summary, deviation, interval95: [mean - half, mean + half] };
}

/** Two groups of runs compared on the same images. */
export interface GroupComparison {
  /** The seeds that both groups have, in order: each makes a pair. */
  readonly seeds: readonly number[];
  readonly images: number;
  /** The second's mean accuracy minus the first's, over these seeds. */
  readonly difference: number;
  readonly interval95: readonly [low: number, high: number];
  /** The probability of a difference at least this large, in either direction, between two equally good groups. */
  readonly pValue: number;
  /**
   * What the interval speaks of. `seeds and images`: of a mean over all seeds, on all such images. `images`: there is one pair
   * only, and the interval speaks of these two networks.
   */
  readonly covers: 'seeds and images' | 'images';
}

/**
 * Compares two groups, pairing runs by seed and answers by image.
 *
 * With several pairs: seeds and images are both random samples, crossed, as readers and cases are when two ways of diagnosis are
 * compared. With D the difference of a pair on an image, [seeds, images], and the mean squares of its analysis of variance
 * by rows, columns and rest, the variance of the mean is (MS_seeds + max(MS_images - MS_rest, 0)) / (seeds * images), with
 * Hillis' degrees of freedom. So few seeds and few images each make the interval wider. Where few seeds happen to agree, their
 * mean square says too little: the variance is at least MS_images / (seeds * images), that of these very seeds on all images.
 *
 * With one pair: McNemar's exact test.
 *
 * @returns `undefined` if the groups have no seed in common
 * @throws {RangeError} runs have different numbers of images, or less than two
 * @see Dorfman, Berbaum and Metz 1992, "Receiver operating characteristic rating analysis: generalization to the population of
 *   readers and patients with the jackknife method"
 * @see Hillis 2007, "A comparison of denominator degrees of freedom methods for multiple observer ROC analysis"
 */
export function compareGroups(first: readonly SeededRun[], second: readonly SeededRun[]): GroupComparison | undefined {
  const others = new Map(second.map((run) => [run.seed, run.correct]));
  const pairs = first
    .flatMap(({ seed, correct }) => {
      const other = others.get(seed);
      return other === undefined ? [] : [{ seed, first: correct, second: other }];
    })
    .sort((a, b) => a.seed - b.seed);
  const [pair] = pairs;
  if (pair === undefined) return undefined;
  const images = pair.first.length;
  if (images < 2 || pairs.some((each) => each.first.length !== images || each.second.length !== images)) {
    throw new RangeError('Runs can only be compared on the same images, at least two.');
  }
  const seeds = pairs.map(({ seed }) => seed);
  if (pairs.length === 1) {
    const { difference, interval95, pValue } = pairedTest(pair.first, pair.second, new Uint8Array(images).fill(1));
    return { seeds, images, difference, interval95, pValue, covers: 'images' };
  }
  const { difference, error, degrees } = crossed(pairs, images);
  const half = error === 0 ? 0 : criticalT(0.95, degrees) * error;
  return {
    ...{ seeds, images, difference },
    interval95: [Math.max(-1, difference - half), Math.min(1, difference + half)],
    pValue: error === 0 ? Number(difference === 0) : twoSidedT(difference / error, degrees),
    covers: 'seeds and images',
  };
}

interface Pair {
  readonly first: Uint8Array;
  readonly second: Uint8Array;
}

/** The mean of the differences, its standard error, and the degrees of freedom of that. */
function crossed(pairs: readonly Pair[], images: number) {
  const seeds = pairs.length;
  const ofImage = new Int32Array(images);
  let squares = 0;
  const ofSeed = pairs.map(({ first, second }) => {
    let sum = 0;
    for (let image = 0; image < images; image++) {
      const difference = second[image]! - first[image]!;
      ofImage[image]! += difference;
      sum += difference;
      squares += difference ** 2;
    }
    return sum;
  });
  const all = seeds * images;
  const total = sumOf(ofSeed);
  const ofMean = total ** 2 / all;
  const sumSeeds = sumOf(ofSeed.map((sum) => sum ** 2)) / images - ofMean;
  let sumImages = -ofMean;
  for (const sum of ofImage) sumImages += sum ** 2 / seeds;
  const meanSeeds = sumSeeds / (seeds - 1);
  const meanImages = sumImages / (images - 1);
  const meanRest = (squares - ofMean - sumSeeds - sumImages) / ((seeds - 1) * (images - 1));
  const variance = Math.max(meanSeeds + Math.max(0, meanImages - meanRest), meanImages);
  return {
    difference: total / all,
    error: Math.sqrt(variance / all),
    // Hillis' formula counts the images as endless; where all seeds agree, they alone limit the degrees of freedom.
    degrees: Math.min(images - 1, ((seeds - 1) * variance ** 2) / meanSeeds ** 2),
  };
}

function meanOf(values: readonly number[]): number {
  return sumOf(values) / values.length;
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
