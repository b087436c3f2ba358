import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode } from 'fast-png';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openNetwork } from '#inference/engine/network.ts';
import { readModel } from '#inference/serving/classifier.ts';
import { airbenchNet } from '#training/nets/airbench.ts';
import { untrainedModel } from './bulk-model.fixture.ts';
import { type BulkEngine, openBulkEngine } from './engine.ts';
import { type BulkPicture, openHere } from './open-here.ts';
import { openLogits } from './open-logits.ts';

const SIZE = 16;
const CLASSES = 3;
const net = airbenchNet([8, 8, 8], {
  ...{ size: [SIZE, SIZE, 3], classes: CLASSES },
  ...{ mean: [0.5, 0.5, 0.4], deviation: [0.25, 0.25, 0.25] },
});
const options = { format: 'jsonl', width: 0, topK: CLASSES } as const;

/** A picture of any size. */
function png(seed: number, size: number): Uint8Array {
  const data = Uint8Array.from({ length: size * size * 3 }, (_, at) => (at * (seed + 3) + (at >> 6) * 17) % 256);
  return encode({ width: size, height: size, channels: 3, data });
}

async function* each<Item>(items: Iterable<Item>): AsyncGenerator<Item> {
  yield* items;
}

async function rowsOf(engine: BulkEngine, pictures: AsyncIterable<BulkPicture>) {
  const texts: string[] = [];
  for await (const rows of engine.rows(pictures)) texts.push(...rows.map(({ text }) => text));
  return texts.map((text) => JSON.parse(text));
}

describe.each(['WebAssembly', 'TensorFlow'] as const)('the bulk engine on %s', (name) => {
  let engine: BulkEngine;
  beforeAll(async () => {
    engine = await openBulkEngine(await untrainedModel(net), { ...options, engine: name });
  }, 60_000);
  afterAll(() => engine.close());

  test('answers as the endpoint does, for more pictures than one batch, some of them broken', async () => {
    const pictures: BulkPicture[] = Array.from({ length: 150 }, (_, index) => ({
      file: `${index}.png`,
      bytes: index % 29 === 7 ? Buffer.from('no picture') : png(index, index % 3 === 0 ? SIZE : 10 + (index % 30)),
      ...(index % 41 === 5 && { bytes: undefined, problem: 'It is gone.' }),
    }));
    const rows = await rowsOf(engine, each(pictures));
    expect(engine.choice.engine).toBe(name);
    expect(rows.map(({ file }) => file)).toEqual(pictures.map(({ file }) => file));
    const expected = await (await openHere(await untrainedModel(net), options))(pictures);
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
  }, 60_000);

  test('takes pictures as its rows are taken, reads files itself, and ends in the middle', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bulk-'));
    let taken = 0;
    const picture = png(1, SIZE);
    async function* endless(): AsyncGenerator<BulkPicture> {
      for (;;) {
        taken++;
        yield taken % 2 === 0 ? { file: `${folder}/${taken}.png` } : { file: `${taken}.png`, bytes: picture };
      }
    }
    const rows = engine.rows(endless());
    const { value: first } = await rows.next();
    rmSync(folder, { recursive: true });
    const atFirst = taken;
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(taken).toBe(atFirst);
    expect(first![0]!.isFailed).toBe(false);
    expect(first![1]!.text).toContain('does not exist');
    await rows.return(undefined);
    expect(taken).toBe(atFirst);
  }, 60_000);

  test('fails where its pictures do', async () => {
    async function* failing(): AsyncGenerator<BulkPicture> {
      yield { file: '1.png', bytes: png(1, SIZE) };
      throw new Error('The list ends here.');
    }
    await expect(rowsOf(engine, failing())).rejects.toThrow('The list ends here.');
  }, 60_000);
});

test('few pictures stay on WebAssembly, and TensorFlow is used only where it gives the same answers within 1e-5', async () => {
  const few = await openBulkEngine(await untrainedModel(net), { ...options, pictures: 1 });
  expect(few.choice).toEqual({ engine: 'WebAssembly', reason: 'for few pictures it answers sooner' });

  // Of two classes with nearly the same weights, probabilities are made of the last bits of the logits.
  const other = await untrainedModel(net, {
    temperature: 1e-6,
    change(weights) {
      const { data } = weights.find(({ name }) => name === 'head/kernel')!;
      for (let at = 0; at < data.length; at++) data[at] = data[at - (at % CLASSES)]! * (1 + 1e-5 * (at % CLASSES));
    },
  });
  const many = await openBulkEngine(other, options);
  try {
    expect(many.choice.engine).toBe('WebAssembly');
    expect(many.choice.reason).toMatch(/^TensorFlow's answers to the golden images differ from WebAssembly's by \d/);
    const pictures = [{ file: '1.png', bytes: png(1, SIZE) }];
    expect(await rowsOf(many, each(pictures))).toMatchObject([{ predictions: [{}, {}, {}] }]);
  } finally {
    await many.close();
  }
}, 60_000);

test('images without files are computed on all cores, with the logits of the serving engine', async () => {
  const model = await untrainedModel(net);
  const images = Uint8Array.from({ length: 131 * SIZE ** 2 * 3 }, (_, at) => (at * 89 + (at >> 6) * 29) % 256);
  const expected = (await openNetwork(readModel((path) => model.files[path]!))).logits(images);
  const computing = await openLogits(model, 131, 'WebAssembly');
  try {
    const found = [await computing.logits(images), await computing.logits(images.subarray(0, SIZE ** 2 * 3))];
    for (const [index, logit] of [...expected, ...expected.subarray(0, CLASSES)].entries()) {
      expect([...found[0]!, ...found[1]!][index]).toBeCloseTo(logit, 5);
    }
    expect(found.map(({ length }) => length)).toEqual([131 * CLASSES, CLASSES]);
  } finally {
    await computing.close();
  }
}, 60_000);
