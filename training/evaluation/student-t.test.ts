import { expect, test } from 'vitest';
import { criticalT, twoSidedT } from './student-t.ts';

test.each([
  // scipy.stats.t.ppf((1 + level) / 2, degrees), SciPy 1.17.1
  [0.95, 1, 12.706204736174694],
  [0.95, 2, 4.302652729749462],
  [0.95, 2.7, 3.3921483831737507],
  [0.95, 9, 2.262157162798205],
  [0.95, 63.5, 1.9980326480522923],
  [0.99, 4, 4.604094871349992],
  [0.95, 4999, 1.9604386466615247],
])('the interval at level %d with %d degrees of freedom', (level, degrees, t) => {
  expect(criticalT(level, degrees)).toBeCloseTo(t, 10);
});

test.each([
  // 2 * scipy.stats.t.sf(t, degrees)
  [0.5, 1, 0.7048327646991335],
  [2.3, 2, 0.14814814814814817],
  [-2.3, 2.7, 0.11473425204306327],
  [4.1, 9, 0.0026767060812376733],
  [1.96, 4999, 0.05005126338728737],
  [12, 3, 0.0012450158007893362],
  [0, 5, 1],
])('the probability of t = %d with %d degrees of freedom', (t, degrees, probability) => {
  expect(twoSidedT(t, degrees)).toBeCloseTo(probability, 12);
});
