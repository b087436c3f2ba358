import fc from 'fast-check';
import { expect, test } from 'vitest';
import { airbenchNet } from '../nets/airbench.ts';
import { openBudget, plannedSteps } from './budget.ts';
import { type Work, workOf } from './work.ts';

const net = airbenchNet([64, 256, 256]);
const whole = workOf(net, { resolutions: 'whole' });

/** Runs a whole budget on a machine whose steps take what `secondsOf` says. */
function spend(seconds: number, secondsOf: (step: number) => number, planned = 100, work: Work = whole) {
  const budget = openBudget(seconds, work);
  const progress = { step: 0, steps: plannedSteps({ epochs: planned, budget: seconds }, 1), trainingSeconds: 0 };
  let fits = 0;
  while (progress.step < progress.steps) {
    const steps = budget.fit(progress);
    if (steps !== progress.steps) fits++;
    progress.steps = steps;
    const of = work.of(progress.step, progress.steps);
    const took = of * secondsOf(progress.step++);
    progress.trainingSeconds += took;
    budget.add(took, of);
  }
  return { ...progress, fits };
}

test('a steady machine is fitted once, whatever the recipe had planned', () => {
  for (const planned of [1, 12, 100, 100_000]) {
    const { trainingSeconds, steps, fits } = spend(60, () => 0.25, planned);
    expect(trainingSeconds).toBeGreaterThanOrEqual(58);
    expect(trainingSeconds).toBeLessThanOrEqual(60);
    expect(steps).toBe(Math.floor((0.99 * 60) / 0.25));
    expect(fits).toBe(1);
  }
});

test('a run whose images grow is fitted to what its later steps will take', () => {
  const growing = workOf(net, { resolutions: [24, 28, 32] });
  const { trainingSeconds, steps, fits } = spend(60, () => 0.25, 100, growing);
  expect(trainingSeconds).toBeGreaterThanOrEqual(58);
  expect(trainingSeconds).toBeLessThanOrEqual(60);
  expect(steps).toBeGreaterThan(1.3 * spend(60, () => 0.25).steps);
  expect(fits).toBe(1);
});

test('the first steps, in which kernels are chosen, say nothing of the pace', () => {
  expect(spend(60, (step) => (step < 2 ? 3 : 0.2)).fits).toBeLessThanOrEqual(2);
});

test('a machine that becomes slower, or faster, is fitted again', () => {
  for (const later of [0.5, 0.1]) {
    const { trainingSeconds } = spend(60, (step) => (step < 60 ? 0.25 : later));
    expect(trainingSeconds).toBeGreaterThan(57);
    expect(trainingSeconds).toBeLessThanOrEqual(60);
  }
});

test('however noisy, a run ends within its budget but for the step that exceeds it and the last of its schedule', () => {
  const noise = fc.array(fc.double({ min: 0.5, max: 2, noNaN: true }), { minLength: 1, maxLength: 50 });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 300 }),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      noise,
      (seconds, pace, factors) => {
        const longest = pace * Math.max(...factors);
        const { trainingSeconds } = spend(seconds, (step) => pace * factors[step % factors.length]!, 1_000_000);
        expect(trainingSeconds).toBeLessThanOrEqual(seconds + 2 * longest);
        expect(trainingSeconds).toBeGreaterThan(0.9 * seconds - 3 * longest);
      },
    ),
    { numRuns: 50 },
  );
});
