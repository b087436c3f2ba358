import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { goldenDifference, goldenPixels } from '#models/golden.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import { readVersion } from '#models/versions.ts';
import { loadPictures } from '../datasets/pictures/load-pictures.ts';
import { catsAndDogs, temporaryFolder, writeFiles } from '../datasets/pictures/pictures.fixture.ts';
import { openTestImages } from '../datasets/test-images.ts';
import { hasTensorFlow } from '../engine/tensorflow.ts';
import { openStoredModel } from '../evaluation/stored-model.ts';
import { probabilities } from '../evaluation/temperature.ts';
import { resolveContinuation, resolveRecipe } from '../recipe/settings.ts';
import { openParent } from './parent.ts';
import { train } from './train.ts';

let folder: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ folder, remove } = await temporaryFolder());
});
afterAll(() => remove());

const store = () => folderStore(join(folder, 'store'));

async function trained(run: string, recipe: ReturnType<typeof resolveRecipe>, from?: string) {
  const { imageSize: size, fit } = recipe.settings;
  const data = await loadPictures(join(folder, 'p'), { image: { size, fit } });
  const parent = from === undefined ? undefined : await openParent({ from, store: store(), run });
  const rest = { resume: 'again', emit: () => {}, spool: undefined };
  const outcome = await train({ recipe, seed: 1, data, from: parent, store: store(), run, ...rest });
  if (outcome.status !== 'finished') throw new Error('The run was interrupted.');
  return readVersion(store(), outcome.result.version);
}

test.each(['wasm', ...(hasTensorFlow() ? ['tensorflow'] : [])])(
  'a model of padded pictures of 48x48 is published by %s, loaded, and continued as such',
  async (engine) => {
    await writeFiles(join(folder, 'p'), catsAndDogs(20));
    const settings = ['heldOut=4', 'batchSize=8', 'epochs=2', 'imageSize=48', 'fit=pad', `engine=${engine}`];
    const version = await trained(`${engine}-1`, resolveRecipe('tiny', settings));
    const { card, golden } = version;
    expect(card.input).toEqual({ height: 48, width: 48, channels: 3, range: [0, 255], fit: 'pad' });
    expect((await openTestImages(card)).sha256.test).toBe(card.data.sha256.test);

    const model = await openStoredModel(version);
    const answers = probabilities(model.predict(goldenPixels(golden)), 2, card.temperature);
    model.dispose();
    expect(goldenDifference(golden, answers)).toBeLessThan(golden.tolerance);

    const { recipe } = await openParent({ from: version.id, store: store(), run: `${engine}-2` });
    const continued = await trained(`${engine}-2`, resolveContinuation({ parent: recipe }), version.id);
    expect(continued.card).toMatchObject({ input: card.input, parent: { version: version.id } });
  },
  120_000,
);
