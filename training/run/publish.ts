import { UserError } from '#errors/user-error.ts';
import { AliasMoved, moveAlias, readAlias, type StoredAlias } from '#models/aliases.ts';
import { type RunResult, runKey, writeResult } from '#models/runs.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { contentTypeOf, publishVersion, readCard } from '#models/versions.ts';
import { evaluate, logitsOf } from '../evaluation/evaluate.ts';
import { explainMistakes } from '../evaluation/explain-mistakes.ts';
import { fitUnfamiliar } from '../evaluation/fit-unfamiliar.ts';
import { fitTemperature } from '../evaluation/temperature.ts';
import type { ResolvedRecipe } from '../recipe/settings.ts';
import type { Attempt } from './attempt.ts';
import { loadKeptWeights } from './kept-weights.ts';
import { checkLearned, NothingLearned, whatToTry } from './nothing-learned.ts';
import { imageStepsOf } from './progress.ts';
import type { RunLog } from './run-log.ts';
import { clearSpool } from './spooled-checkpoints.ts';
import { describeTrained } from './version.ts';

/** Mistakes whose report shows what the network looked at. */
const EXPLAINED = 6;

/**
 * Tests the trained network and stores it as a version, the new candidate if it learned anything. Choices are made on the
 * held-out images; the test set is read once, all of it.
 *
 * @param becomesCandidate `false` leaves the candidate as it is
 * @throws {NothingLearned} it answers no better than guessing; everything is stored, and the candidate is the one before
 * @throws {UserError} its answers are not finite numbers; no version is stored
 */
export async function publish(attempt: Attempt, log: RunLog, becomesCandidate: boolean): Promise<RunResult> {
  const { options, net, engine, heldOut, stepsPerEpoch, progress } = attempt;
  const { recipe, seed, data, store, run, signal } = options;
  const { trainingSeconds, wallSeconds, trainedAt, history } = progress;
  const imageSteps = imageStepsOf(progress, recipe.settings.batchSize);
  const kept = loadKeptWeights(attempt);
  const predict = (images: Uint8Array) => finite(engine.logits(images), recipe);
  signal?.throwIfAborted();
  const heldOutLogits = await logitsOf(predict, heldOut, net.classes);
  const temperature = heldOut.count > 0 ? fitTemperature(heldOutLogits, heldOut.labels) : 1;
  const began = performance.now();
  const shape = { imageSize: net.input, classes: net.classes };
  const evaluation = await evaluate(predict, data.test, { ...shape, temperature, signal });
  const { images, plain, tta, loss } = evaluation;
  log.emit({
    type: 'evaluated',
    kept: kept.weights,
    step: kept.step,
    images,
    plain,
    tta,
    loss,
    seconds: (performance.now() - began) / 1000,
    ...(imageSteps !== undefined && { imageSteps }),
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
    unfamiliar: fitUnfamiliar(heldOutLogits, heldOut, net.input),
    evaluation,
    explained: explainMistakes(predict, data.test, evaluation.logits, { ...shape, temperature, most: EXPLAINED }),
    history,
    trainedAt: trainedAt!,
    trainingSeconds,
    wallSeconds,
    epochs: progress.step / stepsPerEpoch,
    imageSteps,
    kept,
    engine: engine.description,
  });
  const version = await publishVersion(store, files.version);
  const { guessing, warning } = checkLearned(
    heldOut.count > 0
      ? { logits: heldOutLogits, split: heldOut, of: 'held-out' }
      : { logits: evaluation.logits, split: data.test, of: 'test' },
    data,
  );
  if (warning !== undefined) log.emit({ type: 'warning', message: warning });
  const before = guessing || !becomesCandidate ? undefined : await moveCandidate(store, version, run);
  for (const [path, body] of files.run) {
    await store.put(runKey(run, path), body, { contentType: contentTypeOf(path) });
  }
  await log.flushBoard();
  const result: RunResult = {
    at: new Date().toISOString(),
    version,
    accuracy: { plain, tta },
    trainingSeconds,
    steps: progress.step,
    ...(imageSteps !== undefined && { imageSteps }),
    kept,
    ...(guessing && { guessing }),
    recoveries: progress.recoveries.length,
  };
  await writeResult(store, run, result);
  await clearSpool(options.spool, run);
  const better = before && (await ifBetter(store, before.version, { plain, test: data.sha256.test }));
  log.emit({ type: 'saved', version, store: store.url, run, ...(better && { better }) });
  if (guessing) throw new NothingLearned({ ...result, guessing }, recipe);
  return result;
}

/** @throws {UserError} an answer is no number */
function finite(logits: Float32Array, recipe: ResolvedRecipe): Float32Array {
  if (logits.every(Number.isFinite)) return logits;
  throw new UserError(
    'The answers of the trained network are not finite numbers, so it is not stored. Train again under another --run, ' +
      `${whatToTry(recipe)}.`,
  );
}

/** The version, if it was more accurate on the same test images. One that cannot be read is not. */
async function ifBetter(
  store: ObjectStore,
  version: string,
  { plain: than, test }: { readonly plain: number; readonly test: string },
) {
  const card = await readCard(store, version).catch((error: unknown) => {
    if (error instanceof UserError) return undefined;
    throw error;
  });
  if (card === undefined || card.data.sha256.test !== test || card.accuracy.plain <= than) return undefined;
  return { version, plain: card.accuracy.plain, than };
}

/** Where two runs end at the same time, the later one's version is the candidate. @returns the candidate before */
async function moveCandidate(store: ObjectStore, version: string, run: string): Promise<StoredAlias | undefined> {
  for (let tries = 1; ; tries++) {
    try {
      const expected = await readAlias(store, 'candidate');
      await moveAlias(store, 'candidate', { to: version, by: `run ${run}`, expected });
      return expected;
    } catch (error) {
      if (!(error instanceof AliasMoved) || tries === 5) throw error;
    }
  }
}
