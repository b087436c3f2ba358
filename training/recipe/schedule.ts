/** What the setting `schedule` may be. */
export const schedules = ['constant', 'triangle', 'cosine', 'one-cycle', 'step', 'plateau'] as const;

/** The settings of a recipe that say how the learning rate changes; `settings-schema.ts` says what each means. */
interface ScheduleSettings {
  readonly schedule: (typeof schedules)[number];
  readonly startLearningRate: number;
  readonly peak: number;
  readonly endLearningRate: number;
  readonly floorLast: number;
  readonly lowerAt: readonly number[];
  readonly lowerBy: number;
  readonly lowerPatience: number;
}

/** What a step knows of the run that it is in. */
export interface Position {
  /** From 0 to `steps - 1`. */
  readonly step: number;
  /** Of the whole run. */
  readonly steps: number;
  /** The points of the run before this step; `plateau` follows their held-out losses. */
  readonly history: readonly { readonly validation: { readonly loss: number } | null }[];
}

/**
 * The learning rate of a step, as a share of the highest one of the run.
 *
 * It follows from the settings, the position and the history alone: nothing is kept from step to step, so a run that is interrupted
 * resumes at the same rates.
 *
 * @see Smith and Topin 2017, arXiv:1708.07120 (one-cycle); Loshchilov and Hutter 2017, arXiv:1608.03983 (cosine)
 */
export function scheduleFactor(settings: ScheduleSettings, { step, steps, history }: Position): number {
  const { schedule, lowerAt, lowerBy } = settings;
  switch (schedule) {
    case 'constant':
      return 1;
    case 'step':
      return lowerBy ** lowerAt.filter((share) => step >= Math.floor(share * steps)).length;
    case 'plateau':
      return lowerBy ** plateausOf(settings, history);
    case 'triangle':
    case 'cosine':
    case 'one-cycle':
      return peaked(settings, step, steps);
  }
}

/** One way up, and one or two ways down. */
function peaked(
  { schedule, startLearningRate: start, peak, endLearningRate: end, floorLast }: ScheduleSettings,
  step: number,
  steps: number,
): number {
  const last = steps - Math.floor(floorLast * steps);
  if (step >= last) return end;
  const top = Math.floor(peak * steps);
  if (step < top) return start + ((1 - start) * step) / top;
  if (schedule === 'one-cycle') {
    const back = Math.min(2 * top, last);
    return step < back
      ? 1 + ((start - 1) * (step - top)) / (back - top)
      : start + ((end - start) * (step - back)) / (last - back);
  }
  if (schedule === 'cosine') return end + ((1 - end) * (1 + Math.cos((Math.PI * (step - top)) / (last - top)))) / 2;
  return 1 + ((end - 1) * (step - top)) / (last - top);
}

/** A held-out loss is smaller than the smallest if it is so by this share of it, as in PyTorch. */
const NOTICEABLE = 1e-4;

/** How often the held-out loss has stopped falling: that many times, `lowerPatience` validations in a row found no smaller one. */
function plateausOf({ lowerPatience }: ScheduleSettings, history: Position['history']): number {
  let plateaus = 0;
  let smallest = Number.POSITIVE_INFINITY;
  let waited = 0;
  for (const { validation } of history) {
    if (validation === null) continue;
    if (validation.loss < smallest * (1 - NOTICEABLE)) {
      smallest = validation.loss;
      waited = 0;
    } else if (++waited === lowerPatience) {
      plateaus++;
      waited = 0;
    }
  }
  return plateaus;
}
