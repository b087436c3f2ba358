/**
 * Trains a recipe, from the first batch to a stored version. `quick` is at 88 % after a minute and a half on two CPU
 * cores; every run gives the same weights again, interrupted or not.
 */

import { setImmediate } from 'node:timers/promises';
import { UsageError, UserError } from '#errors/user-error.ts';
import { AliasMoved, moveAlias, readAlias } from '#models/aliases.ts';
import { type Card, parentName } from '#models/card.ts';
import { openEventLog } from '#models/run-events.ts';
import { beginRun, type RunResult, runKey, writeResult } from '#models/runs.ts';
import { type ObjectStore, WriteConflict } from '#models/stores/object-store.ts';
import { patientStore, StoreAway } from '#models/stores/retrying-store.ts';
import { contentTypeOf, publishVersion } from '#models/versions.ts';
import { batchesPerEpoch } from '../data/batches.ts';
import { type Dataset, holdOut, type Split } from '../data/dataset.ts';
import { compileEager } from '../engine/eager/engine.ts';
import type { Engine, EngineOptions } from '../engine/engine.ts';
import { compileGraph } from '../engine/graph/engine.ts';
import { checkMemory } from '../engine/graph/out-of-memory.ts';
import { precisionOf } from '../engine/graph/precision.ts';
import { hasTensorFlow, loadTensorFlow } from '../engine/tensorflow.ts';
import { evaluate, logitsOf } from '../evaluation/evaluate.ts';
import { agreement, topClasses } from '../evaluation/measure.ts';
import { crossEntropy, fitTemperature } from '../evaluation/temperature.ts';
import { initializeWeights } from '../nets/initialize.ts';
import { checkTensors, type NamedTensor } from '../nets/named-tensor.ts';
import type { Net } from '../nets/net.ts';
import { weightSpecs } from '../nets/shapes.ts';
import type { BatchPreparation } from '../recipe/batch-preparation.ts';
import type { ParameterGroup } from '../recipe/optimizer.ts';
import { freezableOf, groupsOf, learningRatesOf } from '../recipe/parameter-groups.ts';
import { netOf, type Recipe } from '../recipe/recipes.ts';
import type { ResolvedRecipe } from '../recipe/settings.ts';
import { storedSettings } from '../recipe/stored-settings.ts';
import type { TrainingEvent } from '../record/events.ts';
import type { Validation } from '../record/history.ts';
import { openBoard } from '../record/tensorboard/board.ts';
import { type Best, isBetter, isOutOfPatience } from './best.ts';
import { type Budget, FEWEST_STEPS, openBudget } from './budget.ts';
import { type Checkpoint, ForeignCheckpoint } from './checkpoint.ts';
import { type OpenedParent, weightsFor } from './parent.ts';
import type { Progress } from './progress.ts';
import { checkFinite, Diverged, recover, slowdown, watchLoss } from './recovery.ts';
import { clearSpool, openSpooledCheckpoints } from './spooled-checkpoints.ts';
import { openStepper, type Stepper, type Stride } from './stepper.ts';
import { countParameters, describeTrained } from './version.ts';

export interface TrainOptions {
  readonly recipe: ResolvedRecipe;
  readonly seed: number;
  readonly data: Dataset;
  /** What the run begins with. @default weights drawn by the seed */
  readonly from?: OpenedParent | undefined;
  /** Where the run, its checkpoints and the version go. */
  readonly store: ObjectStore;
  /** Names the run; one that exists goes on where it was. */
  readonly run: string;
  /** On this machine: keeps checkpoints that the store does not take. */
  readonly spool: ObjectStore;
  /** Seconds between the tries of what the store fails to do. @default 0.5 to 8, 15.5 in all */
  readonly storeWaits?: readonly number[];
  /** What to type to go on after an interruption. */
  readonly resume: string;
  readonly emit: (event: TrainingEvent) => void;
  /** Aborted with the name of a signal: the run keeps a checkpoint and ends. @default never */
  readonly signal?: AbortSignal;
}

export type Outcome =
  /** `wasFinished`: by an earlier attempt; nothing was done. */
  | { readonly status: 'finished'; readonly result: RunResult; readonly wasFinished: boolean }
  | { readonly status: 'interrupted'; readonly signal: string; readonly step: number };

/** Points of the curves, besides the ends of epochs. */
const HISTORY_POINTS = 200;
/** Seconds between two events that tell how far the run is. */
const STEP_EVENT_SECONDS = 1;
/** Of a call that does many steps. Signals are heard between calls, within two seconds: a step may take longer than before. */
const CALL_SECONDS = 1;

