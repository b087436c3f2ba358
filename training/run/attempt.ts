import { UserError } from '#errors/user-error.ts';
import { type Parent, parentName } from '#models/card.ts';
import { describeData, isSameData } from '#models/data-identity.ts';
import { sizeOf } from '#models/size-of.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { batchesPerEpoch } from '../data/batches.ts';
import { classWeightsOf } from '../data/class-weights.ts';
import type { Dataset, Split } from '../data/dataset.ts';
import { holdOut } from '../data/hold-out.ts';
import type { Engine } from '../engine/engine.ts';
import { initializeWeights } from '../nets/initialize.ts';
import { countParameters, layerTable } from '../nets/layer-table.ts';
import { checkTensors, type NamedTensor } from '../nets/named-tensor.ts';
import type { Net } from '../nets/net.ts';
import { weightSpecs } from '../nets/shapes.ts';
import type { BatchPreparation } from '../recipe/batch-preparation.ts';
import type { ParameterGroup } from '../recipe/optimizer.ts';
import { freezableOf, groupsOf } from '../recipe/parameter-groups.ts';
import { reducedSides } from '../recipe/resolutions.ts';
import type { ResolvedRecipe } from '../recipe/settings.ts';
import type { Best } from './best.ts';
import { plannedSteps } from './budget.ts';
import { type Checkpoint, ForeignCheckpoint } from './checkpoint.ts';
import { choosePreparation, compileEngine } from './choose-engine.ts';
import { netFor, type OpenedParent, weightsFor } from './parent.ts';
import { newProgress, type Progress } from './progress.ts';
import type { ReclaimWatch } from './reclaim-notice.ts';
import { checkFinite, type Diverged, recover, slowdown } from './recovery.ts';
import type { Emit, RunLog } from './run-log.ts';
import { openSpooledCheckpoints } from './spooled-checkpoints.ts';
import { type Work, workOf } from './work.ts';

export interface AttemptOptions {
  readonly recipe: ResolvedRecipe;
  readonly seed: number;
  readonly data: Dataset;
  /** Whose weights the run begins with. @default weights drawn by the seed */
  readonly from?: OpenedParent | undefined;
  /** Where the run, its checkpoints and the version are stored. */
  readonly store: ObjectStore;
  /** The run's name; an existing run is resumed. */
  readonly run: string;
  /** Keeps checkpoints on this machine while the store is unavailable; undefined where nothing here outlives the process. */
  readonly spool: ObjectStore | undefined;
  /** Aborted with the name of a signal: the run keeps a checkpoint and ends. @default never */
  readonly signal?: AbortSignal | undefined;
}

/** The last checkpoint, for messages. */
export interface KeptCheckpoint {
  /** 0 before the first checkpoint. */
  step: number;
  /** The store or folder that has it. */
  url?: string;
}

/** What an attempt reports to, and hears from. */
export interface AttemptContext {
  readonly log: RunLog;
  /** Is updated with each checkpoint. */
  readonly kept: KeptCheckpoint;
  readonly reclaim: ReclaimWatch;
}

/** One process training a run, from its start or from a checkpoint. */
export interface Attempt {
  readonly options: AttemptOptions;
  readonly emit: Emit;
  readonly net: Net;
  readonly groups: readonly ParameterGroup[];
  readonly train: Split;
  readonly heldOut: Split;
  readonly stepsPerEpoch: number;
  readonly work: Work;
  readonly preparation: BatchPreparation;
  readonly reclaim: ReclaimWatch;
  /** Changes as the run advances, as do `engine` and `best`. */
  readonly progress: Progress;
  engine: Engine;
  best: Best | undefined;
  /** Keeps the state of engine and progress. @throws {Diverged} a value is not finite */
  checkpoint(): Promise<void>;
  /** A new engine, with the best weights of the run, or with its first ones. */
  compile(): Promise<Engine>;
}

/**
 * Prepares engine, data and progress, at the start of the run or where a checkpoint left it.
 *
 * @throws {ForeignCheckpoint} the checkpoint is of other data, another net or another optimizer; nothing was changed
 */
