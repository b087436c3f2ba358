import type { Calibration } from './calibration.ts';
import type { Averages, ClassFigures, Confusion } from './class-figures.ts';
import type { Ranking } from './ranking.ts';

/** The result of one pass over a split, in which every image counts once. Fractions are in [0, 1]. */
export interface Evaluation {
  readonly images: number;
  /** Top-1 accuracy. */
  readonly plain: number;
  /** Top-1 accuracy with test-time augmentation; absent if images were classified unchanged only. */
  readonly tta?: number;
  /** Top-1 accuracy with test-time augmentation of the least sure quarter of the images alone; absent if that was not asked for. */
  readonly selectiveTta?: number;
  /** The share of images whose class is among the best `k`: five, or all but one of fewer classes. */
  readonly top: { readonly k: number; readonly accuracy: number };
  /** Interval of `plain`. */
  readonly interval95: readonly [low: number, high: number];
  /** By class index: the share of its images that is classified correctly; 0 for a class without images. */
  readonly perClass: readonly number[];
  /** By class index. */
  readonly figures: readonly ClassFigures[];
  readonly macro: Averages;
  readonly weighted: Averages;
  /** Absent where there are too few images or too many classes for it. */
  readonly ranking?: Ranking;
  /** The most frequent mistakes. */
  readonly confusions: readonly Confusion[];
  /** Number of images by class (row) and answer (column); no rows for more than 1,000 classes. */
  readonly confusion: readonly (readonly number[])[];
  /** Mean cross-entropy, at the temperature. */
  readonly loss: number;
  /** Calibration of softmax(logits), and of softmax(logits / temperature). */
  readonly calibration: { readonly before: Calibration; readonly after: Calibration };
  /** `[images, classes]`, without augmentation. */
  readonly logits: Float32Array;
}
