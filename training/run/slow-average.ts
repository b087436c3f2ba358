import { setImmediate } from 'node:timers/promises';
import { emptyBatch, plansFrom, writeBatch } from '../data/batches.ts';
import type { StepPlan } from '../engine/engine.ts';
import type { Recipe } from '../recipe/recipes.ts';
import type { Attempt } from './attempt.ts';
import type { Progress } from './progress.ts';

type Settings = Pick<Recipe, 'lookahead' | 'lookaheadDecay' | 'lookaheadLast' | 'averageLast' | 'averageDecay'>;

/** What becomes of the slow average of the weights after a step. */
export type SlowUpdate = Pick<StepPlan, 'lookahead' | 'average'>;

/** How far a run is after a step. */
interface Done {
  /** Steps done. */
  readonly step: number;
  /** Of the whole run. */
  readonly steps: number;
  /** Updates of an average of the last steps so far. */
  readonly averaged: number;
}

/** The first update of an average that does not begin with the run sets it to the weights. */
export function slowUpdateAfter(settings: Settings, { step, steps, averaged }: Done): SlowUpdate {
  const { lookahead: every, lookaheadDecay, lookaheadLast, averageLast, averageDecay } = settings;
  const isLast = (share: number) => step > steps - Math.ceil(share * steps);
  if (every > 0 && step % every === 0 && isLast(lookaheadLast)) {
    if (lookaheadLast < 1 && averaged === 0) return { lookahead: 0 };
    // Without a decay of its own it grows with the cube of the progress: airbench §3.4.
    return { lookahead: lookaheadDecay > 0 ? lookaheadDecay : 0.95 ** every * (step / steps) ** 3 };
  }
  if (averageLast === 0 || !isLast(averageLast)) return {};
  if (averaged === 0) return { average: 0 };
  return { average: averageDecay > 0 ? averageDecay : averaged / (averaged + 1) };
}

/** Counts an update in the progress where what follows depends on their number. */
export function countUpdate(progress: Progress, { lookaheadLast }: Settings, { lookahead, average }: SlowUpdate): void {
  if (average === undefined && (lookahead === undefined || lookaheadLast === 1)) return;
  progress.averaged = (progress.averaged ?? 0) + 1;
}

/** The fewest images that statistics are measured on, where a run has had as many. */
const OBSERVED_IMAGES = 8192;

/**
 * Sets the weights to their slow average, where there is one: a run ends on it. The statistics of batch normalization are no
 * averages of those of other weights: where weights were averaged apart from the training, they are measured anew, on the last
 * batches that were trained on.
 *
 * @see Izmailov et al. 2018, arXiv:1803.05407, section 3.2
 */
export async function endOnAverage({ options, engine, net, train, progress }: Attempt): Promise<void> {
  const { seed, recipe } = options;
  const { lookahead, lookaheadLast, averageLast, batchSize } = recipe.settings;
  if (lookahead > 0 && (lookaheadLast === 1 || progress.averaged)) engine.lookahead(1);
  if (averageLast === 0 || !progress.averaged) return;
  engine.lookahead(1);
  if (!net.layers.some(({ kind }) => kind === 'batch-normalization')) return;
  const began = performance.now();
  const count = Math.min(progress.step, Math.ceil(OBSERVED_IMAGES / batchSize));
  const from = progress.step - count;
  const shape = { size: batchSize, imageSize: net.input };
  const plans = plansFrom(from, train, { ...shape, seed, augmentation: recipe.settings });
  const batch = emptyBatch(train, shape);
  for (let index = 0; index < count; index++) {
    writeBatch(train, plans.next().value, net.input, batch);
    engine.observe(batch, { step: from + index, share: 1 / (index + 1) });
    await setImmediate(); // Signals are heard in between.
  }
  progress.trainingSeconds += (performance.now() - began) / 1000;
}
