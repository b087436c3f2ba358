import { isDeepStrictEqual } from 'node:util';
import { UserError } from '#errors/user-error.ts';
import { resolveVersion, type StoredAlias } from '#models/aliases.ts';
import { type Evaluate, type Promotion, promote } from '#models/gate.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { openTestImages } from '#training/datasets/test-images.ts';
import { areTestImagesOf } from '#training/evaluation/evaluation-report.ts';
import { agreement } from '#training/evaluation/measure.ts';
import { predictAsServed } from './serving-runtime.ts';

/**
 * Moves an alias to a version that the endpoint can serve and that is as accurate as the current one.
 *
 * @throws as the gate's `promote`
 */
export function promoteVersion(
  store: ObjectStore,
  promotion: Omit<Promotion, 'predict' | 'evaluate'>,
): Promise<StoredAlias> {
  return promote(store, { ...promotion, predict: predictAsServed, evaluate: evaluateOn(store) });
}

/**
 * Lets the endpoint serve the version that was trained last, if it passes the gate.
 *
 * @param by who promotes it, as the alias records it
 * @throws {UserError} nothing was trained, or it is not accurate enough
 */
export async function promoteCandidate(store: ObjectStore, by: string): Promise<StoredAlias> {
  return promoteVersion(store, { version: await resolveVersion(store, 'candidate'), by });
}

const evaluateOn =
  (store: ObjectStore): Evaluate =>
  async (version, on) => {
    const data = await openTestImages(on, { store });
    if (!areTestImagesOf(on, data)) {
      throw new UserError(`The test images of ${data.title} are not those that the candidate was tested on.`);
    }
    const { classifyTestImages } = await import('#training/evaluation/stored-model.ts'); // Loads TensorFlow.js.
    // The same pictures, in the size and fit of the version.
    const { input } = version.card;
    const own = isDeepStrictEqual(input, on.input) ? data : await openTestImages(on, { store, input });
    return agreement(await classifyTestImages(version, own), own.test.labels);
  };
