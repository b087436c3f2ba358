import { describe, expect, test } from 'vitest';
import { recipes } from '../recipe/recipes.ts';
import type { Progress } from './progress.ts';
import { checkFinite, Diverged, recover, watchLoss } from './recovery.ts';

const watched = (losses: readonly number[]) => {
  const watch = { first: null, farSteps: 0 };
  for (const loss of losses) watchLoss(watch, loss, 10);
};
const steps = (count: number, loss: number) => Array.from({ length: count }, () => loss);

describe('a divergence', () => {
  test.each([
    ['a loss that is no number', [2.3, Number.NaN], 'the loss is NaN'],
    ['an infinite loss', [2.3, Number.POSITIVE_INFINITY], 'the loss is Infinity'],
    ['five steps far above guessing', [2.3, ...steps(5, 7)], 'the loss is 7.0, and was above 6.9 for 5 steps'],
    ['five steps far above a first loss that was above guessing', [20, ...steps(5, 61)], 'above 60.0'],
  ])('is %s', (_, losses, message) => {
    expect(() => watched(losses)).toThrow(Diverged);
    expect(() => watched(losses)).toThrow(message);
  });

  test.each([
    ['an odd batch now and then', [2.3, ...steps(4, 50), 2, ...steps(4, 50), 2]],
    ['a loss that begins high', [...steps(100, 30)]],
    ['one above guessing that stays there', [2.3, ...steps(100, 6)]],
  ])('is not %s', (_, losses) => {
    expect(() => watched(losses)).not.toThrow();
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('is a weight of %d', (value) => {
    const good = { name: 'good', shape: [2], data: Float32Array.of(1, -1) };
    const bad = { name: 'bad', shape: [2], data: Float32Array.of(1, value) };
    expect(() => checkFinite([good, bad])).toThrow('bad is no longer finite');
    expect(() => checkFinite([good])).not.toThrow();
  });
});

test('a run that goes back no longer counts as trained', () => {
  const progress = {
    ...{ step: 9, steps: 9, trainingSeconds: 1, wallSeconds: 1, history: [], lossSum: 1, lossSteps: 1, recoveries: [] },
    losses: { first: 2, farSteps: 0 },
    trainedAt: '2026-11-27T14:00:00.000Z',
  };
  expect(recover(progress, undefined, new Diverged('a slot is no longer finite'), recipes.quick)).toMatchObject({
    to: 0,
  });
  expect(progress).toMatchObject({ step: 0, trainedAt: null });
});

test.each(['auto', 'float16', 'float32'] as const)(
  'where nothing helps, float32 is advised if it is not that: %s',
  (precision) => {
    const progress = { step: 9, recoveries: [1, 2, 3].map((from) => ({ from, to: 0, reason: '' })) };
    const advice = () =>
      recover(progress as unknown as Progress, undefined, new Diverged('the loss is NaN'), {
        ...recipes.quick,
        precision,
      });
    expect(advice).toThrow('the loss is NaN');
    if (precision === 'float32') expect(advice).not.toThrow('--set precision');
    else expect(advice).toThrow('--set precision=float32, or less weightDecay');
  },
);
