import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { UserError } from '#errors/user-error.ts';
import { findPackedData, packedAddress } from '#models/packed-data.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import type { Dataset } from '../../data/dataset.ts';
import { splitDigest } from '../../data/split-digest.ts';
import { loadPacked } from './open-packed.ts';
import { packDataset } from './pack-dataset.ts';

let root: string;
let store: ObjectStore;
let puts: string[];
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'packed-'));
  const folder = folderStore(root);
  puts = [];
  store = {
    ...folder,
    async put(key, ...rest) {
      puts.push(key);
      return folder.put(key, ...rest);
    },
  };
});
afterEach(async () => rm(root, { recursive: true }));

/** Pictures of 4x4, told apart by their bytes. */
function dataset({ train = 30, test: tested = 7, classes = 3, first = 0, name = 'photos' } = {}): Dataset {
  const splitOf = (count: number, from: number) => {
    const labels = Array.from({ length: count }, (_, image) => (from + image) % classes);
    const images = Uint8Array.from({ length: count * 48 }, (_, at) => (from + 31 * at) % 256);
    return { count, images, labels: classes > 256 ? Uint16Array.from(labels) : Uint8Array.from(labels) };
  };
  const splits = { train: splitOf(train, first), test: splitOf(tested, first + 1_000) };
  return {
    ...{ name, title: 'Photos', classes: Array.from({ length: classes }, (_, label) => `class ${label}`) },
    sha256: { train: splitDigest(splits.train), test: splitDigest(splits.test) },
    images: { size: [4, 4, 3], classes, mean: [0.1, 0.2, 0.3], deviation: [0.4, 0.5, 0.6] },
    ...{ ...splits, heldOutImages: 'last', heldOut: 4 },
  };
}

const plain = ({ train, test: tested, ...rest }: Dataset) => ({
  ...rest,
  splits: [train, tested].map(({ count, labels, images }) => [
    count,
    labels.constructor.name,
    [...labels],
    [...images],
  ]),
});

test('a data set comes back as it was, however it is cut', async () => {
  const sets = fc.record({
    train: fc.integer({ min: 1, max: 40 }),
    test: fc.integer({ min: 1, max: 20 }),
    classes: fc.constantFrom(2, 200, 300),
    first: fc.nat(255),
  });
  await fc.assert(
    fc.asyncProperty(sets, fc.integer({ min: 100, max: 3_000 }), async (shape, partBytes) => {
      const data = dataset(shape);
      const folder = await packDataset(store, data, { partBytes });
      expect(plain(await loadPacked(store, folder, {}))).toEqual(plain(data));
    }),
    { numRuns: 10 },
  );
});

test('it is put once: data first, then what describes it, and an interrupted one resumes', async () => {
  const data = dataset();
  const failing: ObjectStore = {
    ...store,
    async put(key, ...rest) {
      if (key.endsWith('test-00000.bin')) throw new Error('interrupted');
      return store.put(key, ...rest);
    },
  };
  await expect(packDataset(failing, data, { partBytes: 1_000 })).rejects.toThrow('interrupted');
  expect(await findPackedData(store, data)).toBeUndefined();
  const folder = await packDataset(store, data, { partBytes: 1_000 });
  expect(puts.at(-1)).toBe(`${folder}/set.json`);
  const count = puts.length;
  expect(await packDataset(store, data, { partBytes: 1_000 })).toBe(folder);
  expect(puts.length).toBe(count);
  expect(packedAddress(`s3://bucket/${folder}`)).toEqual({ store: 's3://bucket', folder });
});

test('other images, other classes or another form are another set, and each is found by its test images', async () => {
  const [one, other] = [dataset(), dataset({ first: 9 })];
  const folders = [await packDataset(store, one), await packDataset(store, other)];
  folders.push(await packDataset(store, { ...one, classes: ['a', 'b', 'c'] }));
  folders.push(await packDataset(store, one, { image: { size: 4, fit: 'pad' } }));
  expect(new Set(folders).size).toBe(4);
  expect(await findPackedData(store, other)).toBe(folders[1]);
  expect(await findPackedData(store, dataset({ first: 77 }))).toBeUndefined();
  expect(await findPackedData(store, { ...one, name: 'others' })).toBeUndefined();
});

describe('what is damaged is named, with the remedy', () => {
  test.each(['train-00001.bin', 'test-00000.bin', 'set.json'])('%s', async (file) => {
    const folder = await packDataset(store, dataset(), { partBytes: 700 });
    const stored = (await store.get(`${folder}/${file}`))!.body;
    stored[5]! ^= 1;
    await store.put(`${folder}/${file}`, stored);
    const refused = expect(loadPacked(store, folder, {})).rejects;
    await refused.toThrow(`${file} is damaged. Delete its folder, and submit the training again`);
    await expect(loadPacked(store, folder, {})).rejects.toBeInstanceOf(UserError);
    await store.delete(`${folder}/${file}`);
    await expect(loadPacked(store, folder, {})).rejects.toBeInstanceOf(UserError);
  });
});

test('pictures of another form than the run wants are refused', async () => {
  const folder = await packDataset(store, dataset(), { image: { size: 4, fit: 'pad' } });
  await expect(loadPacked(store, folder, { image: { size: 48, fit: 'crop' } })).rejects.toThrow(
    'Photos was packed with imageSize=4 and fit=pad, not with imageSize=48 and fit=crop.',
  );
  await expect(loadPacked(store, folder, { image: { size: 4, fit: 'pad' } })).resolves.toBeDefined();
});

test('a signal ends the loading', async () => {
  const folder = await packDataset(store, dataset());
  await expect(loadPacked(store, folder, { signal: AbortSignal.abort('SIGINT') })).rejects.toBe('SIGINT');
});

test.each([
  's3://bucket',
  's3://bucket/data/photos',
  's3://b/data/x/abc',
  'data/photos/x',
  './s3://b',
  's3:///data/x/y',
])('%s is no address of a packed set', (address) => expect(packedAddress(address)).toBeUndefined());
