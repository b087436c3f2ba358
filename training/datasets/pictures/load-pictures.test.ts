import { readdir, readFile, rename, stat, unlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encode } from 'fast-png';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { decodeImage } from '#images/decode-image.ts';
import { cacheRoot } from '#setup/cache.mjs';
import { slice } from '../../data/dataset.ts';
import { channelStatistics } from '../../data/image-set.ts';
import { smallDataset } from '../../data/small-dataset.fixture.ts';
import { openDataset } from '../open-dataset.ts';
import { openTestImages } from '../test-images.ts';
import { loadPictures } from './load-pictures.ts';
import { catsAndDogs, png, temporaryFolder, writeFiles } from './pictures.fixture.ts';

const cifar10 = await smallDataset(600, 100); // Before the cache is another.

let folder: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ folder, remove } = await temporaryFolder());
});
afterEach(() => remove());

const here = (name = 'p') => join(folder, name);

test('CIFAR-10 as a table of pictures is the built-in data set, byte for byte', async () => {
  const rows = ['path,label,split'];
  for (const split of ['train', 'test'] as const) {
    const { images, labels, count } = cifar10[split];
    for (let image = 0; image < count; image++) {
      const path = `${split}/${image}.png`;
      const data = images.subarray(3072 * image, 3072 * (image + 1));
      await writeFiles(here(), { [path]: encode({ width: 32, height: 32, channels: 3, depth: 8, data }) });
      rows.push(`${path},${cifar10.classes[labels[image]!]},${split === 'train' && image >= 540 ? 'val' : split}`);
    }
  }
  await writeFiles(here(), { 'labels.csv': rows.join('\n') });

  const data = await loadPictures(join(here(), 'labels.csv'));

  expect(data.classes).toEqual(cifar10.classes);
  for (const split of ['train', 'test'] as const) {
    expect(Buffer.compare(Buffer.from(data[split].images), Buffer.from(cifar10[split].images))).toBe(0);
    expect([...data[split].labels]).toEqual([...cifar10[split].labels]);
  }
  expect(data).toMatchObject({ heldOutImages: 'last', heldOut: 60, name: 'labels', title: 'labels' });
  expect(data.images).toEqual({ size: [32, 32, 3], classes: 10, ...channelStatistics(cifar10.train.images, 3) });
});

describe('the cache', () => {
  const packFolder = async () => {
    const [name] = (await readdir(cacheRoot())).filter((each) => /^pictures-[0-9a-f]{16}$/.test(each));
    return join(cacheRoot(), name!);
  };
  const pixelBytes = async () => (await stat(join(await packFolder(), 'pixels.bin'))).size;

  test('opens a picture again only when its file has changed, and forgets one that is gone', async () => {
    await writeFiles(here(), catsAndDogs(10));
    const before = await loadPictures(here());
    expect(await pixelBytes()).toBe(20 * 3072);
    expect((await loadPictures(here())).sha256).toEqual(before.sha256);
    expect(await pixelBytes()).toBe(20 * 3072);
    await writeFiles(here(), { 'cats/0.png': png(77) });
    await utimes(join(here(), 'cats/0.png'), 1, 1);
    await unlink(join(here(), 'dogs/1.png'));
    const after = await loadPictures(here());
    expect(after.train.count + after.test.count).toBe(19);
    expect(await pixelBytes()).toBe(21 * 3072);
  });

  test('that is damaged is made anew', async () => {
    await writeFiles(here(), catsAndDogs(10));
    const before = await loadPictures(here());
    const file = join(await packFolder(), 'pixels.bin');
    const bytes = await readFile(file);
    bytes.fill(0, 3072, 6144);
    await writeFile(file, bytes);
    await expect(loadPictures(here())).rejects.toThrow(
      /^The cached pixels of a picture are damaged: (cats|dogs)\/\d\.png\./,
    );
    expect((await loadPictures(here())).sha256).toEqual(before.sha256);
  });

  test('of hundreds of pictures is made by threads, and is the same', async () => {
    await writeFiles(here(), catsAndDogs(120));
    const together = await loadPictures(here());
    expect(together.train.count + together.test.count).toBe(240);
    for (const count of [60, 120]) {
      await writeFiles(here('q'), catsAndDogs(count));
      await loadPictures(here('q'));
    }
    expect((await loadPictures(here('q'))).sha256).toEqual(together.sha256);
  });

  test('two processes at once wait for each other', async () => {
    await writeFiles(here(), catsAndDogs(10));
    const [one, other] = await Promise.all([loadPictures(here()), loadPictures(here())]);
    expect(one.sha256).toEqual(other.sha256);
  });

  test('is left early when a signal says so, and what was opened stays', async () => {
    await writeFiles(here(), catsAndDogs(10));
    const controller = new AbortController();
    controller.abort('SIGINT');
    await expect(loadPictures(here(), { signal: controller.signal })).rejects.toBe('SIGINT');
    await expect(loadPictures(here())).resolves.toMatchObject({ classes: ['cats', 'dogs'] });
  });
});

