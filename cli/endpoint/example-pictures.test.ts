import { readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { decode } from 'fast-png';
import { afterAll, expect, test, vi } from 'vitest';
import { home } from '#environment/home.ts';
import { exampleModel } from '#inference/serving/example-model.fixture.ts';
import { moveAlias } from '#models/aliases.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import { publishVersion } from '#models/versions.ts';
import { loadCifar10 } from '#training/datasets/cifar10/cifar10.ts';
import { writeExamplePictures } from './example-pictures.ts';

vi.hoisted(() => {
  process.env.CIFAR10_HOME = `/tmp/example-pictures-${process.pid}`;
});
afterAll(() => rm(home, { recursive: true, force: true }));

const examples = path.join(home, 'examples');

test('where nothing is trained there is a picture of each class of CIFAR-10, a test image as it is', async () => {
  const pictures = await writeExamplePictures(folderStore(path.join(home, 'empty')));

  const { classes, test: split } = await loadCifar10();
  expect(pictures.map(({ truth }) => truth)).toEqual(classes);
  const { width, height, channels, data } = decode(await readFile(path.join(examples, 'cat.png')));
  expect([width, height, channels]).toEqual([32, 32, 3]);
  const index = split.labels.indexOf(classes.indexOf('cat'));
  expect(Buffer.compare(Buffer.from(data), Buffer.from(split.images.subarray(index * 3072, (index + 1) * 3072)))).toBe(
    0,
  );
});

test('a version brings pictures of its own classes and size, in files that any file system can have', async () => {
  await rm(home, { recursive: true, force: true });
  const store = folderStore(path.join(home, 'store'));
  const classes = ['../cat', 'Cat', 'cat', '🦊'.repeat(80), '.'];
  const model = await exampleModel({ classes, size: 48, golden: 5 });
  await moveAlias(store, 'candidate', { to: await publishVersion(store, model), by: 'a test', expected: undefined });

  const pictures = await writeExamplePictures(store);
  expect(pictures.map(({ truth }) => truth)).toEqual(classes);
  expect((await readdir(examples)).toSorted()).toEqual(
    ['__cat.png', 'Cat.png', 'cat-2.png', `${'🦊'.repeat(50)}.png`, '_.png'].toSorted(),
  );
  const { width, height, data } = decode(await readFile(path.join(examples, 'Cat.png')));
  expect([width, height]).toEqual([48, 48]);
  const { images } = JSON.parse(Buffer.from(model.get('golden.json')!).toString());
  expect(Buffer.from(data).equals(Buffer.from(images[1].pixels, 'base64'))).toBe(true);
});
