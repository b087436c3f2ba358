import * as z from 'zod/mini';
import { HistoryRow } from '../record/history.ts';

/** Once that a run went back. */
export const Recovery = z.object({
  /** Steps done when it diverged, and those that it went back to. */
  from: z.number(),
  to: z.number(),
  /** What was seen. */
  reason: z.string(),
});
export type Recovery = z.infer<typeof Recovery>;

/** What is known of the losses so far, to tell a divergence by. */
export const LossWatch = z.object({
  /** Of the first step of the run; null before. */
  first: z.nullable(z.number()),
  /** Steps in a row whose loss was far above it. */
  farSteps: z.number(),
});
export type LossWatch = z.infer<typeof LossWatch>;

const seconds = z.number().check(z.nonnegative());

/**
 * How far a run is, besides the engine's tensors. There is no random state: numbers are keyed by seed, epoch and step, so
 * the step alone says what comes next, the order of the images included.
 */
export const Progress = z.object({
  /** Steps done. */
  step: z.number().check(z.int(), z.nonnegative()),
  /** When the run ends and the schedule is run out: as the recipe says, or fitted to a budget, or cut short. */
  steps: z.number().check(z.int(), z.positive()),
  /** Over all attempts. */
  trainingSeconds: seconds,
  wallSeconds: seconds,
  history: z.array(HistoryRow),
  /** Of the steps since the last row of the history. */
  lossSum: z.number(),
  lossSteps: z.number(),
  losses: LossWatch,
  recoveries: z.array(Recovery),
  /** When the last step was done; null before. A run that is interrupted after it makes the same version all the same. */
  trainedAt: z.nullable(z.iso.datetime()),
});
export type Progress = z.infer<typeof Progress>;