/**
 * @throws {UsageError} the run exists with other arguments, or the recipe does not fit the data, the engine or the parent;
 *   nothing was changed
 * @throws {UserError} a label is no class, and nothing was changed; or what the machine or the store lacks: then what was
 *   trained is kept, and the message says where
 */
export async function train(asked: TrainOptions): Promise<Outcome> {
  const options = { ...asked, store: patientStore(asked.store, asked.storeWaits) };
  const { recipe, seed, from, store, spool, run, signal } = options;
  checkRecipe(recipe.settings, options.data);
  checkLabels(options.data, recipe.settings.heldOut);
  const net = netOf(recipe.settings, options.data.images);
  await checkEngine(recipe.settings, net);
  if (from) weightsFor(net, from);
  const { batchPreparation: _, ...decisive } = recipe.settings; // A run may resume with another batch preparation.
  const args = { recipe: recipe.name, seed, settings: storedSettings(decisive), parent: from?.parent };
  const begun = await beginRun(store, run, args);
  if (begun.state === 'finished') return { status: 'finished', result: begun.result, wasFinished: true };
  if (begun.state === 'new') await clearSpool(spool, run); // Of a run whose name was used before.

  const log = await openEventLog<TrainingEvent>(store, run);
  const board = await openBoard(store, run);
  const emit: Emit = (body) => {
    const event = { at: new Date().toISOString(), ...body };
    log.append(event);
    board.append(event);
    options.emit(event);
  };
  const kept: Kept = { step: 0 };
  try {
    const result = await attempt(options, { emit, flush: log.flush, flushBoard: board.flush }, kept);
    await log.close().catch(unlessHindered); // The result is written: that is what counts.
    return { status: 'finished', result, wasFinished: false };
  } catch (error) {
    if (signal?.aborted && error === signal.reason) {
      const interrupted = { signal: String(signal.reason), step: kept.step };
      emit({ type: 'interrupted', ...interrupted, resume: options.resume });
      await log.close().catch(unlessHindered); // The checkpoint is what counts.
      await board.flush().catch(() => {}); // The checkpoint is kept: that is what counts.
      return { status: 'interrupted', ...interrupted };
    }
    const shown = explained(error, options, kept);
    emit({ type: 'failed', message: shown instanceof Error ? shown.message : String(shown) });
    await log.close().catch(() => {}); // What went wrong first is what counts.
    if (!(error instanceof WriteConflict)) await board.flush().catch(() => {}); // Else the run is another's.
    throw shown;
  }
}

/** The step of the last checkpoint, and the store or the folder that has it. */
interface Kept {
  step: number;
  url?: string;
}

/** What a person can mend, said so. */
function explained(error: unknown, { run, resume }: TrainOptions, kept: Kept): unknown {
  if (error instanceof WriteConflict) {
    const message = `Another process is training the run ${run} (${error.message}) Take another --run.`;
    return new UserError(message, { cause: error });
  }
  if (!(error instanceof StoreAway)) return error;
  const where = kept.url === undefined ? 'No checkpoint was kept yet.' : `Step ${kept.step} is kept in ${kept.url}.`;
  return new StoreAway(`${error.message} ${where} When the store is back, go on with: ${resume}`, { cause: error });
}

/** What an attempt works with. */
interface Attempt {
  readonly options: TrainOptions;
  readonly emit: Emit;
  readonly flushBoard: () => Promise<void>;
  readonly net: Net;
  readonly groups: readonly ParameterGroup[];
  readonly train: Split;
  readonly heldOut: Split;
  readonly stepsPerEpoch: number;
  readonly preparation: BatchPreparation;
  /** These three change as the run goes on. */
  engine: Engine;
  best: Best | undefined;
  readonly progress: Progress;
  /** Keeps what they hold. @throws {Diverged} that is nothing to go on from */
  readonly checkpoint: () => Promise<void>;
}

