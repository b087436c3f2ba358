import type { Labels } from '../data/labels.ts';

/** A network's answers beside guesses: the most frequent class as the answer to every image. */
export interface Guessing {
  readonly images: number;
  readonly right: number;
  /** The most frequent class, as an index. */
  readonly mostFrequent: number;
  /** Images of that class: what guessing gets right. */
  readonly guessed: number;
  /** The probability that guesses, each right by that share, are right at least as often: an exact binomial test, one-sided. */
  readonly pValue: number;
  /** `unknown`: by so few images, a network that knows something could not be told from guesses. */
  readonly isBetter: boolean | 'unknown';
}

/** A result as good by chance is this rare. */
const SIGNIFICANT = 0.01;
/**
 * There are enough images if they show of a network that is this far on the way from guessing to being always right that it is
 * better: some thirty for ten equally frequent classes, a hundred for two.
 */
const NOTICED = 0.25;

/**
 * @param answers class indices `[N]`
 * @param labels `[N]`
 */
export function compareWithGuessing(answers: Labels, labels: Labels): Guessing {
  const images = labels.length;
  const counts = new Map<number, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  const [mostFrequent, guessed] = [...counts].reduce((most, each) => (each[1] > most[1] ? each : most), [0, 0]);
  let right = 0;
  for (const [image, label] of labels.entries()) if (answers[image] === label) right++;
  const share = guessed / Math.max(1, images);
  const tails = upperTails(images, share);
  const pValue = tails[right]!;
  const noticed = Math.floor(images * (share + NOTICED * (1 - share)));
  const isEnough = tails[noticed]! < SIGNIFICANT;
  return {
    images,
    right,
    mostFrequent,
    guessed,
    pValue,
    isBetter: pValue < SIGNIFICANT || (isEnough ? false : 'unknown'),
  };
}

/** By count: the probability that of so many throws at least so many are hits. @returns `[throws + 1]` */
function upperTails(throws: number, probability: number): Float64Array {
  const tails = new Float64Array(throws + 1);
  let logarithm = throws * Math.log(probability); // of the probability of exactly `hits` hits; from here on downwards
  let tail = 0;
  for (let hits = throws; hits >= 0; hits--) {
    tail += Math.exp(logarithm);
    tails[hits] = Math.min(1, tail);
    logarithm += Math.log(hits / (throws - hits + 1)) + Math.log((1 - probability) / probability);
  }
  return tails;
}
