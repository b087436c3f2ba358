import { setImmediate } from 'node:timers/promises';
import type { Split } from '../data/dataset.ts';
import type { Engine } from '../engine/engine.ts';
import { logitsOf } from '../evaluation/evaluate.ts';
import { agreement, topClasses } from '../evaluation/measure.ts';
import { crossEntropy } from '../evaluation/temperature.ts';
import { learningRatesOf, shownLearningRate } from '../recipe/parameter-groups.ts';
import { resolutionAt } from '../recipe/resolutions.ts';
import type { Validation } from '../record/history.ts';
import type { Attempt } from './attempt.ts';
import { isBetter, isOutOfPatience } from './best.ts';
import { type Budget, openBudget } from './budget.ts';
import { openPace, type Pace } from './pace.ts';
import { checkFinite, Diverged, slowdown, watchLoss } from './recovery.ts';
import { countUpdate, endOnAverage, slowUpdateAfter } from './slow-average.ts';
import { openStepper, type ScheduledStep, type Stepper } from './stepper.ts';

/** Points of the curves, besides the ends of epochs. */
const HISTORY_POINTS = 200;
/** Seconds between two events that report the progress. */
const STEP_EVENT_SECONDS = 1;
/** Planned length of a call of several steps. Signals are handled between calls, within two seconds: a step may be slow. */
const CALL_SECONDS = 1;

/**
 * Trains from where the attempt is to the last step, and keeps a checkpoint of the end.
 *
 * @throws {Diverged} loss or weights are not finite, or the loss stays far too high; `attempt.best` is the last good state
 * @throws the reason of the signal, after a checkpoint
 */
export async function trainSteps(attempt: Attempt): Promise<void> {
  const { options, engine, train, net, progress } = attempt;
  const { settings } = options.recipe;
  const stepper = openStepper(engine, attempt.preparation, {
    train,
    from: progress.step,
    imageSize: net.input,
    size: settings.batchSize,
    seed: options.seed,
    augmentation: settings,
  });
  try {
    await runSteps(attempt, stepper);
  } finally {
    await stepper.close();
  }
  // The weights are final now: a run that is interrupted from here on publishes the same version.
  progress.trainedAt = new Date().toISOString();
  await attempt.checkpoint();
}

async function runSteps(attempt: Attempt, stepper: Stepper): Promise<void> {
  const { options, progress } = attempt;
  const { settings } = options.recipe;
  const { work } = attempt;
  const pace = openPace(settings.batchSize);
  const budget = settings.budget > 0 ? openBudget(settings.budget, work) : undefined;
  const reportStep = stepReporter(attempt, pace);
  let checkpointAt = performance.now();

  while (progress.step < progress.steps) {
    if (budget) fitSteps(attempt, budget);
    const untilCheckpoint = settings.checkpointSeconds - (performance.now() - checkpointAt) / 1000;
    const secondsPerStep = pace.secondsPerStep() * work.of(progress.step, progress.steps);
    const inTime = Math.floor(Math.min(CALL_SECONDS, untilCheckpoint) / secondsPerStep);
    const scheduled = scheduledSteps(attempt, Math.max(1, Math.min(inTime, stepper.most)));
    const { steps } = progress;

    const began = performance.now();
    const losses = await stepper.advance(scheduled);
    const seconds = (performance.now() - began) / 1000 / losses.length;
    for (const [index, loss] of losses.entries()) {
      const learningRate = shownLearningRate(scheduled[index]!.learningRates);
      const done = work.of(progress.step, steps);
      countStep(attempt, { loss, seconds, work: done });
      countUpdate(progress, settings, scheduled[index]!);
      if (progress.step === progress.steps) await endOnAverage(attempt);
      pace.add(seconds, done);
      budget?.add(seconds, done);
      reportStep({ loss, learningRate, steps });
      await recordPoint(attempt, { learningRate, steps });
    }

    if (progress.step === progress.steps) return;
    const isDueByClock = performance.now() - checkpointAt > 1000 * settings.checkpointSeconds;
    if (options.signal?.aborted || attempt.reclaim.isCheckpointDue() || isDueByClock) {
      await attempt.checkpoint();
      checkpointAt = performance.now();
      options.signal?.throwIfAborted();
    }
    await setImmediate(); // A call blocks the event loop: signals are handled and events written here.
  }
}

/** The next steps, at most as many as one call may do: it ends with the epoch, where a group is frozen, and where images grow. */
function scheduledSteps({ options, net, groups, stepsPerEpoch, progress }: Attempt, most: number): ScheduledStep[] {
  const { settings } = options.recipe;
  const { step: first, steps, history } = progress;
  let { averaged = 0 } = progress;
  const left = Math.min(steps - first, stepsPerEpoch - (first % stepsPerEpoch));
  const scheduled = Array.from({ length: Math.min(most, left) }, (_, index) => {
    const step = first + index;
    const position = { step, steps, stepsPerEpoch, history };
    const learningRates = learningRatesOf(groups, settings, { ...position, factor: slowdown(progress) });
    const resolution = resolutionAt(settings, net.input[0], step, steps);
    const update = slowUpdateAfter(settings, { step: step + 1, steps, averaged });
    if (Object.keys(update).length > 0) averaged++;
    return { step, learningRates, resolution, ...update };
  });
  const trained = ({ learningRates, resolution }: ScheduledStep) => `${Object.keys(learningRates)} at ${resolution}`;
  return scheduled.filter((step) => trained(step) === trained(scheduled[0]!));
}

