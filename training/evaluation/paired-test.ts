import type { Labels } from '../data/labels.ts';

/**
 * Compares two networks' answers to the same images. Images that both get right, or both get wrong, say nothing about which is
 * better; what counts are those that only one gets right.
 */
export interface PairedTest {
  readonly images: number;
  readonly bothRight: number;
  readonly onlyFirst: number;
  readonly onlySecond: number;
  readonly bothWrong: number;
  /** The second's accuracy minus the first's: positive if the second is better. */
  readonly difference: number;
  /** Agresti and Min's interval of the difference, which also holds if few answers differ. */
  readonly interval95: readonly [low: number, high: number];
  /**
   * The probability of a difference at least this large, in either direction, between two equally good networks: McNemar's
   * test, exact (binomial) for any number of images.
   */
  readonly pValue: number;
}

/**
 * @param first class indices `[N]`
 * @param second class indices `[N]`
 * @param labels `[N]`
 * @see McNemar 1947, "Note on the sampling error of the difference between correlated proportions or percentages"
 * @see Agresti and Min 2005, "Simple improved confidence intervals for comparing matched proportions"
 */
export function pairedTest(first: Labels, second: Labels, labels: Labels): PairedTest {
  const counts = { bothRight: 0, onlyFirst: 0, onlySecond: 0, bothWrong: 0 };
  for (const [image, label] of labels.entries()) {
    const [isFirst, isSecond] = [first[image] === label, second[image] === label];
    counts[isFirst ? (isSecond ? 'bothRight' : 'onlyFirst') : isSecond ? 'onlySecond' : 'bothWrong']++;
  }
  const { onlyFirst, onlySecond } = counts;
  return {
    images: labels.length,
    ...counts,
    difference: (onlySecond - onlyFirst) / Math.max(1, labels.length),
    interval95: differenceInterval(onlyFirst, onlySecond, labels.length),
    pValue: signTest(onlyFirst, onlySecond),
  };
}

/** Adds half an image to each of the four counts. */
function differenceInterval(onlyFirst: number, onlySecond: number, images: number): [low: number, high: number] {
  const [first, second, all] = [onlyFirst + 0.5, onlySecond + 0.5, images + 2];
  const middle = (second - first) / all;
  const half = (1.959964 / all) * Math.sqrt(first + second - (second - first) ** 2 / all);
  return [Math.max(-1, middle - half), Math.min(1, middle + half)];
}

/** Twice the probability that a fair coin shows one side at most as often as the rarer one here. */
function signTest(one: number, other: number): number {
  const throws = one + other;
  let logarithm = -throws * Math.LN2; // of the probability of exactly `side` such throws
  let tail = 0;
  for (let side = 0; side <= Math.min(one, other); side++) {
    if (side > 0) logarithm += Math.log(throws - side + 1) - Math.log(side);
    tail += Math.exp(logarithm);
  }
  return Math.min(1, 2 * tail);
}
