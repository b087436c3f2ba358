import type { SweepResult } from '#models/plans/sweep-result.ts';

/** By what runs and groups of runs are ranked. */
export interface HeldOutScore {
  /** The mean, from 0 to 1. */
  readonly accuracy: number;
  /** The mean. */
  readonly loss: number;
}

/** Of runs that have ended: one that diverged gets nothing right, with an infinite loss. Without a run, the accuracy is 0. */
export function heldOutScore(results: readonly SweepResult[]): HeldOutScore {
  let [accuracy, loss] = [0, 0];
  for (const { heldOut } of results) {
    accuracy += (heldOut?.accuracy ?? 0) / results.length;
    loss += (heldOut?.loss ?? Number.POSITIVE_INFINITY) / results.length;
  }
  return { accuracy, loss };
}

/** For sorting, the best first: by the accuracy, then by the loss. */
export function compareScores(one: HeldOutScore, other: HeldOutScore): number {
  if (one.accuracy !== other.accuracy) return other.accuracy - one.accuracy;
  return one.loss === other.loss ? 0 : one.loss - other.loss;
}
