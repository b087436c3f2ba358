import { expect, test } from 'vitest';
import { meanInterval95, quantile } from './statistics.ts';

test('a quantile is one of the values, at the index of its share', () => {
  const values = Array.from({ length: 100 }, (_, index) => index);
  expect(quantile(values, 0.5)).toBe(50);
  expect(quantile(values, 0.99)).toBe(99);
  expect(quantile(values, 1)).toBe(99);
});

test('the interval of a mean is that of Student for so few values', () => {
  const { mean, interval95 } = meanInterval95([1, 2, 3, 4, 5]);
  expect(mean).toBe(3);
  expect(interval95).toEqual([expect.closeTo(1.0368, 3), expect.closeTo(4.9632, 3)]);
  expect(meanInterval95([0.5])).toEqual({ mean: 0.5, interval95: [0.5, 0.5] });
});
