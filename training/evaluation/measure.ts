import { type Calibration, calibration } from './calibration.ts';
import { crossEntropy, probabilities } from './temperature.ts';

/** How good answers are: what a card, a report and `evaluate` tell. Fractions are in [0, 1]. */
export interface Measurement {
  readonly images: number;
  /** Top-1 accuracy. */
  readonly plain: number;
  /** The share of images whose class is among the best `k`: five, or fewer where that would be all of them. */
  readonly top: { readonly k: number; readonly accuracy: number };
  /** Of `plain`. */
  readonly interval95: readonly [low: number, high: number];
  /** By class index: the share of its images that is answered rightly; 0 for a class without images. */
  readonly perClass: readonly number[];
  /** How many images of a class (row) got which answer (column). */
  readonly confusion: readonly (readonly number[])[];
  /** Mean cross-entropy, at the temperature. */
  readonly loss: number;
  /** Of softmax(logits), and of softmax(logits / temperature). */
  readonly calibration: { readonly before: Calibration; readonly after: Calibration };
}

/**
 * @param logits `[N, classes]`
 * @param labels `[N]` class indices
 * @param temperature what the logits are divided by to become probabilities. @default 1
 */
export function measure(
  logits: Float32Array,
  labels: Uint8Array,
  { classes, temperature = 1 }: { readonly classes: number; readonly temperature?: number | undefined },
): Measurement {
  const answers = topClasses(logits, classes);
  const confusion = confusionOf(answers, labels, classes);
  const plain = agreement(answers, labels);
  const k = Math.min(5, classes - 1);
  return {
    images: labels.length,
    plain,
    top: { k, accuracy: topAccuracy(logits, labels, k) },
    interval95: interval95(plain, labels.length),
    perClass: confusion.map((row, label) => row[label]! / Math.max(1, sum(row))),
    confusion,
    loss: crossEntropy(logits, labels, temperature),
    calibration: {
      before: calibration(probabilities(logits, classes, 1), labels),
      after: calibration(probabilities(logits, classes, temperature), labels),
    },
  };
}

/** The index of the highest logit of each row; of equal ones the first. */
export function topClasses(logits: Float32Array, classes: number): Uint8Array {
  return Uint8Array.from({ length: logits.length / classes }, (_, image) => {
    const row = logits.subarray(image * classes, (image + 1) * classes);
    return row.indexOf(Math.max(...row));
  });
}

/** @returns the share of images whose answer is their label */
export function agreement(answers: Uint8Array, labels: Uint8Array): number {
  let right = 0;
  for (const [image, label] of labels.entries()) if (answers[image] === label) right++;
  return right / labels.length;
}

/**
 * The share of images whose class is among the best `k`. Of equal logits the first class is the better one, as in
 * `topClasses`, so that a network which tells nothing apart is not right about everything.
 *
 * @param logits `[N, classes]`
 */
export function topAccuracy(logits: Float32Array, labels: Uint8Array, k: number): number {
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
 * Wilson's interval, which holds the true accuracy in 95 of 100 test sets of this size.
 *
 * @param accuracy a fraction of `images`
 */
export function interval95(accuracy: number, images: number): [low: number, high: number] {
  const z = 1.959964;
  const middle = accuracy + z ** 2 / (2 * images);
  const half = z * Math.sqrt((accuracy * (1 - accuracy)) / images + z ** 2 / (4 * images ** 2));
  const scale = 1 + z ** 2 / images;
  return [Math.max(0, (middle - half) / scale), Math.min(1, (middle + half) / scale)];
}

/** A wrong answer, and how sure the network was of it. */
export interface Mistake {
  /** Index in the split. */
  readonly image: number;
  readonly label: number;
  readonly answer: number;
  /** The probability of the answer. */
  readonly confidence: number;
  /** The probability that the right class got. */
  readonly forLabel: number;
}

/**
 * The wrong answers that gave the right class least: those that a person would be surprised by, or whose label is wrong.
 *
 * @param answers probabilities `[N, classes]`
 * @returns at most `count`, the worst first
 */
export function worstMistakes(answers: Float64Array, labels: Uint8Array, count: number): Mistake[] {
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

function confusionOf(answers: Uint8Array, labels: Uint8Array, classes: number): number[][] {
  const confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (const [image, label] of labels.entries()) confusion[label]![answers[image]!]!++;
  return confusion;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
