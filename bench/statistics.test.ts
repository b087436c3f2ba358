import fc from 'fast-check';
import { expect, test } from 'vitest';
import { meanInterval95, median, quantile } from './statistics.ts';

test('the median is the middle value, or the mean of the two middle values', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(median([10])).toBe(10);
});

test('at most half of the values lie below the median, and at most half above', () => {
  const numbers = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(numbers, (values) => {
      const middle = median(values);
      const below = values.filter((value) => value < middle).length;
      const above = values.filter((value) => value > middle).length;
      expect(Math.max(below, above)).toBeLessThanOrEqual(values.length / 2);
    }),
  );
});

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
