import type { Recipe } from '../recipe/recipes.ts';
import type { Progress } from './progress.ts';
import type { Work } from './work.ts';

/** First steps of a process, which are not measured: in them kernels are chosen and memory is allocated. */
const UNCOUNTED_STEPS = 2;
/** Steps measured before the first fit, unless they take a tenth of the budget. */
const MEASURED_STEPS = 8;
/** The pace, in seconds for a unit of work, is the mean of this many steps. */
const PACE_STEPS = 16;
/** The share of the budget that a fit aims at: a step may take longer than those before it. */
const AIM = 0.99;
/** A run is lengthened only if it would end before this share of the budget, so that small changes have no effect. */
const EARLIEST = 0.97;

/** A budget needs this many steps, so that there are some to measure. */
const FEWEST_STEPS = UNCOUNTED_STEPS + MEASURED_STEPS + 1;

/** The number of steps of a new run; a budget fits it later. */
export function plannedSteps({ epochs, budget }: Pick<Recipe, 'epochs' | 'budget'>, stepsPerEpoch: number): number {
  const steps = Math.ceil(epochs * stepsPerEpoch);
  return budget > 0 ? Math.max(steps, FEWEST_STEPS) : steps;
}

export interface Budget {
  /** Reports how many seconds a step took, and how much work it was. */
  add(seconds: number, work?: number): void;
  /**
   * The total number of steps with which the training ends within the budget, and not long before.
   *
   * @returns at least one more than are done, with which the schedule ends also where a step has exceeded the budget; `progress.steps`
   * as long as that fits
   */
  fit(progress: Pick<Progress, 'step' | 'steps' | 'trainingSeconds'>): number;
}

/**
 * Fits the number of steps to a time, and with it the schedule, which is a function of the share of the steps done and so
 * ends when the time does.
 *
 * @param seconds of training: steps and their batches, summed over all attempts of the run
 * @param work of the steps
 */
export function openBudget(seconds: number, work: Work): Budget {
  let steps = 0;
  let measured = 0;
  let recent: number[] = [];
  return {
    add(took, of = 1) {
      steps++;
      measured += took;
      recent = steps <= UNCOUNTED_STEPS + 1 ? [took / of] : [...recent, took / of].slice(-PACE_STEPS);
    },
    fit({ step, steps: planned, trainingSeconds }) {
      const isMeasured = steps >= UNCOUNTED_STEPS + MEASURED_STEPS || measured > seconds / 10;
      if (!isMeasured && step + 1 < planned) return planned;
      const done = work.from(0, planned) - work.from(step, planned);
      const pace = recent.length > 0 ? mean(recent) : trainingSeconds / done;
      const end = trainingSeconds + pace * work.from(step, planned);
      if (end <= seconds && end >= EARLIEST * seconds) return planned;
      return work.stepsWithin(step, (AIM * seconds - trainingSeconds) / pace);
    },
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
