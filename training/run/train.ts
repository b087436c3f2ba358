/**
 * Trains a recipe, from the first batch to a stored version. `quick` is at 88 % after a minute and a half on two CPU cores.
 * A run gives the same weights every time, interrupted or not.
 */

import { UsageError, UserError } from '#errors/user-error.ts';
import type { SweepResult } from '#models/plans/sweep-result.ts';
import { beginRun, type RunArguments, type RunResult } from '#models/runs.ts';
import { WriteConflict } from '#models/stores/object-store.ts';
import { retryingStore, StoreUnavailable } from '#models/stores/retrying-store.ts';
import { settingNameOf, storedSettings } from '../recipe/stored-settings.ts';
import type { TrainingEvent } from '../record/events.ts';
import { type Attempt, type AttemptOptions, goBack, type KeptCheckpoint, openAttempt } from './attempt.ts';
import { checkRun } from './check.ts';
import { describeDiverged, measureHeldOut } from './measure-held-out.ts';
import { NothingLearned } from './nothing-learned.ts';
import { parentFor } from './parent.ts';
import { publish } from './publish.ts';
import { watchForReclaim } from './reclaim-notice.ts';
import { Diverged, GivenUp } from './recovery.ts';
import { openRunLog, type RunLog } from './run-log.ts';
import { clearSpool } from './spooled-checkpoints.ts';
import { trainSteps } from './steps.ts';

export interface TrainOptions extends AttemptOptions {
  /** Seconds between two tries of a call to the store. @default 0.5 to 8, 15.5 in all */
  readonly storeWaits?: readonly number[];
  /** Base address of the metadata of the EC2 instance, which tell when EC2 takes it back. @default they are not asked */
  readonly metadata?: string | undefined;
  /** The command that resumes the run after an interruption, for messages. */
  readonly resume: string;
  readonly emit: (event: TrainingEvent) => void;
}

export type Outcome<Result = RunResult> =
  /** `wasFinished`: an earlier process finished the run, and nothing was done. */
  | { readonly status: 'finished'; readonly result: Result; readonly wasFinished: boolean }
  | { readonly status: 'interrupted'; readonly signal: string; readonly step: number };

export interface PublishOptions {
  /** Whether the version becomes the store's candidate. @default true */
  readonly becomesCandidate?: boolean;
}

/**
 * Begins a run, or resumes it, and trains to the end of it or until a signal.
 *
 * @throws {UsageError} the run exists with other arguments, or the recipe does not fit the data, the engine or the parent;
 *   nothing was changed
 * @throws {NothingLearned} the run has finished, now or earlier, with a version that is no better than guessing
 * @throws {UserError} a label is out of range, and nothing was changed; or machine or store fail: then the last checkpoint
 *   stays, and the message says where
 */
export async function train(given: TrainOptions & PublishOptions): Promise<Outcome> {
  const { becomesCandidate = true } = given;
  const options = prepare(given);
  const begun = await begin(options);
  if (begun.state === 'finished') {
    const { result } = begun;
    if (result.guessing) throw new NothingLearned({ ...result, guessing: result.guessing }, options.recipe);
    return { status: 'finished', result, wasFinished: true };
  }
  return await attemptRun(options, async (attempt, log) => {
    await trainToEnd(attempt);
    return await publish(attempt, log, becomesCandidate);
  });
}

/**
 * Trains a run as `train` does, to equal weights, and measures them on the held-out images instead of publishing a version:
 * the test images are not read. The last checkpoint stays, so that `train` can publish the run later.
 *
 * @returns also of a run that learned nothing, or diverged as often as it may: `outcome` says so
 * @throws {UsageError} as `train`, or no images are held out
 * @throws {UserError} as `train`
 */
export async function trainAndMeasure(given: TrainOptions): Promise<Outcome<SweepResult>> {
  const { recipe } = given;
  if (recipe.settings.heldOut === 0) {
    throw new UsageError(
      'A run that is measured on held-out images needs some, and heldOut=0 leaves none. Set heldOut=5000.',
    );
  }
  const options = prepare(given);
  await begin(options);
  return await attemptRun(options, async (attempt, log) => {
    try {
      await trainToEnd(attempt);
    } catch (error) {
      if (!(error instanceof GivenUp)) throw error;
      log.emit({ type: 'failed', message: error.message });
      return await describeDiverged(attempt, error);
    }
    return await measureHeldOut(attempt, log);
  });
}

