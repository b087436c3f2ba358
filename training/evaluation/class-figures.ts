import type { Labels } from '../data/labels.ts';

/** How well a class is told from the others. Fractions in [0, 1]; 0 where there is nothing to divide by. */
export interface ClassFigures extends Averages {
  /** Test images of the class. */
  readonly support: number;
  /** Answers that are the class. */
  readonly answers: number;
}

export interface Averages {
  /** The share of the answers that are right. */
  readonly precision: number;
  /** The share of the images that are found. */
  readonly recall: number;
  /** The harmonic mean of the two. */
  readonly f1: number;
}

/** Images of one class that were taken for another. */
export interface Confusion {
  readonly label: number;
  readonly answer: number;
  readonly images: number;
}

/** @param answers `[N]` class indices @param labels `[N]` @returns one for each class */
export function classFigures(answers: Labels, labels: Labels, classes: number): ClassFigures[] {
  const [support, answered, right] = [new Uint32Array(classes), new Uint32Array(classes), new Uint32Array(classes)];
  for (const [image, label] of labels.entries()) {
    const answer = answers[image]!;
    support[label]!++;
    answered[answer]!++;
    if (answer === label) right[label]!++;
  }
  return Array.from(right, (hits, label) => ({
    support: support[label]!,
    answers: answered[label]!,
    precision: hits / Math.max(1, answered[label]!),
    recall: hits / Math.max(1, support[label]!),
    f1: (2 * hits) / Math.max(1, support[label]! + answered[label]!),
  }));
}

/**
 * Means over the classes, every class counting the same (macro), and every image (weighted). A class without images that was
 * never answered does not count, as in scikit-learn's `classification_report`.
 */
export function averagesOf(figures: readonly ClassFigures[]): {
  readonly macro: Averages;
  readonly weighted: Averages;
} {
  const counted = figures.filter(({ support, answers }) => support + answers > 0);
  const mean = (weight: (of: ClassFigures) => number): Averages => {
    const total = counted.reduce((sum, each) => sum + weight(each), 0);
    const of = (name: keyof Averages) => counted.reduce((sum, each) => sum + weight(each) * each[name], 0) / total;
    return { precision: of('precision'), recall: of('recall'), f1: of('f1') };
  };
  return { macro: mean(() => 1), weighted: mean(({ support }) => support) };
}

/** The pairs of classes that are confused most often, the most frequent first. */
export function topConfusions(answers: Labels, labels: Labels, most: number): Confusion[] {
  const counts = new Map<number, Confusion & { images: number }>();
  for (const [image, label] of labels.entries()) {
    const answer = answers[image]!;
    if (answer === label) continue;
    const key = label * 65_536 + answer; // Class indices have at most 16 bits.
    const pair = counts.get(key) ?? { label, answer, images: 0 };
    pair.images++;
    counts.set(key, pair);
  }
  return [...counts.values()]
    .sort((a, b) => b.images - a.images || a.label - b.label || a.answer - b.answer)
    .slice(0, most);
}
