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
import type { FindingKind } from './findings.ts';
import { inspectPictures } from './inspect-pictures.ts';
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
const fixture = (name: string) => readFile(new URL(`../../../images/fixtures/${name}`, import.meta.url));

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
      'The images of cifar10 have 32x32 pixels, so they cannot be had with imageSize=48 and fit=pad. Set imageSize=32 and fit=crop,',
    );
  });
});

const hexOf = (pixels: Uint8Array) => Buffer.from(pixels).toString('hex');

describe('broken sets', () => {
  const many = catsAndDogs(30);
  const cut = (bytes: Uint8Array) => bytes.subarray(0, bytes.length / 2);

  test.each<readonly [string, () => Promise<Record<string, Uint8Array | string>>, FindingKind, string]>([
    [
      'a truncated picture',
      async () => ({ 'cats/x.png': cut(png(5)) }),
      'unreadable',
      'cats/x.png cannot be read: This PNG image is damaged',
    ],
    ['an empty file', async () => ({ 'cats/x.png': '' }), 'unreadable', 'cats/x.png is empty'],
    [
      'text with a picture’s name',
      async () => ({ 'cats/x.png': 'no picture' }),
      'unreadable',
      'cats/x.png is text, no PNG',
    ],
    [
      'raw pixels',
      async () => ({ 'cats/x': new Uint8Array(3072).fill(200) }),
      'unreadable',
      'cats/x is an unknown file type',
    ],
    [
      'a format that is not decoded',
      async () => ({ 'cats/x.avif': await fixture('drawing.avif') }),
      'unreadable',
      'cats/x.avif is an AVIF image',
    ],
    [
      'a JPEG that is called PNG',
      async () => ({ 'cats/x.png': await fixture('grey.jpg') }),
      'wrong-ending',
      'cats/x.png is a JPEG image',
    ],
    ['what a system leaves', async () => ({ 'cats/Thumbs.db': 'x' }), 'left-out', 'cats/Thumbs.db is hidden'],
    ['a picture without a class', async () => ({ 'x.png': png(5) }), 'left-out', 'x.png is in no folder of a class'],
    [
      'a picture in two classes',
      async () => ({ 'dogs/x.png': png(3) }),
      'two-classes',
      'cats/3.png and dogs/x.png ("cats", "dogs")',
    ],
    ['a copy', async () => ({ 'cats/x.png': png(3) }), 'duplicates', 'cats/3.png and cats/x.png'],
    [
      'a picture in another format',
      async () => ({
        'cats/x.png': await fixture('drawing.png'),
        'cats/y.webp': await fixture('lossless.webp'),
      }),
      'duplicates',
      'cats/x.png and cats/y.webp',
    ],
    [
      'a class with few pictures',
      async () => ({ 'birds/1.png': png(5_001), 'birds/2.png': png(5_002), 'birds/3.png': png(5_003) }),
      'few-pictures',
      '"birds" (3)',
    ],
    [
      'a rare class',
      async () => ({ 'birds/1.png': png(5_001), 'birds/2.png': png(5_002) }),
      'imbalance',
      '"dogs" (30) and "birds" (2)',
    ],
    [
      'a panorama',
      async () => ({ 'cats/x.png': png(5, { width: 400, height: 40 }) }),
      'odd-shape',
      'cats/x.png (400x40)',
    ],
    ['a thumbnail', async () => ({ 'cats/x.png': png(5, { width: 12, height: 12 }) }), 'small', 'cats/x.png (12x12)'],
    [
      'a picture of one colour',
      async () => ({
        'cats/x.png': encode({ width: 40, height: 40, channels: 3, depth: 8, data: new Uint8Array(4800).fill(9) }),
      }),
      'plain',
      'cats/x.png',
    ],
    [
      'classes whose names differ in case',
      async () => ({ 'Cats/1.png': png(5_001), 'Cats/2.png': png(5_002) }),
      'similar-names',
      '"cats" and "Cats"',
    ],
  ])('%s is found', async (_, files, kind, example) => {
    await writeFiles(here(), { ...many, ...(await files()) });
    const { findings } = await inspectPictures(here(), {});
    const found = findings.find((each) => each.kind === kind);
    expect(found?.examples.join('\n')).toContain(example);
    expect(found?.remedy).toMatch(/^[A-Z].*\.$/s);
  });

  test('a copy of a training picture among the test pictures is found', async () => {
    await writeFiles(here(), {
      'train/a/1.png': png(1),
      'train/a/2.png': png(2),
      'train/b/3.png': png(3),
      'train/b/4.png': png(4),
    });
    await writeFiles(here(), { 'test/a/5.png': png(1), 'test/b/6.png': png(6) });
    const { findings, classes } = await inspectPictures(here(), {});
    expect(findings.find(({ kind }) => kind === 'leakage')?.examples).toEqual(['test/a/5.png and train/a/1.png']);
    expect(classes).toEqual([
      { name: 'a', train: 1, val: 1, test: 1 },
      { name: 'b', train: 1, val: 1, test: 1 },
    ]);
  });

  test('one broken picture of a hundred is left out, more are refused', async () => {
    await writeFiles(here(), { ...catsAndDogs(60), 'cats/x.png': cut(png(5)) });
    const lines: string[] = [];
    const data = await loadPictures(here(), { log: (line) => lines.push(line) });
    expect(data.train.count + data.test.count).toBe(120);
    expect(lines.join('\n')).toContain('1 picture that cannot be read, such as cats/x.png cannot be read');
    await writeFiles(here(), { 'cats/y.png': '' });
    await expect(loadPictures(here())).rejects.toThrow(/2 of the 122 pictures of .* cannot be read\. cats\/x\.png/);
  });

  test.each([
    ['one picture', { 'birds/1.png': png(5_001) }, 'The class "birds" of p has one picture.'],
    [
      'none that can be read',
      { 'birds/1.png': '' },
      'The class "birds" of p has no picture that can be read (birds/1.png is empty)',
    ],
    [
      'only copies',
      { 'birds/1.png': png(5_001), 'birds/2.png': png(5_001) },
      'No picture of the class "birds" of p is left to be checked by',
    ],
  ])('a class with %s is an error that names it', async (_, files, message) => {
    await writeFiles(here(), { ...many, ...files });
    await expect(inspectPictures(here(), {})).rejects.toThrow(message);
  });

  test('a picture of 30,000 x 30,000 is refused by its header', async () => {
    const huge = Buffer.from(png(5));
    huge.writeUInt32BE(30_000, 16);
    huge.writeUInt32BE(30_000, 20);
    await writeFiles(here(), { ...many, 'cats/x.png': huge });
    const { findings } = await inspectPictures(here(), {});
    expect(findings[0]!.examples[0]).toMatch(/^cats\/x\.png cannot be read: /);
  });
});
