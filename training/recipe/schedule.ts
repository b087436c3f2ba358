/** How the learning rate goes over a run, as a share of its peak. */
export type Schedule =
  | { readonly kind: 'constant' }
  /** Up in a straight line to 1 at `peak`, a share of the steps, and down again. */
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
