import { encode } from 'fast-png';
import { describe, expect, test } from 'vitest';
import { withFolder } from '#inference/app.fixture.ts';
import { openClassifier } from '#inference/serving/classifier.ts';
import { exampleCard } from '#models/example-version.ts';
import type { ImageSet } from '#training/data/image-set.ts';
import { exportLayersModel } from '#training/export/layers-model/export.ts';
import { airbenchNet } from '#training/nets/airbench.ts';
import { initializeWeights } from '#training/nets/initialize.ts';
import type { Net } from '#training/nets/net.ts';
import { tinyNetFor } from '#training/nets/tiny.ts';
import type { BulkModel } from './bulk-model.ts';
import { type BulkOptions, openBulkEngine } from './engine.ts';
import { type BulkPicture, openHere } from './open-here.ts';

const sets: readonly {
  readonly name: string;
  readonly size: number;
  readonly classes: number;
  net(set: ImageSet): Net;
}[] = [
  { name: 'airbench', size: 48, classes: 2, net: (set) => airbenchNet([16, 24, 40], set) },
  { name: 'airbench', size: 32, classes: 10, net: (set) => airbenchNet([16, 24, 40], set) },
  { name: 'tiny', size: 96, classes: 120, net: tinyNetFor },
];

/** A version as it is stored, with weights that nothing has trained. */
async function modelOf({ size, classes, net }: (typeof sets)[number]): Promise<BulkModel> {
  const made = net({ size: [size, size, 3], classes, mean: [0.5, 0.5, 0.4], deviation: [0.25, 0.25, 0.25] });
  const images = Uint8Array.from({ length: 8 * size * size * 3 }, (_, at) => (at * 97 + (at >> 7) * 31) % 256);
  const weights = initializeWeights(made, { seed: 1, images });
  const { modelJson, weightsBin } = exportLayersModel(made, weights);
  const files: Readonly<Record<string, Uint8Array>> = { 'model.json': modelJson, 'weights.bin': weightsBin };
  const card = {
    ...exampleCard(),
    classes: Array.from({ length: classes }, (_, index) => `class ${index}`),
    input: { height: size, width: size, channels: 3, range: [0, 255] as [0, 255] },
  };
  const { probabilities } = (await openClassifier({ id: 'any', card, file: (path) => files[path]! })).answer(images);
  const golden = Array.from({ length: 8 }, (_, image) => ({
    pixels: Buffer.from(images.subarray(image * size * size * 3, (image + 1) * size * size * 3)).toString('base64'),
    label: card.classes[0]!,
    probabilities: [...probabilities.subarray(image * classes, (image + 1) * classes)],
  }));
  return { version: 'any', alias: undefined, card, golden: { tolerance: 1e-4, images: golden }, files };
}

/** A picture of any size. */
function png(seed: number, size: number): Uint8Array {
  const data = Uint8Array.from({ length: size * size * 3 }, (_, at) => (at * (seed + 3) + (at >> 6) * 17) % 256);
  return encode({ width: size, height: size, channels: 3, data });
}

async function* each<Item>(items: Iterable<Item>): AsyncGenerator<Item> {
  yield* items;
}

async function rowsOf(model: BulkModel, pictures: AsyncIterable<BulkPicture>, options: Partial<BulkOptions>) {
  const engine = await openBulkEngine(model, { format: 'jsonl', width: 0, ...options });
  const texts: string[] = [];
  try {
    for await (const rows of engine.rows(pictures)) texts.push(...rows.map(({ text }) => text));
  } finally {
    await engine.close();
  }
  return { rows: texts.map((text) => JSON.parse(text)), choice: engine.choice };
}

