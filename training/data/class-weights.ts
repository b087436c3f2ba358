import type { Labels } from './labels.ts';

/**
 * What an image of each class counts in the loss. The mean over all images is 1, so learning rates mean the same with and without
 * weights. A class without images has the weight 1.
 *
 * `balanced`: n / (k nₑ) for a class with nₑ of the n images, among k classes that have any: every class counts the same in all.
 * `sqrt`: in proportion to the square root of that.
 *
 * @returns `undefined` where every image counts the same
 * @see compute_class_weight of scikit-learn
 */
export function classWeightsOf(
  kind: 'none' | 'balanced' | 'sqrt',
  labels: Labels,
  classes: number,
): readonly number[] | undefined {
  const counts = new Array<number>(classes).fill(0);
  for (const label of labels) counts[label]!++;
  const present = counts.filter((count) => count > 0);
  if (kind === 'none' || new Set(present).size <= 1) return undefined;
  const balanced = counts.map((count) => (count === 0 ? 1 : labels.length / (present.length * count)));
  if (kind === 'balanced') return balanced;
  const roots = balanced.map(Math.sqrt);
  const mean = counts.reduce((sum, count, index) => sum + count * roots[index]!, 0) / labels.length;
  return counts.map((count, index) => (count === 0 ? 1 : roots[index]! / mean));
}
