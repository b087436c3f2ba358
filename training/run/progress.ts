import * as z from 'zod/mini';
import { HistoryRow } from '../record/history.ts';

/** One time that a run diverged and went back. */
export const Recovery = z.object({
  /** Steps done when it diverged. */
  from: z.number(),
  /** The step that it went back to. */
  to: z.number(),
  /** The observation, such as `the loss is NaN`. */
  reason: z.string(),
});
export type Recovery = z.infer<typeof Recovery>;

/** What is remembered of the losses so far, to detect a divergence. */
export const LossWatch = z.object({
  /** The loss of the run's first step; null before it. */
  first: z.nullable(z.number()),
  /** Consecutive steps whose loss was far above it. */
  farSteps: z.number(),
});
export type LossWatch = z.infer<typeof LossWatch>;

const seconds = z.number().check(z.nonnegative());

/**
 * The state of a run, besides the engine's tensors. There is no random state: random numbers are keyed by seed, epoch and
 * step, so the step alone decides what comes next, the order of the images included.
 */
export const Progress = z.object({
  /** Steps done. */
  step: z.number().check(z.int(), z.nonnegative()),
  /** Where the run and its schedule end: as the recipe says, or fitted to a budget, or cut short. */
  steps: z.number().check(z.int(), z.positive()),
  /** Work of all steps, those that were undone by a recovery included; absent where each is a unit (`work.ts`). */
  work: z.optional(z.number().check(z.nonnegative())),
  /** Sums over all attempts. */
  trainingSeconds: seconds,
  wallSeconds: seconds,
  history: z.array(HistoryRow),
  /** Sum and number of the losses since the last row of the history. */
  lossSum: z.number(),
  lossSteps: z.number(),
  losses: LossWatch,
  recoveries: z.array(Recovery),
  /** Updates of the average of the run's last steps; absent where there is none. */
  averaged: z.exactOptional(z.number().check(z.int(), z.nonnegative())),
  /** The time of the last step; null before it. It goes into the version, so that a run interrupted later publishes the same. */
  trainedAt: z.nullable(z.iso.datetime()),
});
export type Progress = z.infer<typeof Progress>;

/** The progress of a run that has not begun. @param steps planned */
export function newProgress(steps: number): Progress {
  return {
    step: 0,
    steps,
    trainingSeconds: 0,
    wallSeconds: 0,
    history: [],
    lossSum: 0,
    lossSteps: 0,
    losses: { first: null, farSteps: 0 },
    recoveries: [],
    trainedAt: null,
  };
}

/** For the record: images of the steps, each counted by its work. @returns `undefined` where each image is a unit of work */
export function imageStepsOf({ work }: Pick<Progress, 'work'>, batchSize: number): number | undefined {
  return work === undefined ? undefined : Math.round(work * batchSize);
}