describe.each(['WebAssembly', 'TensorFlow'] as const)('the bulk engine on %s', (engine) => {
  test.each(sets)(
    '$name answers as the endpoint does: $classes classes of $size pixels',
    async (set) => {
      const model = await modelOf(set);
      const pictures: BulkPicture[] = Array.from({ length: 80 }, (_, index) => ({
        file: `${index}.png`,
        bytes:
          index % 29 === 7 ? Buffer.from('no picture') : png(index, index % 3 === 0 ? set.size : 20 + (index % 60)),
        ...(index % 41 === 5 && { bytes: undefined, problem: 'It is gone.' }),
      }));
      const topK = set.classes;
      const { rows, choice } = await rowsOf(model, each(pictures), { engine, topK });
      expect(choice.engine).toBe(engine);
      expect(rows.map(({ file }) => file)).toEqual(pictures.map(({ file }) => file));
      const expected = await (await openHere(model, { topK }))(pictures);
      let worst = 0;
      for (const [index, { outcome }] of expected.entries()) {
        const row = rows[index];
        if (outcome instanceof Error) {
          expect(row.error.detail).toContain(outcome.message.split('.')[0]);
          continue;
        }
        const scores = new Map<number, number>(
          row.predictions.map((found: (typeof outcome.predictions)[0]) => [found.index, found.score]),
        );
        for (const prediction of outcome.predictions) {
          worst = Math.max(worst, Math.abs(prediction.score - (scores.get(prediction.index) ?? Number.NaN)));
        }
        expect(row.input).toEqual(outcome.input);
      }
      expect(worst).toBeLessThanOrEqual(1e-5);
      expect(rows.filter(({ error }) => error !== undefined)).toHaveLength(
        pictures.filter((_, index) => index % 29 === 7 || index % 41 === 5).length,
      );
    },
    60_000,
  );

  test(
    'takes pictures as its rows are taken, reads files itself, and ends in the middle',
    () =>
      withFolder(async (folder) => {
        const model = await modelOf(sets[1]!);
        let taken = 0;
        async function* endless(): AsyncGenerator<BulkPicture> {
          for (;;) {
            taken++;
            yield taken % 2 === 0
              ? { file: `${folder}/${taken}.png` }
              : { file: `${taken}.png`, bytes: png(taken, 32) };
          }
        }
        const bulk = await openBulkEngine(model, { format: 'csv', width: 0, engine });
        const rows = bulk.rows(endless());
        const { value: first } = await rows.next();
        const atFirst = taken;
        await new Promise((resolve) => setTimeout(resolve, 100));
        expect(taken).toBe(atFirst);
        expect(first![0]!.isFailed).toBe(false);
        expect(first![1]!.text).toContain('does not exist');
        await rows.return(undefined);
        await bulk.close();
        expect(taken).toBe(atFirst);
      }),
    60_000,
  );

  test('fails where its pictures do', async () => {
    async function* failing(): AsyncGenerator<BulkPicture> {
      yield { file: '1.png', bytes: png(1, 32) };
      throw new Error('The list ends here.');
    }
    await expect(rowsOf(await modelOf(sets[1]!), failing(), { engine })).rejects.toThrow('The list ends here.');
  }, 60_000);
});

test('few pictures stay on WebAssembly, and TensorFlow is used only with the right answers to the golden images', async () => {
  const model = await modelOf(sets[1]!);
  const few = await rowsOf(model, each([{ file: '1.png', bytes: png(1, 32) }]), { pictures: 1 });
  expect(few.choice).toEqual({ engine: 'WebAssembly', reason: 'for few pictures it answers sooner' });
  const [first, ...others] = model.golden.images;
  const wrong = { ...first!, probabilities: first!.probabilities.toReversed() };
  const other = { ...model, golden: { tolerance: 1e-4, images: [wrong, ...others] } };
  const { choice, rows } = await rowsOf(other, each([{ file: '1.png', bytes: png(1, 32) }]), {});
  expect(choice.engine).toBe('WebAssembly');
  expect(choice.reason).toContain("answers to the golden images differ from training's");
  expect(rows).toEqual(few.rows);
}, 60_000);
