import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { decode } from 'fast-png';
import { afterAll, expect, test, vi } from 'vitest';
import { home } from '#environment/home.ts';
import { loadCifar10 } from '#training/datasets/cifar10/cifar10.ts';
import { writeExamplePictures } from './example-pictures.ts';

vi.hoisted(() => {
  process.env.CIFAR10_HOME = `/tmp/example-pictures-${process.pid}`;
});
afterAll(() => rm(home, { recursive: true, force: true }));

test('there is a picture of each class, a test image as it is', async () => {
  const pictures = await writeExamplePictures();

  const { classes, test: split } = await loadCifar10();
  expect(pictures.map(({ truth }) => truth)).toEqual(classes);
  const cat = path.join(home, 'examples', 'cat.png');
  const { width, height, channels, data } = decode(await readFile(cat));
  expect([width, height, channels]).toEqual([32, 32, 3]);
  const index = split.labels.indexOf(classes.indexOf('cat'));
  expect(Buffer.compare(Buffer.from(data), Buffer.from(split.images.subarray(index * 3072, (index + 1) * 3072)))).toBe(
    0,
  );
});
