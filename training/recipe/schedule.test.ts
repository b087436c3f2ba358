import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { recipes } from './recipes.ts';
import { scheduleFactor, schedules } from './schedule.ts';

type Settings = Parameters<typeof scheduleFactor>[0];

const settings: Settings = { ...recipes.seed, startLearningRate: 0.2, peak: 0.25, endLearningRate: 0.05 };

/** The factors of these of 100 steps. */
const factorsOf = (changes: Partial<Settings>, steps: readonly number[]) =>
  steps.map((step) => scheduleFactor({ ...settings, ...changes }, { step, steps: 100, history: [] }));

const validated = (...losses: readonly (number | null)[]) =>
  losses.map((loss) => ({ validation: loss === null ? null : { loss } }));

describe('scheduleFactor', () => {
  test('constant is 1', () => {
    expect(factorsOf({ schedule: 'constant' }, [0, 7, 99])).toEqual([1, 1, 1]);
  });

  test('triangle starts, peaks and ends where it says, in straight lines', () => {
    const factors = factorsOf({ schedule: 'triangle' }, [0, 5, 25, 55, 100]);
    for (const [index, factor] of [0.2, 0.36, 1, 0.62, 0.05].entries()) expect(factors[index]).toBeCloseTo(factor);
  });

  test('cosine falls slowly at first and in the end, and is halfway when a triangle is', () => {
    const factors = factorsOf({ schedule: 'cosine', peak: 0, endLearningRate: 0 }, [0, 25, 50, 75, 100]);
    for (const [index, factor] of [1, (2 + Math.SQRT2) / 4, 0.5, (2 - Math.SQRT2) / 4, 0].entries()) {
      expect(factors[index]).toBeCloseTo(factor);
    }
    expect(factorsOf({ schedule: 'cosine' }, [0, 100])).toEqual([0.2, 0.05]);
  });

  test('one-cycle takes as long down as up, and then falls from its start to its end', () => {
    const factors = factorsOf(
      { schedule: 'one-cycle', peak: 0.4, endLearningRate: 0.01 },
      [0, 20, 40, 60, 80, 90, 100],
    );
    for (const [index, factor] of [0.2, 0.6, 1, 0.6, 0.2, 0.105, 0.01].entries()) {
      expect(factors[index]).toBeCloseTo(factor);
    }
  });

  test.each(['triangle', 'cosine', 'one-cycle'] as const)(
    '%s stays at its end for the last share of the steps',
    (schedule) => {
      const factors = factorsOf({ schedule, floorLast: 0.2 }, [79, 80, 90, 99]);
      expect(factors[0]).toBeGreaterThan(0.05);
      expect(factors.slice(1)).toEqual([0.05, 0.05, 0.05]);
    },
  );

  test('step lowers at each share of the steps: "after epoch 170" of 200', () => {
    expect(factorsOf({ schedule: 'step', lowerAt: [0.85], lowerBy: 0.1 }, [0, 84, 85, 99])).toEqual([1, 1, 0.1, 0.1]);
    expect(factorsOf({ schedule: 'step', lowerAt: [0.5, 0.75], lowerBy: 0.5 }, [49, 50, 75])).toEqual([1, 0.5, 0.25]);
  });

  test.each([
    ['no validation yet', validated(), 0],
    ['losses that fall', validated(1, 0.9, 0.8, 0.7), 0],
    ['one that does not', validated(1, 1.1), 0],
    ['as many in a row as its patience', validated(1, 1.1, 1), 1],
    ['points without a validation in between', validated(1, null, 1.1, null, 1), 1],
    ['a fall that is too small to notice', validated(1, 0.99995, 0.99991), 1],
    ['a smaller one in between', validated(1, 1.1, 0.9, 1, 0.8), 0],
    ['two plateaus, with what was smallest before the first', validated(1, 2, 2, 1.5, 1.5), 2],
  ])('plateau, after %s', (_, history, times) => {
    const plateau = { ...settings, schedule: 'plateau', lowerPatience: 2, lowerBy: 0.5 } as const;
    expect(scheduleFactor(plateau, { step: 9, steps: 10, history })).toBe(0.5 ** times);
  });

  test('a triangle rises, then falls, and stays within 0 and 1, however short the run', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.double({ min: 0, max: 0.99, noNaN: true }), (steps, peak) => {
        const top = Math.floor(peak * steps);
        const triangle = { ...settings, schedule: 'triangle', peak } as const;
        const factors = Array.from({ length: steps }, (_, step) =>
          scheduleFactor(triangle, { step, steps, history: [] }),
        );
        expect(factors.every((factor) => factor > 0 && factor <= 1)).toBe(true);
        expect(factors.every((factor, step) => step === 0 || factor > factors[step - 1]! === step <= top)).toBe(true);
      }),
    );
  });

  test('is a number above 0 and up to 1, whatever the settings and however short the run', () => {
    const share = (max: number) => fc.double({ min: 0.001, max, noNaN: true });
    const anySettings = fc.record({
      ...{ schedule: fc.constantFrom(...schedules), startLearningRate: share(1), endLearningRate: share(1) },
      ...{ peak: share(0.5), floorLast: share(0.99), lowerBy: share(1) },
    });
    fc.assert(
      fc.property(anySettings, fc.integer({ min: 1, max: 60 }), (changes, steps) => {
        const history = validated(...new Array<number>(steps).fill(1));
        const factors = history.map((_, step) =>
          scheduleFactor({ ...settings, ...changes }, { step, steps, history: history.slice(0, step) }),
        );
        expect(factors.every((factor) => factor > 0 && factor <= 1 + 1e-12)).toBe(true);
      }),
    );
  });
});
