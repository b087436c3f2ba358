import * as z from 'zod/mini';
import type { NamedTensor } from '../nets/named-tensor.ts';
import { Validation } from '../record/history.ts';

/** The end of an epoch whose weights are kept besides the last ones; where nothing is held out, the latest end. */
export const BestEpoch = z.object({ step: z.number(), epoch: z.number(), validation: z.nullable(Validation) });
export type BestEpoch = z.infer<typeof BestEpoch>;

export interface Best extends BestEpoch {
  /** As `Engine.weights` gives them. */
  readonly weights: readonly NamedTensor[];
}

/** More of the held-out images, or as many with a smaller loss. Without validation the later is the better. */
export function isBetter(validation: Validation | null, than: BestEpoch | undefined): boolean {
  if (!validation || !than?.validation) return true;
  const { accuracy, loss } = than.validation;
  return validation.accuracy > accuracy || (validation.accuracy === accuracy && validation.loss < loss);
}

/** Whether so many epochs (0: never) have gone by without a better one. */
export function isOutOfPatience(patience: number, epoch: number, best: BestEpoch | undefined): boolean {
  return patience > 0 && best !== undefined && epoch - best.epoch >= patience;
}