/** @throws the reason of the signal, once a checkpoint is kept */
async function attempt(options: TrainOptions, { emit, flush, flushBoard }: Events, kept: Kept): Promise<RunResult> {
  const { recipe, seed, from, data, store, spool, run } = options;
  const { settings } = recipe;
  const startedAt = performance.now();

  const net = netOf(settings, data.images);
  const { train, heldOut } = holdOut(data.train, settings.heldOut);
  const stepsPerEpoch = batchesPerEpoch(train, settings.batchSize);
  const groups = groupsOf(net, settings);
  const preparation = await preparationOf(settings);
  const initial = from ? weightsFor(net, from) : initializeWeights(net, { seed, images: train.images });
  const compileFrom = (weights: readonly NamedTensor[]) =>
    compile(settings.engine, {
      net,
      weights,
      batchSize: settings.batchSize,
      seed,
      labelSmoothing: settings.labelSmoothing,
      reduction: 'mean',
      groups,
      freezable: freezableOf(groups, settings),
      lookahead: settings.lookahead > 0,
      precision: settings.precision,
      resident: preparation === 'graph' ? { ...train, shift: settings.translate } : undefined,
    });

  // At the start of the run, or where a checkpoint left it.
  const checkpoints = await openSpooledCheckpoints({ store, spool, run });
  const { latest } = checkpoints;
  const progress = latest?.progress ?? newProgress(plannedSteps(settings, stepsPerEpoch));
  const earlierSeconds = progress.wallSeconds;
  const all: Attempt = {
    ...{ options, emit, flushBoard, net, groups, train, heldOut, stepsPerEpoch, preparation, progress },
    engine: await compileFrom(initial),
    best: latest?.best,
    checkpoint: async () => {
      const state = all.engine.state();
      checkFinite(state);
      progress.wallSeconds = earlierSeconds + (performance.now() - startedAt) / 1000;
      const { step } = progress;
      const { saved, trouble } = await checkpoints.save({ state, best: all.best, progress });
      if (saved) Object.assign(kept, { step, url: saved.where.url });
      if (trouble === undefined) emit({ type: 'checkpoint', step, key: saved!.key });
      else emit({ type: 'spooled', step, ...(saved && { folder: saved.where.url }), reason: trouble.message });
    },
  };
  try {
    if (latest) {
      goOnFrom(latest, `${latest.where.url}/${latest.key}`, all);
      Object.assign(kept, { step: progress.step, url: latest.where.url });
    }
    emit({
      type: 'started',
      run,
      recipe: recipe.name,
      seed,
      epochs: progress.steps / stepsPerEpoch,
      steps: progress.steps,
      parameters: countParameters(net),
      engine: all.engine.description,
      fromStep: progress.step,
      ...(from && { parent: parentName(from.parent) }),
      ...(latest?.damaged.length && { damaged: latest.damaged }),
    });
    await flush().catch(unlessAway); // Whoever follows the run sees at once that it has begun.
    while (progress.trainedAt === null) {
      try {
        await trainSteps(all);
      } catch (error) {
        if (!(error instanceof Diverged)) throw error;
        const { from, to, reason } = recover(progress, all.best, error, settings);
        emit({ type: 'recovered', fromStep: from, toStep: to, reason, learningRateFactor: slowdown(progress) });
        all.engine.dispose();
        all.engine = await compileFrom(all.best?.weights ?? initial);
      }
    }
    return await testAndStore(all);
  } finally {
    all.engine.dispose();
  }
}

/** @throws {ForeignCheckpoint} the checkpoint is of another net or optimizer; nothing was changed */
function goOnFrom({ state, best }: Checkpoint, path: string, { net, engine }: Attempt): void {
  try {
    const shapes = new Map(weightSpecs(net).map(({ name, shape }) => [name, shape]));
    if (best) checkTensors('The best weights', best.weights, shapes);
    engine.restore(state);
  } catch (error) {
    throw error instanceof UserError ? new ForeignCheckpoint(path, error) : error;
  }
}

/** @throws {Diverged} the training has come to nothing; `attempt.best` is what was good last */
async function trainSteps(attempt: Attempt): Promise<void> {
  const { options, engine, train, net, progress, checkpoint } = attempt;
  const { settings } = options.recipe;
  const stepper = openStepper(engine, attempt.preparation, {
    train,
    from: progress.step,
    imageSize: net.input,
    size: settings.batchSize,
    seed: options.seed,
    augmentation: { flip: settings.flip, shift: settings.translate },
  });
  try {
    await runSteps(attempt, stepper);
  } finally {
    await stepper.close();
  }
  // From here on nothing changes: whatever interrupts what follows, the same version comes of it.
  progress.trainedAt = new Date().toISOString();
  await checkpoint();
}

