import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UserError } from '#errors/user-error.ts';
import { goldenDifference, goldenPixels } from '#models/golden.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import { publishVersion, readVersion, type VerifiedVersion } from '#models/versions.ts';
import { withFolder } from '../app.fixture.ts';
import { GoldenMismatch, loadClassifier, openClassifier } from './classifier.ts';
import { type ExampleModel, exampleModel, examplePixels, onlyPlainIsFamiliar } from './example-model.fixture.ts';

async function version(options?: ExampleModel): Promise<VerifiedVersion> {
  const files = await exampleModel(options);
  return withFolder(async (folder) => {
    const store = folderStore(folder);
    return readVersion(store, await publishVersion(store, files));
  });
}

test('computes the same probabilities as TensorFlow.js', async () => {
  const stored = await version();
  const classifier = await openClassifier(stored);
  expect(goldenDifference(stored.golden, classifier.classify(goldenPixels(stored.golden)))).toBeLessThan(1e-6);
});

test('a batch gets the same answers as its images unbatched, in order', async () => {
  const classifier = await loadClassifier(await version());
  const images = Array.from({ length: 17 }, (_, seed) => examplePixels(seed));
  const batch = classifier.classify(new Uint8Array(Buffer.concat(images))); // [17, 10]
  images.forEach((image, index) => {
    const unbatched = classifier.classify(image);
    expect(unbatched.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 6);
    unbatched.forEach((value, label) => {
      expect(Math.abs(value - batch[index * 10 + label]!)).toBeLessThan(1e-6);
    });
  });
});

test('the temperature softens or sharpens the probabilities', async () => {
  const pixels = examplePixels(3);
  const best = async (temperature: number) => {
    const classifier = await loadClassifier(await version({ card: { temperature } }));
    return Math.max(...classifier.classify(pixels));
  };
  expect(await best(0.1)).toBeGreaterThan(await best(1));
  expect(await best(1)).toBeGreaterThan(await best(10));
});

test('says which images are like none of the classes, where the card says how to tell', async () => {
  const classifier = await loadClassifier(await version({ card: { unfamiliar: onlyPlainIsFamiliar } }));
  const images = Buffer.concat([new Uint8Array(3072).fill(90), examplePixels(3)]);

  const { probabilities, unfamiliar: answers } = classifier.answer(images);

  expect(answers).toEqual([false, true]);
  expect(probabilities).toEqual(classifier.classify(images));
  expect((await loadClassifier(await version())).answer(images).unfamiliar).toBeUndefined();
});

test('refuses a model that fails its golden images', async () => {
  await expect(loadClassifier(await version({ isWrong: true }))).rejects.toThrow(GoldenMismatch);
});

test('refuses a network whose shape differs from its card', async () => {
  const files = await version();
  const card = { ...files.card, input: { ...files.card.input, height: 16, width: 64 } };
  await expect(openClassifier({ ...files, card })).rejects.toThrow(/32 32 3 → 10.*16 64 3 → 10/);
});

test('refuses a network whose feature maps need more memory than there is, however few weights it has', async () => {
  const large = await version({ classes: ['a', 'b'], size: 96, golden: 1 });
  expect(large.file('weights.bin').length).toBeLessThan(50_000);
  await expect(loadClassifier(large, 500_000)).rejects.toThrow(
    /^Its network needs \d\.\d MB of memory, and there is 0\.5 MB\. Serve a smaller model or one of smaller images/,
  );
  await loadClassifier(large, 5_000_000);
});

test('refuses bytes that are not a whole number of images', async () => {
  const classifier = await loadClassifier(await version());
  expect(() => classifier.classify(new Uint8Array(3071))).toThrow(RangeError);
  expect(() => classifier.classify(new Uint8Array(0))).toThrow(RangeError);
});

test('cannot be used once it is disposed', async () => {
  const classifier = await loadClassifier(await version());
  classifier.dispose();
  expect(() => classifier.classify(examplePixels(1))).toThrow(/disposed/);
});

test('a model.json that is damaged anywhere is loaded, or refused with a UserError', async () => {
  const stored = await version();
  const text = new TextDecoder().decode(stored.file('model.json'));
  const leaves = [...text.matchAll(/(?<=: |\[|,\s)("[^"]*"|-?[\d.]+|true|false|null)(?=[,\s\]}])/g)];
  const junk = fc.constantFrom('null', '-1', '0', '0.5', '1e9', '9e99', '"x"', '[]', '{}', '[1, 2]', 'true');
  await fc.assert(
    fc.asyncProperty(fc.nat(leaves.length - 1), junk, fc.boolean(), async (index, value, isCut) => {
      const { index: at, 0: leaf } = leaves[index]!;
      const json = text.slice(0, at) + value + (isCut ? '' : text.slice(at + leaf.length));
      const files = new Map([
        ['model.json', new TextEncoder().encode(json)],
        ['weights.bin', stored.file('weights.bin')],
      ]);
      try {
        await openClassifier({ ...stored, file: (path) => files.get(path)! });
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
      }
    }),
    { numRuns: 500 },
  );
});
