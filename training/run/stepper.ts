import { type BatchSource, openBatchWorker } from '../data/batch-worker.ts';
import { type BatchesOptions, emptyBatch, plansFrom, writeBatch } from '../data/batches.ts';
import type { Split } from '../data/dataset.ts';
import type { Engine, StepPlan } from '../engine/engine.ts';
import type { BatchPreparation } from '../recipe/batch-preparation.ts';

/** When a step is done and at which learning rates: a step without its batch. */
export type ScheduledStep = Omit<StepPlan, 'batch'>;

export interface Stepper {
  /**
   * Does the next steps, each on the next batch.
   *
   * @param scheduled at most `most` consecutive steps that train the same groups
   * @returns the mean loss of each batch
   */
  advance(scheduled: readonly ScheduledStep[]): Promise<readonly number[]>;
  /** The most steps in one call. */
  readonly most: number;
  close(): Promise<void>;
}

export interface StepperOptions extends Omit<BatchesOptions, 'epoch' | 'skip'> {
  readonly train: Split;
  /** The number of the first step. */
  readonly from: number;
}

/** @param preparation `graph` needs an engine that keeps the images: `EngineOptions.resident` */
export function openStepper(engine: Engine, preparation: BatchPreparation, options: StepperOptions): Stepper {
  return preparation === 'graph' ? manyAtOnce(engine, options) : oneByOne(engine, sourceOf(preparation, options));
}

function manyAtOnce({ steps }: Engine, { train, from, ...options }: StepperOptions): Stepper {
  if (steps === undefined) throw new RangeError('This engine keeps no images, so it cannot prepare batches.');
  const plans = plansFrom(from, train, options);
  return {
    most: steps.most,
    advance: async (scheduled) => [...steps.run(scheduled.map((step) => ({ ...step, batch: plans.next().value })))],
    close: async () => {},
  };
}

function oneByOne(engine: Engine, source: BatchSource): Stepper {
  return {
    most: 1,
    async advance([scheduled]) {
      const { lookahead, average, ...options } = scheduled!;
      const loss = engine.step(await source.next(), options);
      if (lookahead !== undefined) engine.lookahead(lookahead);
      if (average !== undefined) engine.average(average);
      return [loss];
    },
    close: source.close,
  };
}

function sourceOf(preparation: 'inline' | 'worker', { train, from, ...options }: StepperOptions): BatchSource {
  if (preparation === 'worker') return openBatchWorker(train, from, options);
  const plans = plansFrom(from, train, options);
  const batch = emptyBatch(train, options);
  return {
    async next() {
      writeBatch(train, plans.next().value, options.imageSize, batch);
      return batch;
    },
    close: async () => {},
  };
}