async function runSteps(attempt: Attempt, stepper: Stepper): Promise<void> {
  const { options, emit, net, engine, heldOut, stepsPerEpoch, progress, checkpoint } = attempt;
  const { recipe, signal } = options;
  const { settings } = recipe;
  const pace = paceOf(settings.batchSize);
  const budget = settings.budget > 0 ? openBudget(settings.budget) : undefined;
  let checkpointAt = performance.now();
  let toldAt = 0;

  while (progress.step < progress.steps) {
    if (budget) fitSteps(attempt, budget, settings.budget);
    const { steps } = progress;
    const untilCheckpoint = settings.checkpointSeconds - (performance.now() - checkpointAt) / 1000;
    const inTime = Math.floor(Math.min(CALL_SECONDS, untilCheckpoint) / pace.secondsPerStep());
    const strides = stridesOf(attempt, Math.max(1, Math.min(inTime, stepper.most)));
    const began = performance.now();
    const losses = await stepper.advance(strides);
    const seconds = (performance.now() - began) / 1000 / losses.length;
    for (const [index, loss] of losses.entries()) {
      watchLoss(progress.losses, loss, net.classes);
      progress.step++;
      const isLast = progress.step === steps;
      if (isLast && settings.lookahead > 0) engine.lookahead(1); // The run ends on the slow average.

      progress.trainingSeconds += seconds;
      progress.lossSum += loss;
      progress.lossSteps++;
      pace.add(seconds);
      budget?.add(seconds);

      const isEpochEnd = isLast || progress.step % stepsPerEpoch === 0;
      const epoch = progress.step / stepsPerEpoch;
      const learningRate = strides[index]!.learningRates.weights!;
      if (isLast || performance.now() - toldAt > 1000 * STEP_EVENT_SECONDS) {
        toldAt = performance.now();
        const etaSeconds = pace.secondsPerStep() * (steps - progress.step);
        emit({
          type: 'step',
          step: progress.step,
          steps,
          epoch,
          loss,
          learningRate,
          imagesPerSecond: pace.imagesPerSecond(),
          etaSeconds,
        });
      }
      if (isEpochEnd || progress.step % Math.ceil(steps / HISTORY_POINTS) === 0) {
        const validation = isEpochEnd ? await validate(engine, heldOut, net.classes) : null;
        const meanLoss = progress.lossSum / progress.lossSteps;
        const point = { step: progress.step, epoch, loss: meanLoss, trainingSeconds: progress.trainingSeconds };
        progress.history.push({ ...point, learningRate, validation });
        progress.lossSum = 0;
        progress.lossSteps = 0;
        if (isEpochEnd) {
          emit({ type: 'epoch', ...point, ...(validation && { validation }) });
          keepIfBetter(attempt, epoch, validation);
        }
      }
    }
    if (progress.step === progress.steps) return;
    if (signal?.aborted || performance.now() - checkpointAt > 1000 * settings.checkpointSeconds) {
      await checkpoint();
      checkpointAt = performance.now();
      signal?.throwIfAborted();
    }
    await setImmediate(); // A call blocks the event loop: here signals are heard and events are written.
  }
}

/** The next steps, as many as one call may do: it ends with the epoch, and where a group is frozen. */
function stridesOf({ options, groups, stepsPerEpoch, progress }: Attempt, most: number): Stride[] {
  const { settings } = options.recipe;
  const { step: first, steps } = progress;
  const left = Math.min(steps - first, stepsPerEpoch - (first % stepsPerEpoch));
  const strides = Array.from({ length: Math.min(most, left) }, (_, index) => {
    const step = first + index;
    const learningRates = learningRatesOf(groups, settings, { step, steps, stepsPerEpoch, factor: slowdown(progress) });
    return { step, learningRates, lookahead: pullOfSlowAverage(settings.lookahead, step + 1, steps) };
  });
  const trained = ({ learningRates }: Stride) => Object.keys(learningRates).length;
  return strides.filter((stride) => trained(stride) === trained(strides[0]!));
}

/** Has the schedule run out as the time does. */
function fitSteps({ progress, stepsPerEpoch, emit }: Attempt, budget: Budget, budgetSeconds: number): void {
  const steps = budget.fit(progress);
  if (steps === progress.steps) return;
  progress.steps = steps;
  const { step, trainingSeconds } = progress;
  emit({ type: 'fitted', step, steps, epochs: steps / stepsPerEpoch, trainingSeconds, budgetSeconds });
}

/**
 * At the end of an epoch: keeps its weights if they are the best, and ends the run here if none were for too long.
 *
 * @throws {Diverged} the weights are not finite
 */
