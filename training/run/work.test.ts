import fc from 'fast-check';
import { expect, test } from 'vitest';
import { airbenchNet } from '../nets/airbench.ts';
import { workOf } from './work.ts';

const net = airbenchNet([64, 256, 256]);

test('a step on smaller images is as much work as it has fewer operations', () => {
  const growing = workOf(net, { resolutions: [24, 28, 32] });
  expect(growing.isWhole).toBe(false);
  const steps = Array.from({ length: 9 }, (_, step) => growing.of(step, 9).toFixed(3));
  expect(steps).toEqual([
    ...['0.522', '0.522', '0.522'],
    ...['0.755', '0.755', '0.755'],
    ...['1.000', '1.000', '1.000'],
  ]);
  const whole = workOf(net, { resolutions: 'whole' });
  expect([whole.isWhole, whole.of(3, 9), whole.from(3, 9), whole.stepsWithin(3, 6.5)]).toEqual([true, 1, 6, 9]);
});

test('the work of what is left is the sum of its steps, and the longest run within it is found', () => {
  const resolutions = fc.constantFrom([24, 32], [24, 24, 24, 28, 28, 28, 32, 32, 32], [16, 28, 28, 32, 32]);
  fc.assert(
    fc.property(resolutions, fc.integer({ min: 1, max: 200 }), fc.nat({ max: 199 }), (sizes, steps, before) => {
      const work = workOf(net, { resolutions: sizes });
      const step = before % steps;
      let sum = 0;
      for (let at = step; at < steps; at++) sum += work.of(at, steps);
      expect(work.from(step, steps)).toBeCloseTo(sum, 9);
      const longest = work.stepsWithin(step, sum + 1e-6);
      expect(longest).toBeGreaterThanOrEqual(steps);
      if (longest > step + 1) expect(work.from(step, longest)).toBeLessThanOrEqual(sum + 1e-6);
      expect(work.from(step, longest + 1)).toBeGreaterThan(sum + 1e-6);
    }),
  );
});
