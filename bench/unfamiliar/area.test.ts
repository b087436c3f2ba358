import { expect, test } from 'vitest';
import { ranking } from '#training/evaluation/ranking.ts';
import { random } from '#training/random/random.ts';
import { rankSum } from './area.ts';

test('the area is that of scikit-learn’s example, and that which the report draws, equal scores included', () => {
  expect(rankSum(Float64Array.of(0.1, 0.4), Float64Array.of(0.35, 0.8))).toBe(0.75);
  expect(rankSum(Float64Array.of(1, 1), Float64Array.of(1))).toBe(0.5);
  const draw = random(1);
  const labels = Uint8Array.from({ length: 500 }, () => draw.integer(2));
  const scores = Float64Array.from(labels, (label) => (draw.integer(20) + 4 * label) / 32);
  const answers = Float64Array.from({ length: 1000 }, (_, at) =>
    at % 2 === 1 ? scores[at >> 1]! : 1 - scores[at >> 1]!,
  );
  const of = (wanted: number) => scores.filter((_, image) => labels[image] === wanted);
  expect(rankSum(of(0), of(1))).toBeCloseTo(ranking(answers, labels, 2)!.perClass[1]!.auc, 12);
});