function keepIfBetter(attempt: Attempt, epoch: number, validation: Validation | null): void {
  const { options, engine, progress, emit } = attempt;
  const weights = engine.weights();
  checkFinite(weights);
  if (isBetter(validation, attempt.best)) attempt.best = { step: progress.step, epoch, validation, weights };
  const { best } = attempt;
  if (progress.step === progress.steps || !isOutOfPatience(options.recipe.settings.patience, epoch, best)) return;
  progress.steps = progress.step;
  if (options.recipe.settings.lookahead > 0) engine.lookahead(1); // It ends on the slow average, as others do.
  emit({
    type: 'stopped',
    step: progress.step,
    epoch,
    best: { epoch: best!.epoch, accuracy: best!.validation!.accuracy },
  });
}

/** Choices are made on the held-out images; the test set is read once, all of it. */
async function testAndStore(attempt: Attempt): Promise<RunResult> {
  const { options, emit, net, engine, heldOut, stepsPerEpoch, progress } = attempt;
  const { recipe, seed, data, store, run, signal } = options;
  const { trainingSeconds, wallSeconds, trainedAt, history } = progress;
  const kept = loadKept(attempt);
  const predict = (images: Uint8Array) => engine.logits(images);
  signal?.throwIfAborted();
  const temperature =
    heldOut.count > 0 ? fitTemperature(await logitsOf(predict, heldOut, net.classes), heldOut.labels) : 1;
  const began = performance.now();
  const evaluation = await evaluate(predict, data.test, {
    imageSize: net.input,
    classes: net.classes,
    temperature,
    signal,
  });
  const { images, plain, tta, loss } = evaluation;
  emit({
    type: 'evaluated',
    kept: kept.weights,
    step: kept.step,
    images,
    plain,
    tta,
    loss,
    seconds: (performance.now() - began) / 1000,
  });

  const files = await describeTrained({
    net,
    weights: engine.weights(),
    recipe,
    seed,
    parent: options.from?.parent,
    run,
    data,
    temperature,
    evaluation,
    history,
    trainedAt: trainedAt!,
    trainingSeconds,
    wallSeconds,
    epochs: progress.step / stepsPerEpoch,
    kept,
    engine: engine.description,
  });
  const version = await publishVersion(store, files.version);
  await moveCandidate(store, version, run);
  for (const [path, body] of files.run) {
    await store.put(runKey(run, path), body, { contentType: contentTypeOf(path) });
  }
  await attempt.flushBoard();
  const result: RunResult = {
    at: new Date().toISOString(),
    version,
    accuracy: { plain, tta },
    trainingSeconds,
    steps: progress.step,
    kept,
    recoveries: progress.recoveries.length,
  };
  await writeResult(store, run, result);
  await clearSpool(options.spool, run);
  emit({ type: 'saved', version, store: store.url });
  return result;
}

/** Gives the engine the weights that the recipe publishes. */
function loadKept({ options, engine, best, progress, stepsPerEpoch }: Attempt): NonNullable<Card['kept']> {
  if (options.recipe.settings.keep === 'last' || best === undefined) {
    return { weights: 'last', step: progress.step, epoch: progress.step / stepsPerEpoch };
  }
  const weights = new Map(best.weights.map((tensor) => [tensor.name, tensor]));
  engine.restore(engine.state().map((tensor) => weights.get(tensor.name) ?? tensor));
  return { weights: 'best', step: best.step, epoch: best.epoch };
}

type Emit = (body: EventBody) => void;
interface Events {
  readonly emit: Emit;
  /** @throws {WriteConflict} another process writes the events of this run */
  readonly flush: () => Promise<void>;
  /** What TensorBoard shows. */
  readonly flushBoard: () => Promise<void>;
}
/** An event without its time. */
type EventBody = TrainingEvent extends infer Event ? (Event extends TrainingEvent ? Omit<Event, 'at'> : never) : never;

/** @throws {UsageError} the recipe leaves no batch to train on or nothing to choose by, or its engine cannot do it */
function checkRecipe(
  { heldOut, batchSize, patience, keep, engine, precision, batchPreparation }: Recipe,
  { name, train }: Dataset,
): void {
  if (!isNative(engine)) {
    const native = 'takes native TensorFlow, and this run is on WebAssembly. Set';
    if (precision !== 'auto' && precision !== 'float32')
      throw new UsageError(`precision=${precision} ${native} precision=auto.`);
    if (batchPreparation === 'graph') throw new UsageError(`batchPreparation=graph ${native} batchPreparation=worker.`);
  }
  if (heldOut === 0 && (patience > 0 || keep === 'best')) {
    const setting = keep === 'best' ? 'keep=best' : `patience=${patience}`;
    throw new UsageError(`${setting} is decided on held-out images, and heldOut=0 leaves none. Set heldOut=5000.`);
  }
  if (heldOut + batchSize <= train.count) return;
  throw new UsageError(
    `${name} has ${train.count} training images: heldOut=${heldOut} leaves no batch of batchSize=${batchSize}. ` +
      'Set one of them lower.',
  );
}

