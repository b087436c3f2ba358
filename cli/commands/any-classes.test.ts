import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { withEndpoint } from '#inference/app.fixture.ts';
import type { ClassifyAnswer } from '#inference/http/answers.ts';
import { moveAlias } from '#models/aliases.ts';
import { goldenPixels } from '#models/golden.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import { readVersion, type VerifiedVersion } from '#models/versions.ts';
import type { Dataset, Split } from '#training/data/dataset.ts';
import { smallDataset } from '#training/data/small-dataset.fixture.ts';
import { decodeWeights } from '#training/export/weights.ts';
import { resolveRecipe } from '#training/recipe/settings.ts';
import { train } from '#training/run/train.ts';
import { exportCommand } from './export.ts';

// Nothing but the data set knows how many classes there are, what they are called, and how large a picture is.
const [height, width] = [28, 24];
const classes = ['one', 'two', 'three', 'four', 'five', 'six', 'seven'];

let folder: string;
let version: VerifiedVersion;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'any-classes-'));
  const store = folderStore(folder);
  const recipe = resolveRecipe('tiny', ['heldOut=16', 'batchSize=32', 'epochs=1', 'engine=auto']);
  const data = await sevenClasses();
  const run = { run: 'a', resume: 'again', emit: () => {}, spool: folderStore(join(folder, 'spool')) };
  const outcome = await train({ recipe, seed: 1, data, store, ...run });
  if (outcome.status !== 'finished') throw new Error('The run was interrupted.');
  version = await readVersion(store, outcome.result.version);
  await moveAlias(store, 'production', { to: version.id, by: 'a test', expected: undefined });
}, 300_000);
afterAll(() => rm(folder, { recursive: true }));

test('the endpoint serves seven classes of another size by their names', () =>
  withEndpoint(
    async ({ url }) => {
      const pixels = goldenPixels(version.golden);
      const size = height * width * 3;
      for (const [index, { probabilities }] of version.golden.images.entries()) {
        const response = await fetch(`${url}/classify?top_k=7`, {
          method: 'POST',
          headers: { 'content-type': 'application/octet-stream' },
          body: pixels.slice(index * size, (index + 1) * size),
        });
        const answer = (await response.json()) as ClassifyAnswer;
        expect(response.status, JSON.stringify(answer)).toBe(200);
        expect(answer.predictions).toHaveLength(7);
        for (const { label, index: at, score } of answer.predictions) {
          expect(label).toBe(classes[at]);
          expect(score).toBeCloseTo(probabilities[at]!, 3);
        }
      }
    },
    { store: folderStore(folder) },
  ));

test('an export knows them too', async () => {
  const out = join(folder, 'model.safetensors');
  const printed = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  await exportCommand().parseAsync(['production', '--format', 'safetensors', '--store', folder, '--out', out], {
    from: 'user',
  });
  printed.mockRestore();
  const network = decodeWeights(await readFile(out));
  expect(network).toMatchObject({ classes, net: { input: [height, width, 3], classes: 7 } });
});

/** The middle of CIFAR-10's first pictures of seven kinds. */
async function sevenClasses(): Promise<Dataset> {
  const data = await smallDataset(400, 100);
  return {
    ...data,
    name: 'seven',
    classes,
    images: { ...data.images, size: [height, width, 3], classes: classes.length },
    train: cropped(data.train),
    test: cropped(data.test),
  };
}

function cropped({ images, labels, count }: Split): Split {
  const kept = Array.from({ length: count }, (_, image) => image).filter((image) => labels[image]! < classes.length);
  const rows = kept.flatMap((image) =>
    Array.from({ length: height }, (_, y) => {
      const from = ((image * 32 + y + 2) * 32 + 4) * 3;
      return images.subarray(from, from + width * 3);
    }),
  );
  return {
    count: kept.length,
    images: Uint8Array.from(Buffer.concat(rows)),
    labels: Uint8Array.from(kept, (image) => labels[image]!),
  };
}
