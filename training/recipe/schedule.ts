/** The learning rate over a run, as a share of its peak. */
export type Schedule =
  | { readonly kind: 'constant' }
  /** Linear from `start` to 1 at `peak`, a share of the steps, then linear to `end`. */
  | { readonly kind: 'triangle'; readonly start: number; readonly peak: number; readonly end: number };

/**
 * @param step from 0 to `steps - 1`
 * @returns the factor of the learning rate in this step
 */
export function scheduleFactor(schedule: Schedule, step: number, steps: number): number {
  if (schedule.kind === 'constant') return 1;
  const { start, peak, end } = schedule;
  const top = Math.floor(peak * steps);
  if (step < top) return start + ((1 - start) * step) / top;
  return 1 + ((end - 1) * (step - top)) / (steps - top);
}
