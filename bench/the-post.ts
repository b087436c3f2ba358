import { join } from 'node:path';
import * as z from 'zod/mini';
import { UsageError } from '#errors/user-error.ts';
import { readJson, writeJson } from '#models/json.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { onSignals } from '#training/commands/on-signals.ts';
import type { Dataset } from '#training/data/dataset.ts';
import { loadCifar10 } from '#training/datasets/cifar10/cifar10.ts';
import { logitsOf } from '#training/evaluation/evaluate.ts';
import { agreement, topClasses } from '#training/evaluation/measure.ts';
import { crossEntropy } from '#training/evaluation/temperature.ts';
import { resolveRecipe } from '#training/recipe/settings.ts';
import type { TrainingEvent } from '#training/record/events.ts';
import type { HistoryRow } from '#training/record/history.ts';
import { type Attempt, openAttempt } from '#training/run/attempt.ts';
import { openRunLog } from '#training/run/run-log.ts';
import { trainToEnd } from '#training/run/train.ts';
import { writeResults } from './results.ts';

interface Options {
  readonly seeds: readonly number[];
  /** Where runs, their checkpoints and their figures are kept, so that an interrupted benchmark resumes. */
  readonly folder: string;
  /** The epochs after which the test images are read, ascending. The post reports 100, 150 and 200. */
  readonly epochs: readonly number[];
}

/** On the test images, after an epoch. */
const Measured = z.object({ epoch: z.number(), accuracy: z.number(), loss: z.number() });
type Measured = z.infer<typeof Measured>;

/**
 * Trains the post's recipe for as long as the post did, and measures it on the test images where the post did. The learning rate is
 * constant, so a run of 100 epochs is the first half of one of 200.
 *
 * @throws {UsageError} the epochs do not ascend
 */
export async function benchmarkThePost({ seeds, folder, epochs }: Options): Promise<void> {
  if (epochs.length === 0 || epochs.some((epoch, index) => !(epoch > (epochs[index - 1] ?? 0)))) {
    throw new UsageError(`--epochs ${epochs.join(' ')} do not ascend. Give whole numbers, such as 100 150 200.`);
  }
  const { signal, exitCode, release } = onSignals(print);
  try {
    const data = await loadCifar10({ log: print, signal });
    for (const seed of seeds) {
      const figures = await trainAsThePost(data, { seed, folder, epochs, signal });
      const command = `npm run bench -- the-post --seeds ${seed} --epochs ${epochs.join(' ')}`;
      for (const line of await writeResults(`the-post-seed-${seed}`, command, figures)) print(line);
    }
  } catch (error) {
    if (!signal.aborted || error !== signal.reason) throw error;
    print(`The same command resumes from the last checkpoint in ${folder}.`);
    process.exitCode = exitCode();
  } finally {
    release();
  }
}

interface RunOptions {
  readonly seed: number;
  readonly folder: string;
  readonly epochs: readonly number[];
  readonly signal: AbortSignal;
}

async function trainAsThePost(data: Dataset, { seed, folder, epochs, signal }: RunOptions) {
  const store = folderStore(join(folder, `seed-${seed}`));
  const run = `seed-${seed}`;
  const log = await openRunLog({ store, run, emit: (event) => reportEpoch(seed, event) });
  const attempt = await openAttempt(
    { recipe: resolveRecipe('seed', [`epochs=${epochs.at(-1)}`]), seed, data, store, run, spool: undefined, signal },
    { log, kept: { step: 0 }, reclaim: { isCheckpointDue: () => false, close() {} } },
  );
  try {
    const test: Measured[] = [];
    for (const epoch of epochs) test.push(await measuredAfter(epoch, attempt, store));
    const { description } = attempt.engine;
    return { recipe: 'seed', seed, engine: description, epochs: epochsOf(attempt.progress.history), test };
  } finally {
    attempt.engine.dispose();
    await log.close();
  }
}

/** Trains to the end of an epoch and reads the test images, if that was not done before. */
async function measuredAfter(epoch: number, attempt: Attempt, store: ObjectStore): Promise<Measured> {
  const key = `measured/${epoch}.json`;
  const before = await readJson(store, key, Measured);
  if (before) return before;
  const { options, progress, stepsPerEpoch, net, engine } = attempt;
  const steps = epoch * stepsPerEpoch;
  if (progress.step < steps) {
    progress.steps = steps;
    progress.trainedAt = null;
    await trainToEnd(attempt);
  }
  const { test } = options.data;
  const logits = await logitsOf((images) => engine.logits(images), test, net.classes);
  const accuracy = agreement(topClasses(logits, net.classes), test.labels);
  const measured = { epoch, accuracy, loss: crossEntropy(logits, test.labels) };
  await writeJson(store, key, measured, 'absent');
  print(
    `seed ${options.seed}, epoch ${epoch}: test ${(100 * accuracy).toFixed(2)} %, loss ${measured.loss.toFixed(4)}`,
  );
  return measured;
}

/** The rows of whole epochs: the loss is the mean over the epoch, which may have rows within it. */
function epochsOf(history: readonly HistoryRow[]) {
  const epochs = [];
  let before = 0;
  let sum = 0;
  for (const { step, epoch, loss, validation, trainingSeconds } of history) {
    sum += loss * (step - before);
    before = step;
    if (validation === null) continue;
    const steps = step / epoch;
    epochs.push({ epoch, loss: sum / steps, heldOut: validation, trainingSeconds });
    sum = 0;
  }
  return epochs;
}

function reportEpoch(seed: number, event: TrainingEvent): void {
  if (event.type !== 'epoch' || !event.validation) return;
  const { epoch, loss, validation, trainingSeconds } = event;
  print(
    `seed ${seed}, epoch ${epoch}: loss ${loss.toFixed(4)}, held out ${(100 * validation.accuracy).toFixed(2)} %, ` +
      `loss ${validation.loss.toFixed(4)}, ${trainingSeconds.toFixed(0)} s`,
  );
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