test('a model can be measured again where its pictures were loaded, and only while they are there', async () => {
  await writeFiles(here(), catsAndDogs(10));
  const data = await loadPictures(here());
  const card = {
    ...{ name: data.name, classes: [...data.classes], input: { height: 32, width: 32, channels: 3, range: [0, 255] } },
    data: { name: data.title, sha256: { ...data.sha256 }, heldOut: 2 },
  } as const;
  expect((await openTestImages(card as never)).sha256).toEqual(data.sha256);
  const strange = { ...card, data: { ...card.data, sha256: { train: '0', test: '0' } } };
  await expect(openTestImages(strange as never)).rejects.toThrow('never loaded on this machine');
  await rename(here(), here('moved'));
  await expect(openTestImages(card as never)).rejects.toThrow('no such path');
});

describe('in another size and fit', () => {
  const image = { size: 48, fit: 'pad' } as const;
  const long = (number: number) => png(number, { width: 60, height: 30 });
  const files = (): Record<string, Uint8Array> =>
    Object.fromEntries(
      Array.from({ length: 12 }, (_, n) => [
        [`cats/${n}.png`, long(n)],
        [`dogs/${n}.png`, long(1_000 + n)],
      ]).flat(),
    );

  test('pictures have the pixels that the endpoint would make of them, and the split of the default', async () => {
    await writeFiles(here(), files());
    const byDefault = await loadPictures(here());
    const data = await loadPictures(here(), { image });
    expect(data.images.size).toEqual([48, 48, 3]);
    for (const split of ['train', 'test'] as const) {
      expect([...data[split].labels]).toEqual([...byDefault[split].labels]);
      const found = Array.from({ length: data[split].count }, (_, at) => hexOf(slice(data[split], at, at + 1).images));
      const possible = new Map<string, string>();
      for (const bytes of Object.values(files())) {
        const [small, large] = await Promise.all([
          decodeImage(bytes, { input: { width: 32, height: 32 } }),
          decodeImage(bytes, { input: { width: 48, height: 48 }, fit: 'pad' }),
        ]);
        possible.set(hexOf(small.pixels), hexOf(large.pixels));
      }
      const expected = found.map((_, at) => possible.get(hexOf(slice(byDefault[split], at, at + 1).images)));
      expect(found).toEqual(expected);
    }
    expect((await loadPictures(here(), { image })).sha256).toEqual(data.sha256);
    expect((await loadPictures(here())).sha256).toEqual(byDefault.sha256);
  });

  test('a model is measured on them as it was trained, and another one in its own form', async () => {
    await writeFiles(here(), files());
    const data = await loadPictures(here(), { image });
    const square = { channels: 3, range: [0, 255] as [0, 255] };
    const input = { ...square, height: 48, width: 48, fit: 'pad' as const };
    const card = { name: 'p', classes: [...data.classes], input, data: { name: 'p', sha256: data.sha256, heldOut: 2 } };
    expect((await openTestImages(card)).sha256).toEqual(data.sha256);
    expect((await openTestImages(card, { name: here() })).sha256).toEqual(data.sha256);
    const other = await openTestImages(card, { input: { ...square, height: 64, width: 64 } });
    expect(other.images.size).toEqual([64, 64, 3]);
    expect(other.sha256).toEqual((await loadPictures(here(), { image: { size: 64, fit: 'crop' } })).sha256);
  });

  test('a named data set is refused: its images are as they are', async () => {
    await expect(openDataset('cifar10', { image })).rejects.toThrow(
      'The images of cifar10 have 32x32 pixels, so they cannot be used with imageSize=48 and fit=pad. Set imageSize=32 and fit=crop,',
    );
  });
});

const hexOf = (pixels: Uint8Array) => Buffer.from(pixels).toString('hex');
