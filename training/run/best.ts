import * as z from 'zod/mini';
import type { NamedTensor } from '../nets/named-tensor.ts';
import { Validation } from '../record/history.ts';

/** The epoch end that validated best so far, whose weights are kept; the latest one if no images are held out. */
export const BestEpoch = z.object({ step: z.number(), epoch: z.number(), validation: z.nullable(Validation) });
export type BestEpoch = z.infer<typeof BestEpoch>;

export interface Best extends BestEpoch {
  /** The result of `Engine.weights` at that time. */
  readonly weights: readonly NamedTensor[];
}

/** Whether a validation is more accurate, or as accurate with a smaller loss. Without one, the later epoch is better. */
export function isBetter(validation: Validation | null, than: BestEpoch | undefined): boolean {
  if (!validation || !than?.validation) return true;
  const { accuracy, loss } = than.validation;
  return validation.accuracy > accuracy || (validation.accuracy === accuracy && validation.loss < loss);
}

/** Whether `patience` epochs have passed without a better one. 0 is endless patience. */
export function isOutOfPatience(patience: number, epoch: number, best: BestEpoch | undefined): boolean {
  return patience > 0 && best !== undefined && epoch - best.epoch >= patience;
}
