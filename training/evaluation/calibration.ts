import type { Labels } from '../data/labels.ts';

/** Whether answers are correct as often as their probability says: of those with 80 %, are 80 % correct? */
export interface Calibration {
  /** Expected calibration error: the mean distance of confidence and accuracy over the bins, weighted by their images. */
  readonly error: number;
  /** Answers by their probability, empty bins included. */
  readonly bins: readonly Bin[];
}

export interface Bin {
  /** Probabilities in the bin are above `from`, and at most `to`. */
  readonly from: number;
  readonly to: number;
  readonly images: number;
  /** Mean probability of the answers; 0 if there are none. */
  readonly confidence: number;
  /** The share of correct answers; 0 if there are none. */
  readonly accuracy: number;
}

/** As in the paper, so that figures are comparable. */
const BINS = 15;

/**
 * @param answers probabilities `[N, classes]`
 * @param labels `[N]` class indices
 * @see Guo et al. 2017, "On calibration of modern neural networks", §2
 */
export function calibration(answers: Float64Array, labels: Labels): Calibration {
  const classes = answers.length / labels.length;
  const sums = Array.from({ length: BINS }, () => ({ images: 0, confidence: 0, right: 0 }));
  for (const [image, label] of labels.entries()) {
    const row = answers.subarray(image * classes, (image + 1) * classes);
    const confidence = Math.max(...row);
    const bin = sums[Math.min(BINS - 1, Math.max(0, Math.ceil(confidence * BINS) - 1))]!;
    bin.images++;
    bin.confidence += confidence;
    if (row.indexOf(confidence) === label) bin.right++;
  }
  const bins = sums.map(({ images, confidence, right }, index) => ({
    from: index / BINS,
    to: (index + 1) / BINS,
    images,
    confidence: confidence / Math.max(1, images),
    accuracy: right / Math.max(1, images),
  }));
  const error = bins.reduce((total, bin) => total + bin.images * Math.abs(bin.confidence - bin.accuracy), 0);
  return { error: error / labels.length, bins };
}
