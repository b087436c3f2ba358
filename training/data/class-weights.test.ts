import { describe, expect, test } from 'vitest';
import { classWeightsOf } from './class-weights.ts';

const labelsOf = (counts: readonly number[]) =>
  Uint8Array.from(counts.flatMap((count, label) => new Array<number>(count).fill(label)));

describe('class weights', () => {
  // compute_class_weight('balanced', classes=[0, 1, 2], y=[0] * 6 + [1] * 3 + [2]) of scikit-learn 1.7
  test('balanced are those of scikit-learn', () => {
    expect(classWeightsOf('balanced', labelsOf([6, 3, 1]), 3)).toEqual([10 / 18, 10 / 9, 10 / 3]);
  });

  test('sqrt are in proportion to the roots of those', () => {
    const weights = classWeightsOf('sqrt', labelsOf([6, 3, 1]), 3)!;
    expect(weights[1]! / weights[0]!).toBeCloseTo(Math.sqrt(2), 12);
    expect(weights[2]! / weights[0]!).toBeCloseTo(Math.sqrt(6), 12);
  });

  test.each(['balanced', 'sqrt'] as const)('%s have the mean 1 over the images, a class without any apart', (kind) => {
    const counts = [6, 0, 3, 40];
    const weights = classWeightsOf(kind, labelsOf(counts), 4)!;
    expect(weights[1]).toBe(1);
    const mean = counts.reduce((sum, count, label) => sum + count * weights[label]!, 0) / 49;
    expect(mean).toBeCloseTo(1, 12);
  });

  test.each([
    ['none', [6, 3, 1]],
    ['balanced', [5, 5, 5]],
    ['sqrt', [5, 5, 0]],
  ] as const)('%s of %j images are none: every image counts the same', (kind, counts) => {
    expect(classWeightsOf(kind, labelsOf(counts), 3)).toBeUndefined();
  });
});
