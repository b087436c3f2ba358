import { expect, test, vi } from 'vitest';
import { withFolder } from '#inference/app.fixture.ts';
import { exampleModel } from '#inference/serving/example-model.fixture.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import { publishVersion } from '#models/versions.ts';
import { loadCifar10 } from '#training/datasets/cifar10/cifar10.ts';
import { python, unlessSkipped } from '#training/export/export.fixture.ts';
import { publishComplete } from './complete-version.fixture.ts';
import { compare } from './everywhere.ts';
import { verifyVersion } from './verify-version.ts';

/** What it finds, as JSON. */
async function verified(...[store, id, options]: Parameters<typeof verifyVersion>) {
  let printed = '';
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += text;
    return true;
  });
  try {
    const isGood = await verifyVersion(store, id, { ...options, json: true });
    return { isGood, ...JSON.parse(printed) };
  } finally {
    write.mockRestore();
  }
}

test.skipIf(python === undefined)(
  `200 pictures have the same probabilities in Keras, ONNX Runtime, TensorFlow.js, a browser, serve and the Lambda ${unlessSkipped}`,
  () =>
    withFolder(async (folder) => {
      const { test: images } = await loadCifar10();
      const store = folderStore(folder);
      const id = await publishComplete(store, images.images.subarray(0, 64 * 3072));
      const { isGood, runtimes, ...found } = await verified(store, id, { everywhere: true });
      expect(found).toMatchObject({ version: id, files: 7, source: 'CIFAR-10', tolerance: 1e-5 });
      const asked = runtimes.filter((row: object) => !('missing' in row));
      const names = asked.map(({ runtime }: { runtime: string }) => runtime).join('; ');
      for (const name of [
        /^this project/,
        /Keras 3/,
        /ONNX Runtime 1/,
        /TensorFlow\.js .*WebAssembly/,
        /serve/,
        /Lambda/,
      ]) {
        expect(names).toMatch(name);
      }
      for (const row of asked) {
        expect(row).toMatchObject({ pictures: 200, sameLabels: 200 });
        expect(row.difference, row.runtime).toBeLessThan(1e-5);
      }
      // Kernels of others sum in another order: were every difference zero, nothing would have been compared.
      expect(Math.max(...asked.map(({ difference }: { difference: number }) => difference))).toBeGreaterThan(0);
      expect(isGood).toBe(true);
    }),
);

test('a version of an earlier release is compared where it can be, and one that answers otherwise is not good', () =>
  withFolder(async (folder) => {
    const store = folderStore(folder);
    const good = await publishVersion(store, await exampleModel());
    const wrong = await publishVersion(store, await exampleModel({ isWrong: true }));
    expect(await verified(store, good, {})).toMatchObject({ isGood: true, files: 4 });
    expect(await verified(store, wrong, {})).toMatchObject({ isGood: false });
  }));

test('a difference, a missing answer or one that is no number is found in any picture', () => {
  const question = { count: 2, version: { card: { classes: ['a', 'b', 'c'] } } };
  const reference = [0.5, 0.3, 0.2, 0.1, 0.2, 0.7];
  const found = (probabilities: number[]) =>
    compare({ runtime: 'any', probabilities, milliseconds: 1 }, { probabilities: reference }, question);
  expect(found(reference)).toMatchObject({ difference: 0, sameLabels: 2 });
  expect(found([0.5, 0.3, 0.2, 0.1, 0.8, 0.1])).toMatchObject({ difference: expect.closeTo(0.6, 9), sameLabels: 1 });
  expect(found(reference.slice(0, 5)).difference).toBe(Number.POSITIVE_INFINITY);
  expect(found([...reference.slice(0, 5), Number.NaN]).difference).toBe(Number.POSITIVE_INFINITY);
});
