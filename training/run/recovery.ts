import { UserError } from '#errors/user-error.ts';
import type { NamedTensor } from '../nets/named-tensor.ts';
import type { Recipe } from '../recipe/recipes.ts';
import type { Best } from './best.ts';
import type { LossWatch, Progress, Recovery } from './progress.ts';

/** A loss counts as far too high from here on, as a multiple of the loss of guessing or of the first step. */
const FAR = 3;
/** One batch may be an outlier; this many in a row are not. */
const FAR_STEPS = 5;
const MOST_RECOVERIES = 3;
/** Each recovery multiplies the learning rate by this. */
const SLOWER = 0.5;

/** The training has reached values from which it no longer learns. */
export class Diverged extends Error {
  override readonly name = 'Diverged';
}

/** A training diverged as often as it may: the same run again would end as it did. */
export class GivenUp extends UserError {
  override readonly name = 'GivenUp';
}

/** @throws {Diverged} the loss is not finite, or has been far above that of guessing for several steps */
export function watchLoss(watch: LossWatch, loss: number, classes: number): void {
  if (!Number.isFinite(loss)) throw new Diverged(`the loss is ${loss}`);
  watch.first ??= loss;
  const far = FAR * Math.max(Math.log(classes), watch.first);
  watch.farSteps = loss > far ? watch.farSteps + 1 : 0;
  if (watch.farSteps < FAR_STEPS) return;
  throw new Diverged(`the loss is ${loss.toFixed(1)}, and was above ${far.toFixed(1)} for ${FAR_STEPS} steps`);
}

/** @throws {Diverged} a value is infinite or not a number; the message names the tensor */
export function checkFinite(tensors: readonly NamedTensor[]): void {
  const broken = tensors.find(({ data }) => !data.every(Number.isFinite));
  if (broken) throw new Diverged(`${broken.name} is no longer finite`);
}

/** The factor of the learning rates after the recoveries so far. */
export function slowdown({ recoveries }: Pick<Progress, 'recoveries'>): number {
  return SLOWER ** recoveries.length;
}

/**
 * Sets a diverged run back to its best weights, or to its first ones, with half the learning rate. Momenta start at zero:
 * the old ones point where the training diverged.
 *
 * Which weights are best depends on the training alone, while checkpoints are written by the clock: so an interrupted run
 * diverges, recovers and ends exactly as an uninterrupted one.
 *
 * @throws {GivenUp} it has gone back as often as it may
 */
export function recover(progress: Progress, best: Best | undefined, { message }: Diverged, recipe: Recipe): Recovery {
  if (progress.recoveries.length === MOST_RECOVERIES) {
    const slowest = SLOWER ** MOST_RECOVERIES;
    const next = (rate: number) => rate * slowest * SLOWER;
    const muon = recipe.optimizer === 'muon' ? ` --set muonLearningRate=${next(recipe.muonLearningRate)}` : '';
    const precision = recipe.precision === 'float32' ? '' : ' --set precision=float32,';
    throw new GivenUp(
      `The training diverged at step ${progress.step} (${message}), for the ${MOST_RECOVERIES + 1}th time: even with ` +
        `${slowest} of its learning rate of ${recipe.learningRate}. Try --set learningRate=${next(recipe.learningRate)}${muon},` +
        `${precision} or less weightDecay.`,
    );
  }
  const recovery = { from: progress.step, to: best?.step ?? 0, reason: message };
  progress.recoveries.push(recovery);
  progress.step = recovery.to;
  progress.history = progress.history.filter(({ step }) => step <= recovery.to);
  progress.lossSum = 0;
  progress.lossSteps = 0;
  progress.losses.farSteps = 0;
  if (progress.averaged !== undefined) progress.averaged = 0; // An average begins anew, from the weights gone back to.
  progress.trainedAt = null;
  return recovery;
}
