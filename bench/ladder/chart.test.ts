import { expect, test } from 'vitest';
import { timeToAccuracyChart } from './chart.ts';

test('the chart names every point, and a better and a later one lies higher and farther to the right', () => {
  const series = [
    {
      name: 'ours',
      points: [
        { name: 'quick & dirty', seconds: 95, accuracy: 0.8917, half: 0.002 },
        { name: 'minute', seconds: 39, accuracy: 0.8526 },
      ],
    },
  ];
  const svg = timeToAccuracyChart(series, [{ name: 'a record', seconds: 2, accuracy: 0.94 }], { machine: 'two cores' });
  const circles = [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)" r="4"/g)].map(([, x, y]) => [
    Number(x),
    Number(y),
  ]);
  const [minute, quick] = circles as [number[], number[]];
  expect(quick[0]!).toBeGreaterThan(minute[0]!);
  expect(quick[1]!).toBeLessThan(minute[1]!);
  for (const name of ['quick &amp; dirty', 'minute', 'a record', 'two cores', 'ours']) expect(svg).toContain(name);
  expect(svg).not.toMatch(/NaN|undefined|var\(/);
});

test('half the errors is the same step upwards, wherever it begins', () => {
  const accuracies = [0.8, 0.9, 0.95];
  const points = accuracies.map((accuracy, index) => ({ name: `run ${index}`, seconds: 10 ** index, accuracy }));
  const svg = timeToAccuracyChart([{ name: 'ours', points }], [], { machine: 'two cores' });
  const [first, second, third] = [...svg.matchAll(/<circle cx="[\d.]+" cy="([\d.]+)" r="4"/g)].map(([, y]) =>
    Number(y),
  );
  expect(first! - second!).toBeGreaterThan(50);
  expect(second! - third!).toBeCloseTo(first! - second!, 3);
});

test('an interval that goes beyond all accuracies ends at the axis', () => {
  const points = [{ name: 'two seeds', seconds: 10, accuracy: 0.94, half: 0.95 }];
  const svg = timeToAccuracyChart([{ name: 'ours', points }], [], { machine: 'two cores' });
  expect(svg).not.toMatch(/NaN|Infinity/);
});

test('names of points that lie close are written below each other and below the marks that they would cover', () => {
  const records = [
    { name: 'one record', seconds: 1.83, accuracy: 0.94 },
    { name: 'another record', seconds: 1.98, accuracy: 0.9402 },
    { name: 'a slow one', seconds: 10_000, accuracy: 0.9405 },
  ];
  const svg = timeToAccuracyChart([], records, { machine: 'none' });
  const heights = records.map(({ name }) => Number(new RegExp(`y="([\\d.]+)"[^>]*>${name}<`).exec(svg)![1]));
  expect(Math.abs(heights[0]! - heights[1]!)).toBeGreaterThanOrEqual(13);
  expect(Math.abs(heights[1]! - heights[2]!)).toBeLessThan(13);
});
