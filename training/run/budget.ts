import type { Progress } from './progress.ts';

/** Steps of a process that are not counted: in them kernels are chosen and memory is taken. */
const UNCOUNTED_STEPS = 2;
/** Steps measured before the first fit, unless they take a tenth of the budget. */
const MEASURED_STEPS = 8;
/** Steps that the pace is the mean of. */
const PACE_STEPS = 16;
/** What a fit aims at, as a share of the budget: a step may take longer than those before it. */
const AIM = 0.99;
/** A run that would end earlier than this share of the budget is fitted again; else small changes leave it alone. */
const EARLIEST = 0.97;

/** Steps that a run must have at first, so that there is time to measure them. */
export const FEWEST_STEPS = UNCOUNTED_STEPS + MEASURED_STEPS + 1;

export interface Budget {
  /** Tells how long a step took. */
  add(seconds: number): void;
  /**
   * How many steps the run should have in all for its training seconds to end within the budget, and not long before.
   *
   * @returns at least one more than are done; as many as before while they fit
   */
  fit(progress: Pick<Progress, 'step' | 'steps' | 'trainingSeconds'>): number;
}

/**
 * Fits the number of steps to a time, and with it the schedule: a function of the share of the steps that are done, which
 * therefore runs out as the time does.
 *
 * @param seconds of training: steps and their batches, over all attempts of the run
 */
export function openBudget(seconds: number): Budget {
  let steps = 0;
  let measured = 0;
  let recent: number[] = [];
  return {
    add(took) {
      steps++;
      measured += took;
      recent = steps <= UNCOUNTED_STEPS + 1 ? [took] : [...recent, took].slice(-PACE_STEPS);
    },
    fit({ step, steps: planned, trainingSeconds }) {
      const isMeasured = steps >= UNCOUNTED_STEPS + MEASURED_STEPS || measured > seconds / 10;
      if (!isMeasured && step + 1 < planned) return planned;
      const pace = recent.length > 0 ? mean(recent) : trainingSeconds / step;
      const end = trainingSeconds + pace * (planned - step);
      if (end <= seconds && end >= EARLIEST * seconds) return planned;
      return step + Math.max(1, Math.floor((AIM * seconds - trainingSeconds) / pace));
    },
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