/** @throws {UserError} native TensorFlow is not installed, or a step needs more memory than there is */
async function checkEngine({ engine, batchSize, precision }: Recipe, net: Net): Promise<void> {
  if (!isNative(engine)) return;
  const tensorflow = await loadTensorFlow();
  if (tensorflow.device === 'CPU') checkMemory({ net, batchSize }, precisionOf({ precision }, tensorflow));
}

/** @throws {UserError} a label is none of the classes; the message says of which image */
function checkLabels({ name, images: { classes }, train, test }: Dataset, heldOut: number): void {
  for (const [split, { labels }] of Object.entries({ training: train, test })) {
    const image = labels.findIndex((label) => label >= classes);
    if (image < 0) continue;
    const isHeldOut = split === 'training' && image >= train.count - heldOut;
    throw new UserError(
      `${name} has the label ${labels[image]} at ${split} image ${image}${isHeldOut ? ', which is held out' : ''}. ` +
        `Its ${classes} classes are numbered from 0 to ${classes - 1}: mend the data set.`,
    );
  }
}

function compile(choice: Recipe['engine'], options: EngineOptions): Promise<Engine> {
  return isNative(choice) ? compileGraph(options) : compileEager(options);
}

function isNative(engine: Recipe['engine']): boolean {
  return engine === 'tensorflow' || (engine === 'auto' && hasTensorFlow());
}

async function preparationOf({ batchPreparation, engine }: Recipe): Promise<BatchPreparation> {
  if (batchPreparation !== 'auto') return batchPreparation;
  return isNative(engine) && (await loadTensorFlow()).device === 'GPU' ? 'graph' : 'inline';
}

function plannedSteps({ epochs, budget }: Recipe, stepsPerEpoch: number): number {
  const steps = Math.ceil(epochs * stepsPerEpoch);
  return budget > 0 ? Math.max(steps, FEWEST_STEPS) : steps; // Until they are fitted.
}

function newProgress(steps: number): Progress {
  return {
    step: 0,
    steps,
    trainingSeconds: 0,
    wallSeconds: 0,
    history: [],
    lossSum: 0,
    lossSteps: 0,
    losses: { first: null, farSteps: 0 },
    recoveries: [],
    trainedAt: null,
  };
}

/** It grows with the cube of the progress. @see airbench §3.4 */
function pullOfSlowAverage(every: number, step: number, steps: number): number | undefined {
  return every > 0 && step % every === 0 ? 0.95 ** every * (step / steps) ** 3 : undefined;
}

async function validate(engine: Engine, heldOut: Split, classes: number): Promise<Validation | null> {
  if (heldOut.count === 0) return null;
  const logits = await logitsOf((images) => engine.logits(images), heldOut, classes);
  return {
    accuracy: agreement(topClasses(logits, classes), heldOut.labels),
    loss: crossEntropy(logits, heldOut.labels),
  };
}

/** The time of a step, smoothed over about ten of them; the first one, in which kernels are chosen, is not counted. */
function paceOf(batchSize: number) {
  let steps = 0;
  let smoothed = Number.POSITIVE_INFINITY;
  return {
    add(seconds: number) {
      smoothed = steps < 2 ? seconds : 0.9 * smoothed + 0.1 * seconds;
      steps++;
    },
    secondsPerStep: () => smoothed,
    imagesPerSecond: () => batchSize / smoothed,
  };
}

/** Two runs may end at once: the one that ends last is the candidate. */
async function moveCandidate(store: ObjectStore, version: string, run: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      const expected = await readAlias(store, 'candidate');
      await moveAlias(store, 'candidate', { to: version, by: `run ${run}`, expected });
      return;
    } catch (error) {
      if (!(error instanceof AliasMoved) || tries === 5) throw error;
    }
  }
}

function unlessAway(error: unknown): void {
  if (!(error instanceof StoreAway)) throw error;
}

function unlessHindered(error: unknown): void {
  if (!(error instanceof WriteConflict || error instanceof StoreAway)) throw error;
}