/** Fits the number of steps to the budget, so that the schedule ends when the time does. */
function fitSteps({ options, progress, stepsPerEpoch, emit }: Attempt, budget: Budget): void {
  const steps = budget.fit(progress);
  if (steps === progress.steps) return;
  progress.steps = steps;
  const { step, trainingSeconds } = progress;
  const budgetSeconds = options.recipe.settings.budget;
  emit({ type: 'fitted', step, steps, epochs: steps / stepsPerEpoch, trainingSeconds, budgetSeconds });
}

/** @throws {Diverged} the loss is not finite, or stays far too high */
function countStep(
  { net, progress, work: { isWhole } }: Attempt,
  { loss, seconds, work }: { readonly loss: number; readonly seconds: number; readonly work: number },
): void {
  watchLoss(progress.losses, loss, net.classes);
  progress.step++;
  progress.trainingSeconds += seconds;
  if (!isWhole) progress.work = (progress.work ?? 0) + work;
  progress.lossSum += loss;
  progress.lossSteps++;
}

interface StepToReport {
  readonly loss: number;
  readonly learningRate: number;
  /** Steps of the run, as planned when this one was done. */
  readonly steps: number;
}

/** Reports the last step, and at most one each second before it. */
function stepReporter({ progress, stepsPerEpoch, work, emit }: Attempt, pace: Pace): (done: StepToReport) => void {
  let reportedAt = 0;
  return ({ loss, learningRate, steps }) => {
    const { step } = progress;
    if (step !== steps && performance.now() - reportedAt <= 1000 * STEP_EVENT_SECONDS) return;
    reportedAt = performance.now();
    emit({
      type: 'step',
      step,
      steps,
      epoch: step / stepsPerEpoch,
      loss,
      learningRate,
      imagesPerSecond: pace.imagesPerSecond(),
      etaSeconds: pace.secondsPerStep() * work.from(step, steps),
    });
  };
}

/** Adds a point to the history where one is due; at the end of an epoch validates, and keeps the weights if they are best. */
async function recordPoint(
  attempt: Attempt,
  { learningRate, steps }: Pick<StepToReport, 'learningRate' | 'steps'>,
): Promise<void> {
  const { emit, net, engine, heldOut, stepsPerEpoch, progress } = attempt;
  const { step } = progress;
  const isEpochEnd = step === steps || step % stepsPerEpoch === 0;
  if (!isEpochEnd && step % Math.ceil(steps / HISTORY_POINTS) !== 0) return;
  const epoch = step / stepsPerEpoch;
  const validation = isEpochEnd ? await validate(engine, heldOut, net.classes) : null;
  const loss = progress.lossSum / progress.lossSteps;
  const point = { step, epoch, loss, trainingSeconds: progress.trainingSeconds };
  progress.history.push({ ...point, learningRate, validation });
  progress.lossSum = 0;
  progress.lossSteps = 0;
  if (!isEpochEnd) return;
  emit({ type: 'epoch', ...point, ...(validation && { validation }) });
  await keepIfBetter(attempt, epoch, validation);
}

async function validate(engine: Engine, heldOut: Split, classes: number): Promise<Validation | null> {
  if (heldOut.count === 0) return null;
  const logits = await logitsOf((images) => engine.logits(images), heldOut, classes);
  return {
    accuracy: agreement(topClasses(logits, classes), heldOut.labels),
    loss: crossEntropy(logits, heldOut.labels),
  };
}

/**
 * At the end of an epoch, keeps its weights if they are the best, and ends the run if there were none for too long.
 *
 * @throws {Diverged} the weights, or the held-out loss, are not finite
 */
async function keepIfBetter(attempt: Attempt, epoch: number, validation: Validation | null): Promise<void> {
  const { options, engine, progress, emit } = attempt;
  const weights = engine.weights();
  checkFinite(weights);
  if (validation && !Number.isFinite(validation.loss)) throw new Diverged(`the held-out loss is ${validation.loss}`);
  if (isBetter(validation, attempt.best)) attempt.best = { step: progress.step, epoch, validation, weights };
  const { best } = attempt;
  if (progress.step === progress.steps || !isOutOfPatience(options.recipe.settings.patience, epoch, best)) return;
  progress.steps = progress.step;
  await endOnAverage(attempt); // This run, too, ends on its slow average.
  emit({
    type: 'stopped',
    step: progress.step,
    epoch,
    best: { epoch: best!.epoch, accuracy: best!.validation!.accuracy },
  });
}
