import { createHash } from 'node:crypto';
import { instanceType } from '#environment/instance-metadata.ts';
import { type CurvePoint, encodeBits, type SweepResult } from '#models/plans/sweep-result.ts';
import { views } from '../data/views.ts';
import { meanLogitsOf } from '../evaluation/evaluate.ts';
import { agreement, topClasses } from '../evaluation/measure.ts';
import { crossEntropy } from '../evaluation/temperature.ts';
import { countParameters } from '../nets/layer-table.ts';
import type { NamedTensor } from '../nets/named-tensor.ts';
import type { HistoryRow } from '../record/history.ts';
import type { Attempt } from './attempt.ts';
import { loadKeptWeights } from './kept-weights.ts';
import { checkLearned, describeGuesses } from './nothing-learned.ts';
import { imageStepsOf } from './progress.ts';
import { instanceMetadata } from './reclaim-notice.ts';
import type { GivenUp } from './recovery.ts';
import type { RunLog } from './run-log.ts';
import { describeHost } from './version.ts';

/** Measures a run that stands at its last step, on the held-out images alone. The weights are those that would be published. */
export async function measureHeldOut(attempt: Attempt, log: RunLog): Promise<SweepResult> {
  const { options, net, engine, heldOut, progress } = attempt;
  const kept = loadKeptWeights(attempt);
  const logits = await meanLogitsOf((images) => engine.logits(images), heldOut, {
    ...{ of: views[options.recipe.settings.views], imageSize: net.input, classes: net.classes },
  });
  options.signal?.throwIfAborted();
  if (!logits.every(Number.isFinite)) {
    const message = 'The answers of the trained network are not finite numbers.';
    log.emit({ type: 'failed', message });
    return { ...(await describeRun(attempt)), at: progress.trainedAt!, outcome: 'diverged', reason: message };
  }
  const answers = topClasses(logits, net.classes);
  const measured = { accuracy: agreement(answers, heldOut.labels), loss: crossEntropy(logits, heldOut.labels) };
  const { guessing } = checkLearned({ logits, split: heldOut, of: 'held-out' }, options.data);
  log.emit({ type: 'measured', kept: kept.weights, step: kept.step, images: heldOut.count, ...measured });
  await log.flushBoard();
  const right = encodeBits(Array.from(heldOut.labels, (label, image) => answers[image] === label));
  return {
    ...(await describeRun(attempt)),
    at: progress.trainedAt!,
    outcome: guessing ? 'guessing' : 'trained',
    ...(guessing && { reason: `No better than guessing: ${describeGuesses(guessing)}.` }),
    heldOut: { images: heldOut.count, ...measured, right },
    kept: { ...kept, sha256: digestOf(engine.weights()) },
  };
}

/** The result of a run that diverged as often as it may. */
export async function describeDiverged(attempt: Attempt, { message }: GivenUp): Promise<SweepResult> {
  return { ...(await describeRun(attempt)), at: new Date().toISOString(), outcome: 'diverged', reason: message };
}

async function describeRun({ options, net, engine, stepsPerEpoch, progress }: Attempt) {
  const instance = instanceMetadata() === undefined ? undefined : await instanceType();
  const { step, history, recoveries, trainingSeconds, wallSeconds } = progress;
  const imageSteps = imageStepsOf(progress, options.recipe.settings.batchSize);
  return {
    run: options.run,
    epochs: step / stepsPerEpoch,
    steps: step,
    ...(imageSteps !== undefined && { imageSteps }),
    recoveries: recoveries.length,
    trainingSeconds,
    wallSeconds,
    parameters: countParameters(net),
    engine: engine.description,
    machine: { ...(await describeHost(engine.description)), ...(instance && { instance }) },
    curve: curveOf(history),
  };
}

/**
 * The ends of epochs. A run that is abandoned where an epoch ends has a last point that is no number: it is left out, since JSON has
 * no word for it.
 */
export function curveOf(history: readonly HistoryRow[]): CurvePoint[] {
  return history.flatMap(({ step, epoch, loss, validation, trainingSeconds }) =>
    validation && Number.isFinite(validation.loss) ? [{ step, epoch, loss, heldOut: validation, trainingSeconds }] : [],
  );
}

/** SHA-256 of names, shapes and values: equal for weights that are equal bit for bit. */
export function digestOf(weights: readonly NamedTensor[]): string {
  const hash = createHash('sha256');
  for (const { name, shape, data } of weights) {
    hash.update(`${name} [${shape}]\n`).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest('hex');
}
