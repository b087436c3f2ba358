import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { scheduleFactor } from './schedule.ts';

describe('scheduleFactor', () => {
  const triangle = { kind: 'triangle', start: 0.2, peak: 0.25, end: 0.05 } as const;

  test('a constant is 1', () => {
    expect(scheduleFactor({ kind: 'constant' }, 7, 10)).toBe(1);
  });

  test('a triangle starts, peaks and ends where it says', () => {
    const factors = [0, 25, 100].map((step) => scheduleFactor(triangle, step, 100));
    expect(factors[0]).toBeCloseTo(0.2);
    expect(factors[1]).toBe(1);
    expect(factors[2]).toBeCloseTo(0.05);
  });

  test('a triangle rises, then falls, and stays within 0 and 1, however short the run', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.double({ min: 0, max: 0.99, noNaN: true }), (steps, peak) => {
        const top = Math.floor(peak * steps);
        let last = 0;
        for (let step = 0; step < steps; step++) {
          const factor = scheduleFactor({ ...triangle, peak }, step, steps);
          expect(factor).toBeGreaterThan(0);
          expect(factor).toBeLessThanOrEqual(1);
          if (step > 0) expect(factor > last).toBe(step <= top);
          last = factor;
        }
      }),
    );
  });
});
