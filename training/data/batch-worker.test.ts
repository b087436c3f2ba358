import { afterEach, expect, test } from 'vitest';
import { random } from '../random/random.ts';
import type { Augmentation } from './augmentation.ts';
import { type BatchSource, openBatchWorker } from './batch-worker.ts';
import { batches } from './batches.ts';

const draw = random(1);
const split = {
  count: 50,
  images: Uint8Array.from({ length: 50 * 6 * 5 * 3 }, () => draw.integer(256)),
  labels: Uint8Array.from({ length: 50 }, () => draw.integer(10)),
};
const options = {
  imageSize: [6, 5, 3],
  size: 8,
  seed: 3,
  augmentation: { flip: 'alternating', translate: 2 },
} as const;

const sources: BatchSource[] = [];
const open = (from: number, changes: { seed?: number; augmentation?: Augmentation } = {}) => {
  const source = openBatchWorker(split, from, { ...options, ...changes });
  sources.push(source);
  return source;
};
afterEach(async () => {
  await Promise.all(sources.splice(0).map((source) => source.close()));
});

test('gives labels of more classes than a byte has values', async () => {
  const labels = Uint16Array.from({ length: split.count }, (_, image) => 1000 + image);
  const source = openBatchWorker({ ...split, labels }, 0, options);
  sources.push(source);
  const [expected] = batches({ ...split, labels }, { ...options, epoch: 0 });
  const batch = await source.next();
  expect(Math.min(...batch.labels)).toBeGreaterThanOrEqual(1000);
  expect([...batch.labels]).toEqual([...expected!.labels]);
});

const photos = { randomCrop: 0.3, randAugment: [2, 9], colorJitter: [0.4, 0.4, 0.4, 0.1], cutout: 0.4 } as const;

test.each([
  ['moved', options.augmentation],
  ['varied as photos are', { ...options.augmentation, ...photos }],
])('gives the batches of the epochs, byte for byte, from any step on: %s', async (_, augmentation) => {
  const source = open(4, { augmentation });
  for (const { epoch, skip } of [{ epoch: 0, skip: 4 }, { epoch: 1 }, { epoch: 2 }].map((each) => ({
    skip: 0,
    ...each,
  }))) {
    for (const expected of batches(split, { ...options, augmentation, epoch, skip })) {
      const { images, labels } = await source.next();
      expect([Buffer.from(images), Buffer.from(labels)]).toEqual([
        Buffer.from(expected.images),
        Buffer.from(expected.labels),
      ]);
    }
  }
});

test('leaves a batch as it is until the next one is asked for', async () => {
  const source = open(0);
  const { images } = await source.next();
  const before = Buffer.from(images); // a copy
  await new Promise((resolve) => setTimeout(resolve, 50)); // The thread writes ahead meanwhile, elsewhere.
  expect(Buffer.from(images)).toEqual(before);
});

test('reports an error in the thread to the caller that waits for a batch', async () => {
  await expect(open(0, { seed: -1 }).next()).rejects.toThrow('A seed is a whole number from 0, not -1.');
});

test('gives no more batches once it is closed', async () => {
  const source = open(0);
  await source.next();
  await source.close();
  await expect(
    (async () => {
      for (let batch = 0; batch < 3; batch++) await source.next();
    })(),
  ).rejects.toThrow('The thread that prepares batches has ended.');
});
