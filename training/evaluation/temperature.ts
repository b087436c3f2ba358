import type { Labels } from '../data/labels.ts';

/**
 * Mean cross-entropy of softmax(logits / temperature).
 *
 * @param logits `[N, classes]`
 * @param labels `[N]` class indices
 */
export function crossEntropy(logits: Float32Array, labels: Labels, temperature = 1): number {
  const classes = logits.length / labels.length;
  let sum = 0;
  for (const [image, label] of labels.entries()) {
    const row = logits.subarray(image * classes, (image + 1) * classes);
    const highest = Math.max(...row);
    let total = 0;
    for (const logit of row) total += Math.exp((logit - highest) / temperature);
    sum += Math.log(total) - (row[label]! - highest) / temperature;
  }
  return sum / labels.length;
}

/** softmax(logits / temperature). @param logits `[N, classes]` @returns `[N, classes]`, each row a distribution */
export function probabilities(logits: Float32Array, classes: number, temperature: number): Float64Array {
  const answers = new Float64Array(logits.length);
  for (let from = 0; from < logits.length; from += classes) {
    const row = logits.subarray(from, from + classes);
    const highest = Math.max(...row);
    let total = 0;
    for (const [index, logit] of row.entries()) {
      const weight = Math.exp((logit - highest) / temperature);
      answers[from + index] = weight;
      total += weight;
    }
    for (let index = 0; index < classes; index++) answers[from + index]! /= total;
  }
  return answers;
}

/**
 * The temperature, between 1/20 and 20, that calibrates best: the one with the lowest cross-entropy on images that were not
 * trained on.
 *
 * @see Guo et al. 2017, "On calibration of modern neural networks"
 */
export function fitTemperature(logits: Float32Array, labels: Labels): number {
  // The cross-entropy is convex in 1 / temperature, so a golden-section search finds its only minimum.
  const golden = (Math.sqrt(5) - 1) / 2;
  let [low, high] = [1 / 20, 20];
  const loss = (inverse: number) => crossEntropy(logits, labels, 1 / inverse);
  let [left, right] = [high - golden * (high - low), low + golden * (high - low)];
  let [lossLeft, lossRight] = [loss(left), loss(right)];
  while (high - low > 1e-4) {
    if (lossLeft < lossRight) {
      [high, right, lossRight] = [right, left, lossLeft];
      left = high - golden * (high - low);
      lossLeft = loss(left);
    } else {
      [low, left, lossLeft] = [left, right, lossRight];
      right = low + golden * (high - low);
      lossRight = loss(right);
    }
  }
  return 2 / (low + high);
}
