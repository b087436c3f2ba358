import { criticalT } from '#training/evaluation/student-t.ts';

/**
 * The quantile by nearest rank: always one of the values.
 *
 * @param share from 0 to 1; 0.5 gives the median (the upper one of an even count)
 */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}

/**
 * The mean of some measurements, and the interval that contains the true one in 95 of 100 cases if they are normal.
 *
 * @param values at least one; of one value the interval is that value, which says nothing
 */
export function meanInterval95(values: readonly number[]): { mean: number; interval95: [low: number, high: number] } {
  const { length } = values;
  const mean = values.reduce((sum, value) => sum + value, 0) / length;
  if (length < 2) return { mean, interval95: [mean, mean] };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (length - 1);
  const reach = criticalT(0.95, length - 1) * Math.sqrt(variance / length);
  return { mean, interval95: [mean - reach, mean + reach] };
}
