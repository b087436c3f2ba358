/**
 * Trains a recipe, from the first batch to a stored version. `quick` is at 88 % after a minute and a half on two CPU cores.
 * A run gives the same weights every time, interrupted or not.
 */

import { UserError } from '#errors/user-error.ts';
import { beginRun, type RunArguments, type RunResult } from '#models/runs.ts';
import { WriteConflict } from '#models/stores/object-store.ts';
import { retryingStore, StoreUnavailable } from '#models/stores/retrying-store.ts';
import { settingNameOf, storedSettings } from '../recipe/stored-settings.ts';
import type { TrainingEvent } from '../record/events.ts';
import {
  type Attempt,
  type AttemptContext,
  type AttemptOptions,
  goBack,
  type KeptCheckpoint,
  openAttempt,
} from './attempt.ts';
import { checkRun } from './check.ts';
import { NothingLearned } from './nothing-learned.ts';
import { parentFor } from './parent.ts';
import { publish } from './publish.ts';
import { watchForReclaim } from './reclaim-notice.ts';
import { Diverged } from './recovery.ts';
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

export type Outcome =
  /** `wasFinished`: an earlier process finished the run, and nothing was done. */
  | { readonly status: 'finished'; readonly result: RunResult; readonly wasFinished: boolean }
  | { readonly status: 'interrupted'; readonly signal: string; readonly step: number };

/**
 * Begins a run, or resumes it, and trains to the end of it or until a signal.
 *
 * @throws {UsageError} the run exists with other arguments, or the recipe does not fit the data, the engine or the parent;
 *   nothing was changed
 * @throws {NothingLearned} the run has finished, now or earlier, with a version that is no better than guessing
 * @throws {UserError} a label is out of range, and nothing was changed; or machine or store fail: then the last checkpoint
 *   stays, and the message says where
 */
export async function train(given: TrainOptions): Promise<Outcome> {
  const options = {
    ...given,
    from: given.from && parentFor(given.from, given.data),
    store: retryingStore(given.store, { waits: given.storeWaits, signal: given.signal }),
  };
  const { recipe, seed, data, from, store, spool, run, signal } = options;
  await checkRun({ settings: recipe.settings, data, from, seed });
  const begun = await beginRun(store, run, argumentsOf(options), settingNameOf);
  if (begun.state === 'finished') {
    const { result } = begun;
    if (result.guessing) throw new NothingLearned({ ...result, guessing: result.guessing }, recipe);
    return { status: 'finished', result, wasFinished: true };
  }
  if (begun.state === 'new') await clearSpool(spool, run); // An earlier run may have had this name.

  const log = await openRunLog(options);
  const kept: KeptCheckpoint = { step: 0 };
  const reclaim = watchForReclaim({ metadata: options.metadata, emit: log.emit });
  try {
    const result = await trainAndPublish(options, { log, kept, reclaim });
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

/** A run: its steps, from the start or from a checkpoint; back to good weights where they diverge; then its version. */
async function trainAndPublish(options: TrainOptions, context: AttemptContext): Promise<RunResult> {
  const attempt = await openAttempt(options, context);
  try {
    await trainToEnd(attempt);
    return await publish(attempt, context.log);
  } finally {
    attempt.engine.dispose();
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