function prepare(given: TrainOptions): TrainOptions {
  return {
    ...given,
    from: given.from && parentFor(given.from, given.data),
    store: retryingStore(given.store, { waits: given.storeWaits, signal: given.signal }),
  };
}

async function begin(options: TrainOptions) {
  const { recipe, seed, data, from, store, spool, run } = options;
  await checkRun({ settings: recipe.settings, data, from, seed });
  const begun = await beginRun(store, run, argumentsOf(options), settingNameOf);
  if (begun.state === 'new') await clearSpool(spool, run); // An earlier run may have had this name.
  return begun;
}

/** @param work of the attempt: trains to the end, and makes the result */
async function attemptRun<Result>(
  options: TrainOptions,
  work: (attempt: Attempt, log: RunLog) => Promise<Result>,
): Promise<Outcome<Result>> {
  const { signal } = options;
  const log = await openRunLog(options);
  const kept: KeptCheckpoint = { step: 0 };
  const reclaim = watchForReclaim({ metadata: options.metadata, emit: log.emit });
  try {
    const attempt = await openAttempt(options, { log, kept, reclaim });
    const result = await work(attempt, log).finally(() => attempt.engine.dispose());
    await log.close();
    return { status: 'finished', result, wasFinished: false };
  } catch (error) {
    if (!signal?.aborted || error !== signal.reason) throw await recordFailure(error, options, log, kept);
    const interrupted = { signal: String(signal.reason), step: kept.step };
    log.emit({ type: 'interrupted', ...interrupted, resume: options.resume });
    await log.close();
    await log.flushBoard().catch(() => {}); // The checkpoint is what counts.
    return { status: 'interrupted', ...interrupted };
  } finally {
    reclaim.close();
  }
}

/** Trains to the last step, and from good weights again where that diverges. */
export async function trainToEnd(attempt: Attempt): Promise<void> {
  while (attempt.progress.trainedAt === null) {
    try {
      await trainSteps(attempt);
    } catch (error) {
      if (!(error instanceof Diverged)) throw error;
      await goBack(attempt, error);
    }
  }
}

/** All that decides the weights. Where batches are prepared does not, so it may change when a run is resumed. */
function argumentsOf({ recipe, seed, data, from }: AttemptOptions): RunArguments {
  const { batchPreparation: _, ...settings } = recipe.settings;
  const { name, sha256 } = data;
  return {
    recipe: recipe.name,
    seed,
    data: { name, sha256 },
    settings: storedSettings(settings),
    parent: from?.parent,
  };
}

/** Ends the log of a run that failed. @returns the error to throw */
async function recordFailure(
  error: unknown,
  options: TrainOptions,
  log: RunLog,
  kept: KeptCheckpoint,
): Promise<unknown> {
  const shown = explain(error, options, kept);
  log.emit({ type: 'failed', message: shown instanceof Error ? shown.message : String(shown) });
  await log.close().catch(() => {}); // The first error is what counts.
  if (!(error instanceof WriteConflict)) await log.flushBoard().catch(() => {}); // Else the run is another process's.
  return shown;
}

/** Adds what a person can do about an error. */
function explain(error: unknown, { store, run, resume }: TrainOptions, kept: KeptCheckpoint): unknown {
  if (error instanceof WriteConflict) {
    const message = `Another process is training the run ${run} (${error.message}) Use another --run.`;
    return new UserError(message, { cause: error });
  }
  if (!(error instanceof StoreUnavailable)) return error;
  const where =
    kept.url === store.url
      ? `The last checkpoint there is of step ${kept.step}.`
      : kept.url === undefined
        ? 'There is no checkpoint yet.'
        : `Step ${kept.step} is kept in ${kept.url}.`;
  const message = `${error.message} ${where} When the store is available again, resume with: ${resume}`;
  return new StoreUnavailable(message, { cause: error });
}
