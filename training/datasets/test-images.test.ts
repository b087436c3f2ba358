import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { folderStore } from '#models/stores/folder-store.ts';
import type { Dataset } from '../data/dataset.ts';
import { openDataset } from './open-dataset.ts';
import { packDataset } from './packed/pack-dataset.ts';
import { catsAndDogs, png, temporaryFolder, writeFiles } from './pictures/pictures.fixture.ts';
import { openTestImages } from './test-images.ts';

let folder: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ folder, remove } = await temporaryFolder());
});
afterEach(() => remove());

const cardOf = ({ name, title, classes, sha256 }: Dataset) => ({
  ...{ name, classes: [...classes], data: { name: title, sha256: { ...sha256 }, heldOut: 2 } },
  input: { height: 32, width: 32, channels: 3, range: [0, 255] as [0, 255] },
});

test('the test images of a job are found in the store by their digest, where the pictures are gone, changed or were never', async () => {
  const photos = join(folder, 'photos');
  await writeFiles(photos, catsAndDogs(10));
  const data = await openDataset(photos);
  const store = folderStore(join(folder, 'store'));
  await packDataset(store, data);
  const found = async () => (await openTestImages(cardOf(data), { store })).sha256;

  await writeFiles(
    photos,
    Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`cats/more-${at}.png`, png(4_000 + at)])),
  );
  expect((await openDataset(photos)).sha256.test).not.toBe(data.sha256.test);
  expect(await found()).toEqual(data.sha256);

  await rename(photos, join(folder, 'moved'));
  expect(await found()).toEqual(data.sha256);
  await expect(openTestImages(cardOf(data))).rejects.toThrow('no such path');

  vi.stubEnv('XDG_CACHE_HOME', join(folder, 'another-machine'));
  expect(await found()).toEqual(data.sha256);
  const empty = folderStore(join(folder, 'empty'));
  await expect(openTestImages(cardOf(data), { store: empty })).rejects.toThrow('never loaded on this machine');
});

test('pictures in a folder with the name of a published data set have another name', async () => {
  await writeFiles(join(folder, 'cifar10'), catsAndDogs(10));
  expect(await openDataset(join(folder, 'cifar10'))).toMatchObject({ name: 'cifar10-pictures', title: 'cifar10' });
});
