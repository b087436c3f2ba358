import { expect, test } from 'vitest';
import { random } from '../random/random.ts';
import { calibration } from './calibration.ts';

test('the error is the mean distance of confidence and accuracy, by hand', () => {
  // Two answers of 0.9, one right; two of 0.6, both right: (2 · 0.4 + 2 · 0.4) / 4.
  const answers = Float64Array.of(0.9, 0.1, 0.1, 0.9, 0.6, 0.4, 0.4, 0.6);
  const { error, bins } = calibration(answers, Uint8Array.of(0, 0, 0, 1));
  expect(error).toBeCloseTo(0.4, 12);
  expect(bins.filter(({ images }) => images > 0)).toEqual([
    { from: 8 / 15, to: 9 / 15, images: 2, confidence: expect.closeTo(0.6), accuracy: 1 },
    { from: 13 / 15, to: 14 / 15, images: 2, confidence: expect.closeTo(0.9), accuracy: 0.5 },
  ]);
});

test('answers that are correct as often as their probability says have nearly no error, overconfident ones have', () => {
  const draw = random(1);
  const count = 30_000;
  const claims = Array.from({ length: count }, () => 0.5 + draw.uniform() / 2);
  const labels = Uint8Array.from(claims, (claim) => (draw.uniform() < claim ? 0 : 1));
  const honest = Float64Array.from(claims.flatMap((claim) => [claim, 1 - claim]));
  expect(calibration(honest, labels).error).toBeLessThan(0.015);
  const bragging = Float64Array.from(claims.flatMap((claim) => [1 - (1 - claim) / 4, (1 - claim) / 4]));
  expect(calibration(bragging, labels).error).toBeGreaterThan(0.15);
});

test('certainty and impossibility have a bin', () => {
  const { error, bins } = calibration(Float64Array.of(1, 0, 1, 0), Uint8Array.of(0, 1));
  expect(error).toBe(0.5);
  expect(bins.at(-1)).toMatchObject({ images: 2, to: 1 });
});
