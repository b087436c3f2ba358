import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exampleModel } from '#inference/serving/example-model.fixture.ts';
import { readAlias } from '#models/aliases.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import { publishVersion } from '#models/versions.ts';
import { openDataset } from '#training/datasets/open-dataset.ts';
import { catsAndDogs, temporaryFolder, writeFiles } from '#training/datasets/pictures/pictures.fixture.ts';
import { promoteVersion } from './promote.ts';

let folder: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ folder, remove } = await temporaryFolder());
  await writeFiles(join(folder, 'pets'), catsAndDogs(10));
});
afterAll(() => remove());

test('versions of other sizes and fits are compared on the same pictures, each as it sees them', async () => {
  const store = folderStore(join(folder, 'store'));
  const versionAt = async (size: number, fit: 'crop' | 'pad') => {
    const { classes, name, title, sha256 } = await openDataset(join(folder, 'pets'), { image: { size, fit } });
    const input = { height: size, width: size, channels: 3, range: [0, 255] as [0, 255] };
    const data = { name: title, sha256: { ...sha256 }, heldOut: 2 };
    const card = { name, data, input: { ...input, ...(fit === 'pad' && { fit }) } };
    return publishVersion(store, await exampleModel({ classes, size, card }));
  };
  const [small, large] = [await versionAt(32, 'crop'), await versionAt(48, 'pad')];
  await promoteVersion(store, { version: small, by: 'a test' });
  // Whatever these untrained nets answer is tolerated, but they must be compared.
  await promoteVersion(store, { version: large, by: 'a test', tolerance: 1 });
  expect(await readAlias(store, 'production')).toMatchObject({ version: large, reason: null });
  await expect(promoteVersion(store, { version: small, by: 'a test', tolerance: -1 })).rejects.toThrow(
    /is worse than production: plain test accuracy [\d.]+ % after [\d.]+ %/,
  );
});
