/** The endpoint with models of other classes and sizes than CIFAR-10's: nothing but the card knows them. */
import { decode, encode } from 'fast-png';
import { expect, test } from 'vitest';
import { withEndpoint } from './app.fixture.ts';
import { FORMATS, type Format, fuzz } from './fuzz.fixture.ts';
import { BatchAnswer, ClassifyAnswer, ModelAnswer } from './http/answers.ts';
import { Problem } from './http/problem.ts';
import { MAX_PREDICTIONS } from './routes/classify-images.ts';
import { InferAnswer, MAX_VALUES, ModelMetadata } from './routes/open-inference.ts';
import { type ExampleModel, examplePixels } from './serving/example-model.fixture.ts';

const breeds = Array.from({ length: 120 }, (_, index) => `breed ${index} 🐕`);
const models = [
  { name: 'spots', classes: ['no', 'yes'], size: 48 },
  { name: 'shapes', classes: ['disc', 'ring', 'star'], size: 96 },
  { name: 'breeds', classes: breeds, size: 48 },
].map(({ name, ...model }) => ({ ...model, card: { name } }) satisfies ExampleModel);

const pngOf = (seed: number, size: number) =>
  encode({ width: size, height: size, channels: 3, data: examplePixels(seed, size) });

async function post(url: string, body: Uint8Array | object): Promise<unknown> {
  const sent = body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body);
  return (await fetch(url, { method: 'POST', body: sent })).json();
}

test.each(models)('$card.name: $size pixels across, $classes.length classes', (model) =>
  withEndpoint(async ({ url, promote }) => {
    const version = await promote(model);
    const { classes, size, card } = model;
    const pixels = examplePixels(1, size);

    expect(ModelAnswer.parse(await (await fetch(`${url}/model`)).json())).toMatchObject({ name: card.name, classes });
    const raw = ClassifyAnswer.parse(await post(`${url}/classify?top_k=${classes.length}`, pixels));
    expect(raw.input).toEqual({ type: 'application/octet-stream', width: size, height: size, transform: 'none' });
    expect(raw.predictions.map(({ label }) => label).toSorted()).toEqual(classes.toSorted());
    for (const { label, index } of raw.predictions) expect(label).toBe(classes[index]);
    const few = ClassifyAnswer.parse(await post(`${url}/classify`, pngOf(1, size)));
    expect(few.predictions).toEqual(raw.predictions.slice(0, 5));

    const strict = Problem.parse(await post(`${url}/classify?strict`, pngOf(1, 32)));
    expect(strict).toMatchObject({
      code: 'wrong-size',
      detail: `The image is 32x32; with strict it must be ${size}x${size}.`,
    });
    expect(Problem.parse(await post(`${url}/classify`, new Uint8Array(3072).fill(1))).detail).toContain(
      `${size * size * 3} raw RGB bytes (${size}x${size})`,
    );
    expect(Problem.parse(await post(`${url}/classify?top_k=${classes.length + 1}`, pixels)).detail).toBe(
      `top_k is ${classes.length + 1}, but the model has only ${classes.length} classes.`,
    );

    const { explanation } = ClassifyAnswer.parse(await post(`${url}/classify?explain=occlusion`, pixels));
    expect(explanation).toMatchObject({ label: raw.label, width: size, height: size });
    expect(decode(Buffer.from(explanation!.png, 'base64'))).toMatchObject({ width: size, height: size });

    // By its own name, and by that of the server.
    const metadata = {
      inputs: [{ name: 'images', datatype: 'UINT8', shape: [-1, size, size, 3] }],
      outputs: [{ name: 'probabilities', datatype: 'FP32', shape: [-1, classes.length] }],
    };
    const images = { name: 'images', shape: [1, size, size, 3], datatype: 'UINT8', data: [...pixels] };
    for (const name of [card.name, 'cifar10']) {
      const described = await (await fetch(`${url}/v2/models/${name}`)).json();
      expect(ModelMetadata.parse(described)).toMatchObject({ name, versions: [version], ...metadata });
      const inferred = InferAnswer.parse(await post(`${url}/v2/models/${name}/infer`, { inputs: [images] }));
      expect(inferred.model_name).toBe(name);
      for (const { index, score } of raw.predictions) {
        expect(Math.abs(Number(inferred.outputs[0]!.data[index]) - score)).toBeLessThan(1e-6);
      }
    }
    expect(Problem.parse(await (await fetch(`${url}/v2/models/pets`)).json()).detail).toBe(
      `There is no model "pets"; this one is "cifar10" or "${card.name}".`,
    );
  }),
);

test('a request whose answer would be too large is refused with the limit, before it is computed', () =>
  withEndpoint(async ({ url, promote }) => {
    const many = Array.from({ length: 5000 }, (_, index) => `class ${index}`);
    await promote({ classes: many });
    const inputs = Array.from({ length: 64 }, () => Buffer.from(pngOf(1, 32)).toString('base64'));
    const headers = { 'content-type': 'application/json' };
    const batch = async (topK: number) => {
      const body = JSON.stringify({ inputs });
      return (await fetch(`${url}/classify?top_k=${topK}`, { method: 'POST', headers, body })).json();
    };
    const most = Math.floor(MAX_PREDICTIONS / inputs.length);
    expect(BatchAnswer.parse(await batch(most)).results).toHaveLength(64);
    expect(Problem.parse(await batch(most + 1))).toMatchObject({
      code: 'bad-parameter',
      detail: expect.stringContaining(`for 64 images, ${64 * (most + 1)} predictions; the limit is ${MAX_PREDICTIONS}`),
    });
    const data = Array.from({ length: 64 * 3072 }, () => 7);
    const images = { name: 'images', shape: [64, 32, 32, 3], datatype: 'UINT8', data };
    expect(Problem.parse(await post(`${url}/v2/models/cifar10/infer`, { inputs: [images] }))).toMatchObject({
      code: 'bad-body',
      detail: expect.stringContaining(`320000 values, 5000 for each of 64 images; the limit is ${MAX_VALUES}`),
    });
  }));

test.each(Object.keys(FORMATS) as Format[])(
  'a damaged %s is classified or refused by a model of 96 pixels too',
  (format) =>
    withEndpoint(async ({ url, promote, logged }) => {
      await promote(models[1]);
      const outcomes = await fuzz({ url, format, count: 60, seed: 2 });
      expect([...outcomes.keys()].filter((outcome) => !/^(200$|4)/.test(outcome))).toEqual([]);
      expect(logged.filter(({ level }) => level === 'error')).toEqual([]);
    }),
);
