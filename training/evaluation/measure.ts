import type { Labels } from '../data/labels.ts';
import { calibration } from './calibration.ts';
import { averagesOf, classFigures, topConfusions } from './class-figures.ts';
import type { Evaluation } from './evaluation.ts';
import { ranking } from './ranking.ts';
import { crossEntropy, probabilities } from './temperature.ts';

/** A matrix for more classes would be larger than the images. */
const MOST_IN_MATRIX = 1_000;
const CONFUSIONS = 24;

/**
 * Evaluates logits that are already there.
 *
 * @param logits `[N, classes]`
 * @param labels `[N]` class indices
 * @param temperature probabilities are softmax(logits / temperature). @default 1
 */
export function measure(
  logits: Float32Array,
  labels: Labels,
  { classes, temperature = 1 }: { readonly classes: number; readonly temperature?: number | undefined },
): Evaluation {
  const answers = topClasses(logits, classes);
  const calibrated = probabilities(logits, classes, temperature);
  const figures = classFigures(answers, labels, classes);
  const ranked = ranking(calibrated, labels, classes);
  const plain = agreement(answers, labels);
  const k = Math.min(5, classes - 1);
  return {
    images: labels.length,
    plain,
    top: { k, accuracy: topAccuracy(logits, labels, k) },
    interval95: interval95(plain, labels.length),
    perClass: figures.map(({ recall }) => recall),
    figures,
    ...averagesOf(figures),
    ...(ranked && { ranking: ranked }),
    confusions: topConfusions(answers, labels, CONFUSIONS),
    confusion: classes > MOST_IN_MATRIX ? [] : confusionOf(answers, labels, classes),
    loss: crossEntropy(logits, labels, temperature),
    calibration: {
      before: calibration(probabilities(logits, classes, 1), labels),
      after: calibration(calibrated, labels),
    },
    logits,
  };
}

/** The index of the highest logit of each row; the first of equal ones. @returns `[N]` */
export function topClasses(logits: Float32Array, classes: number): Labels {
  const answers = new (classes > 256 ? Uint16Array : Uint8Array)(logits.length / classes);
  for (const image of answers.keys()) {
    const row = logits.subarray(image * classes, (image + 1) * classes);
    answers[image] = row.indexOf(Math.max(...row));
  }
  return answers;
}

/** The share of images whose answer is their label. */
export function agreement(answers: Labels, labels: Labels): number {
  let right = 0;
  for (const [image, label] of labels.entries()) if (answers[image] === label) right++;
  return right / labels.length;
}

/**
 * The share of images whose class is among the best `k`. The first of equal logits counts as the better one, as in
 * `topClasses`, so that a network with equal logits for all classes is not always right.
 *
 * @param logits `[N, classes]`
 */
export function topAccuracy(logits: Float32Array, labels: Labels, k: number): number {
  const classes = logits.length / labels.length;
  let right = 0;
  for (const [image, label] of labels.entries()) {
    const row = logits.subarray(image * classes, (image + 1) * classes);
    let better = 0;
    for (const [index, logit] of row.entries()) {
      if (logit > row[label]! || (logit === row[label]! && index < label)) better++;
    }
    if (better < k) right++;
  }
  return right / labels.length;
}

/**
 * Wilson's interval, which contains the true accuracy for 95 of 100 test sets of this size.
 *
 * @param accuracy a fraction of `images`
 */
export function interval95(accuracy: number, images: number): [low: number, high: number] {
  const z = 1.959964;
  const middle = accuracy + z ** 2 / (2 * images);
  const half = z * Math.sqrt((accuracy * (1 - accuracy)) / images + z ** 2 / (4 * images ** 2));
  const scale = 1 + z ** 2 / images;
  const [low, high] = [(middle - half) / scale, (middle + half) / scale];
  // Where all answers are right, or none, an end of the interval is the accuracy itself, but for rounding.
  return [Math.max(0, Math.min(low, accuracy)), Math.min(1, Math.max(high, accuracy))];
}

/** A wrong answer, and the network's confidence in it. */
export interface Mistake {
  /** Index in the split. */
  readonly image: number;
  readonly label: number;
  readonly answer: number;
  /** The probability of the answer. */
  readonly confidence: number;
  /** The probability of the correct class. */
  readonly forLabel: number;
}

/**
 * The wrong answers with the lowest probability of the correct class: surprising ones, or wrong labels.
 *
 * @param answers probabilities `[N, classes]`
 * @returns at most `count`, the worst first
 */
export function worstMistakes(answers: Float64Array, labels: Labels, count: number): Mistake[] {
  const classes = answers.length / labels.length;
  const mistakes: Mistake[] = [];
  for (const [image, label] of labels.entries()) {
    const row = answers.subarray(image * classes, (image + 1) * classes);
    const confidence = Math.max(...row);
    const answer = row.indexOf(confidence);
    if (answer !== label) mistakes.push({ image, label, answer, confidence, forLabel: row[label]! });
  }
  return mistakes.sort((a, b) => a.forLabel - b.forLabel || a.image - b.image).slice(0, count);
}

function confusionOf(answers: Labels, labels: Labels, classes: number): number[][] {
  const confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (const [image, label] of labels.entries()) confusion[label]![answers[image]!]!++;
  return confusion;
}
