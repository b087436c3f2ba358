import { type BatchSource, openBatchWorker } from '../data/batch-worker.ts';
import { type BatchesOptions, emptyBatch, plansFrom, writeBatch } from '../data/batches.ts';
import type { Split } from '../data/dataset.ts';
import type { Engine, StepPlan } from '../engine/engine.ts';
import type { BatchPreparation } from '../recipe/batch-preparation.ts';

/** A step without its batch. */
export type Stride = Omit<StepPlan, 'batch'>;

export interface Stepper {
  /**
   * Does the next steps, on the batches that are theirs.
   *
   * @param strides of steps that follow each other and train the same groups
   * @returns how they went, as far as they were done: the mean loss of one batch, or of each
   */
  advance(strides: readonly Stride[]): Promise<readonly number[]>;
  /** Steps a call can take. */
  readonly most: number;
  close(): Promise<void>;
}

export interface StepperOptions extends Omit<BatchesOptions, 'epoch' | 'skip'> {
  readonly train: Split;
  /** The number of the first step. */
  readonly from: number;
}

/** @param preparation `graph` if the engine keeps the images: `EngineOptions.resident` */
export function openStepper(engine: Engine, preparation: BatchPreparation, options: StepperOptions): Stepper {
  return preparation === 'graph' ? manyAtOnce(engine, options) : oneByOne(engine, sourceOf(preparation, options));
}

function manyAtOnce({ steps }: Engine, { train, from, ...options }: StepperOptions): Stepper {
  if (steps === undefined) throw new RangeError('This engine keeps no images: it cannot prepare batches.');
  const plans = plansFrom(from, train.count, options);
  return {
    most: steps.most,
    advance: async (strides) => [...steps.run(strides.map((stride) => ({ ...stride, batch: plans.next().value })))],
    close: async () => {},
  };
}

function oneByOne(engine: Engine, source: BatchSource): Stepper {
  return {
    most: 1,
    async advance([stride]) {
      const { lookahead, ...options } = stride!;
      const loss = engine.step(await source.next(), options);
      if (lookahead !== undefined) engine.lookahead(lookahead);
      return [loss];
    },
    close: source.close,
  };
}

function sourceOf(preparation: 'inline' | 'worker', { train, from, ...options }: StepperOptions): BatchSource {
  if (preparation === 'worker') return openBatchWorker(train, from, options);
  const plans = plansFrom(from, train.count, options);
  const batch = emptyBatch(options.size, options.imageSize);
  return {
    async next() {
      writeBatch(train, plans.next().value, options.imageSize, batch);
      return batch;
    },
    close: async () => {},
  };
}