export async function openAttempt(options: AttemptOptions, { log, kept, reclaim }: AttemptContext): Promise<Attempt> {
  const { recipe, seed, from, data, store, spool, run } = options;
  const { settings } = recipe;
  const startedAt = performance.now();

  const net = netFor(settings, data.images, from);
  const { train, heldOut } = holdOut(data, settings.heldOut);
  const stepsPerEpoch = batchesPerEpoch(train, settings.batchSize);
  const groups = groupsOf(net, settings);
  const preparation = await choosePreparation(settings);
  // Whitening takes seconds, and a run that is resumed needs its first weights only if it diverges before it has better ones.
  let drawn: NamedTensor[] | undefined;
  const initial = () => {
    drawn ??= from
      ? weightsFor(net, from, { classes: data.classes, seed })
      : initializeWeights(net, { seed, images: train.images });
    return drawn;
  };
  const compileFrom = (weights: readonly NamedTensor[]) =>
    compileEngine(settings.engine, {
      net,
      weights,
      batchSize: settings.batchSize,
      seed,
      labelSmoothing: settings.labelSmoothing,
      classWeights: classWeightsOf(settings.classWeights, train.labels, net.classes),
      reduction: 'mean',
      groups,
      freezable: freezableOf(groups, settings),
      lookahead: settings.lookahead > 0,
      average: settings.averageLast > 0,
      precision: settings.precision,
      filterGradient: settings.filterGradient,
      convolutions: settings.convolutions,
      resolutions: reducedSides(settings, net.input[0]),
      resident: preparation === 'graph' ? { ...train, augmentation: settings } : undefined,
    });

  const checkpoints = await openSpooledCheckpoints({ store, spool, run });
  const { latest } = checkpoints;
  const progress = latest?.progress ?? newProgress(plannedSteps(settings, stepsPerEpoch));
  const earlierSeconds = progress.wallSeconds;
  const attempt: Attempt = {
    ...{ options, emit: log.emit, net, groups, train, heldOut, stepsPerEpoch, preparation },
    ...{ work: workOf(net, settings), reclaim, progress },
    engine: await compileFrom(latest ? zeros(net) : initial()),
    best: latest?.best,
    async checkpoint() {
      const state = attempt.engine.state();
      checkFinite(state);
      progress.wallSeconds = earlierSeconds + (performance.now() - startedAt) / 1000;
      const { step } = progress;
      const { saved, trouble } = await checkpoints.save({ data, state, best: attempt.best, progress });
      if (saved) Object.assign(kept, { step, url: saved.where.url });
      if (trouble === undefined) log.emit({ type: 'checkpoint', step, key: saved!.key });
      else log.emit({ type: 'spooled', step, ...(saved && { folder: saved.where.url }), reason: trouble.message });
    },
    compile: () => compileFrom(attempt.best?.weights ?? initial()),
  };
  try {
    if (latest) {
      resumeFrom(latest, `${latest.where.url}/${latest.key}`, attempt);
      Object.assign(kept, { step: progress.step, url: latest.where.url });
    }
    log.emit({
      type: 'started',
      run,
      recipe: recipe.name,
      seed,
      data: data.name,
      epochs: progress.steps / stepsPerEpoch,
      steps: progress.steps,
      parameters: countParameters(net),
      layers: layerTable(net),
      engine: attempt.engine.description,
      fromStep: progress.step,
      ...(from && { parent: parentName(from.parent), ...tookOf(from.parent) }),
      ...(latest?.damaged.length && { damaged: latest.damaged }),
    });
    await log.flush(); // Others who follow the run see right away that it has begun.
  } catch (error) {
    attempt.engine.dispose();
    throw error;
  }
  return attempt;
}

function tookOf({ head, ...parent }: Parent) {
  return { ...(head && { head }), ...('byDefault' in parent && { byDefault: true as const }) };
}

/** What an engine is made with whose state will be replaced by a checkpoint's. */
function zeros(net: Net): NamedTensor[] {
  return weightSpecs(net).map(({ name, shape }) => ({ name, shape, data: new Float32Array(sizeOf(shape)) }));
}

/** @throws {ForeignCheckpoint} nothing was changed */
function resumeFrom({ data, state, best }: Checkpoint, path: string, { options, net, engine }: Attempt): void {
  if (!isSameData(data, options.data)) {
    const reason = `it was trained on ${describeData(data)}, and this run trains on ${describeData(options.data)}.`;
    throw new ForeignCheckpoint(path, reason);
  }
  try {
    const shapes = new Map(weightSpecs(net).map(({ name, shape }) => [name, shape]));
    if (best) checkTensors('The best weights', best.weights, shapes);
    engine.restore(state);
  } catch (error) {
    throw error instanceof UserError ? new ForeignCheckpoint(path, error.message, { cause: error }) : error;
  }
}

/**
 * Takes a training that diverged back to its best weights, or to its first ones, with a lower learning rate.
 *
 * @throws {GivenUp} it has gone back as often as it may
 */
export async function goBack(attempt: Attempt, error: Diverged): Promise<void> {
  const { options, progress, best, emit } = attempt;
  const { from, to, reason } = recover(progress, best, error, options.recipe.settings);
  emit({ type: 'recovered', fromStep: from, toStep: to, reason, learningRateFactor: slowdown(progress) });
  attempt.engine.dispose();
  attempt.engine = await attempt.compile();
}
