import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { withEndpoint } from '../app.fixture.ts';
import { ClassifyAnswer, ModelAnswer } from '../http/answers.ts';
import { Problem } from '../http/problem.ts';
import { examplePixels, onlyPlainIsFamiliar } from '../serving/example-model.fixture.ts';
import { InferAnswer, ModelMetadata, SERVER_VERSION } from './open-inference.ts';

async function infer(url: string, body: object, path = '/v2/models/cifar10/infer') {
  const response = await fetch(url + path, { method: 'POST', body: JSON.stringify(body) });
  return { status: response.status, answer: await response.json() };
}

const get = async (url: string) => {
  const response = await fetch(url);
  return { status: response.status, answer: await response.json() };
};

const imagesInput = (...seeds: number[]) => ({
  name: 'images',
  shape: [seeds.length, 32, 32, 3],
  datatype: 'UINT8',
  data: seeds.flatMap((seed) => [...examplePixels(seed)]),
});

test('the server version is the version of the package', () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  expect(SERVER_VERSION).toBe(version);
});

test('describes the server and the model', () =>
  withEndpoint(async ({ url, promote }) => {
    expect((await get(`${url}/v2/health/live`)).answer).toEqual({ live: true });
    expect((await get(`${url}/v2/health/ready`)).status).toBe(503);
    const version = await promote();
    await expect
      .poll(async () => (await get(`${url}/v2/health/ready`)).answer, { timeout: 10_000 })
      .toEqual({ ready: true });
    expect((await get(`${url}/v2`)).answer).toEqual({
      name: 'cifar10',
      version: SERVER_VERSION,
      extensions: ['classification'],
    });
    const metadata = {
      name: 'cifar10',
      versions: [version],
      platform: 'tensorflowjs_layersmodel',
      inputs: [{ name: 'images', datatype: 'UINT8', shape: [-1, 32, 32, 3] }],
      outputs: [{ name: 'probabilities', datatype: 'FP32', shape: [-1, 10] }],
    };
    expect((await get(`${url}/v2/models/cifar10`)).answer).toEqual(metadata);
    expect((await get(`${url}/v2/models/cifar10/versions/${version}`)).answer).toEqual(metadata);
    expect((await get(`${url}/v2/models/cifar10/versions/production/ready`)).answer).toEqual({
      name: 'cifar10',
      ready: true,
    });
    expect((await get(`${url}/v2/models/resnet`)).answer).toMatchObject({
      status: 404,
      error: expect.stringContaining('cifar10'),
    });
    expect((await get(`${url}/v2/models/cifar10/versions/none`)).answer).toMatchObject({ status: 404 });
  }));

test('null means that an optional member is absent', () =>
  withEndpoint(async ({ url, promote }) => {
    await promote();
    const expected = InferAnswer.parse((await infer(url, { inputs: [imagesInput(1)] })).answer);
    const input = { ...imagesInput(1), parameters: null };
    const outputs = { name: 'probabilities', parameters: null };
    for (const body of [
      { id: null, parameters: null, inputs: [input], outputs: null },
      { inputs: [input], outputs: [outputs] },
      { inputs: [input], outputs: [{ ...outputs, parameters: { classification: null } }] },
    ]) {
      expect((await infer(url, body)).answer).toEqual(expected);
    }
  }));

test('says which images are like none of the classes, where the model can tell', () =>
  withEndpoint(async ({ url, promote, logged }) => {
    await promote();
    const inputs = [imagesInput(1, 2)];
    const unfamiliar = { name: 'unfamiliar' };
    expect((await infer(url, { inputs, outputs: [unfamiliar] })).answer).toMatchObject({
      status: 400,
      detail: 'There is no output "unfamiliar", only "probabilities".',
    });
    await promote({ card: { unfamiliar: onlyPlainIsFamiliar } });
    await expect
      .poll(async () => ModelMetadata.parse((await get(`${url}/v2/models/cifar10`)).answer).outputs, {
        timeout: 10_000,
      })
      .toEqual([
        { name: 'probabilities', datatype: 'FP32', shape: [-1, 10] },
        { name: 'unfamiliar', datatype: 'BOOL', shape: [-1] },
      ]);

    const plain = new Uint8Array(32 * 32 * 3).fill(90);
    const data = [...examplePixels(1), ...plain];
    const both = InferAnswer.parse((await infer(url, { inputs: [{ ...inputs[0], data }] })).answer);
    expect(both.outputs).toEqual([
      expect.objectContaining({ name: 'probabilities', shape: [2, 10] }),
      { name: 'unfamiliar', shape: [2], datatype: 'BOOL', data: [true, false] },
    ]);
    expect(logged.at(-1)).toMatchObject({ unfamiliar: [true, false] });
    const asked = [unfamiliar, { name: 'probabilities', parameters: { classification: 1 } }];
    const { outputs } = InferAnswer.parse((await infer(url, { inputs, outputs: asked })).answer);
    expect(outputs.map(({ name, datatype }) => [name, datatype])).toEqual([
      ['unfamiliar', 'BOOL'],
      ['probabilities', 'BYTES'],
    ]);
    for (const [outputs, detail] of [
      [[unfamiliar, unfamiliar], 'The output "unfamiliar" is asked for twice.'],
      [[{ ...unfamiliar, parameters: { classification: 1 } }], 'classification is a parameter of "probabilities", and'],
      [[{ name: 'other' }], 'There is no output "other", only "probabilities" and "unfamiliar".'],
    ] as const) {
      expect((await infer(url, { inputs, outputs })).answer).toMatchObject({
        status: 400,
        detail: expect.stringContaining(detail),
      });
    }
  }));

test('returns the probabilities of /classify, for flat and nested data', () =>
  withEndpoint(async ({ url, promote }) => {
    const version = await promote();
    const { status, answer } = await infer(url, { id: 'mine', inputs: [imagesInput(1, 2)] });
    expect(status).toBe(200);
    const { outputs, ...rest } = InferAnswer.parse(answer);
    expect(rest).toEqual({ model_name: 'cifar10', model_version: version, id: 'mine' });
    expect(outputs).toMatchObject([{ name: 'probabilities', shape: [2, 10], datatype: 'FP32' }]);

    for (const [row, seed] of [1, 2].entries()) {
      const body = new Uint8Array(examplePixels(seed));
      const classified = await fetch(`${url}/classify?top_k=10`, { method: 'POST', body });
      for (const { index, score } of ClassifyAnswer.parse(await classified.json()).predictions) {
        expect(Math.abs(Number(outputs[0]!.data[row * 10 + index]) - score)).toBeLessThan(1e-6);
      }
    }
    const flat = imagesInput(1);
    const data = [
      Array.from({ length: 32 }, (_, y) =>
        Array.from({ length: 32 }, (_, x) => flat.data.slice((y * 32 + x) * 3, (y * 32 + x) * 3 + 3)),
      ),
    ];
    const nested = await infer(url, { inputs: [{ ...flat, data }] }, `/v2/models/cifar10/versions/${version}/infer`);
    expect(nested.answer).toEqual((await infer(url, { inputs: [flat] })).answer);
  }));

test('a batch gets one row per image, in order, each the same as unbatched', () =>
  withEndpoint(async ({ url, promote }) => {
    await promote();
    const rowsOf = async (...seeds: number[]) => {
      const [output] = InferAnswer.parse((await infer(url, { inputs: [imagesInput(...seeds)] })).answer).outputs;
      expect(output!.shape).toEqual([seeds.length, 10]);
      return seeds.map((_, row) => output!.data.slice(row * 10, row * 10 + 10).map(Number));
    };
    const unbatched: number[][] = [];
    for (let seed = 0; seed < 6; seed++) unbatched.push(...(await rowsOf(seed)));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(5), { minLength: 1, maxLength: 64 }), async (seeds) => {
        const rows = await rowsOf(...seeds);
        seeds.forEach((seed, row) => {
          const difference = Math.max(...rows[row]!.map((value, index) => Math.abs(value - unbatched[seed]![index]!)));
          expect(difference).toBeLessThanOrEqual(1e-6);
        });
      }),
      { numRuns: 15 },
    );
  }));

test('returns class names if requested', () =>
  withEndpoint(async ({ url, promote }) => {
    await promote();
    const outputs = [{ name: 'probabilities', parameters: { classification: 2 } }];
    const { answer } = await infer(url, { inputs: [imagesInput(1, 2, 3)], outputs });
    const [output] = InferAnswer.parse(answer).outputs;
    expect(output).toMatchObject({ shape: [3, 2], datatype: 'BYTES' });
    expect(output!.data).toHaveLength(6);
    for (const entry of output!.data) expect(entry).toMatch(/^0\.\d+:\d:[a-z]+$/);
  }));

test.each([
  ['no inputs', { inputs: [] }, /inputs/],
  ['another input', { inputs: [{ ...imagesInput(1), name: 'x' }] }, /"x".*"images"/],
  ['another type', { inputs: [{ ...imagesInput(1), datatype: 'FP32' }] }, /UINT8/],
  ['another shape', { inputs: [{ ...imagesInput(1), shape: [1, 3, 32, 32] }] }, /\[n, 32, 32, 3\]/],
  ['no images', { inputs: [{ ...imagesInput(), shape: [0, 32, 32, 3] }] }, /from 1 to 64/],
  ['too many images', { inputs: [{ ...imagesInput(), shape: [65, 32, 32, 3] }] }, /from 1 to 64/],
  ['too few values', { inputs: [{ ...imagesInput(1), data: [1] }] }, /1 values; its shape needs 3072/],
  ['a value of 256', { inputs: [{ ...imagesInput(1), data: Array(3072).fill(256) }] }, /Value 0/],
  ['a value of 0.5', { inputs: [{ ...imagesInput(1), data: Array(3072).fill(0.5) }] }, /Value 0/],
  ['a text', { inputs: [{ ...imagesInput(1), data: Array(3072).fill('1') }] }, /Value 0/],
  ['another output', { inputs: [imagesInput(1)], outputs: [{ name: 'y' }] }, /"y"/],
  [
    'too many classes',
    { inputs: [imagesInput(1)], outputs: [{ name: 'probabilities', parameters: { classification: 11 } }] },
    /11/,
  ],
])('refuses %s', (_, body, detail) =>
  withEndpoint(async ({ url, promote }) => {
    await promote();
    const { answer } = await infer(url, body);
    const problem = Problem.parse(answer);
    expect(problem).toMatchObject({ status: 400, code: 'bad-body', error: problem.detail });
    expect(problem.detail).toMatch(detail);
  }),
);

test('no JSON causes an internal error', () =>
  withEndpoint(async ({ url, promote }) => {
    await promote();
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.jsonValue(), fc.record({ inputs: fc.array(fc.jsonValue()) })), async (body) => {
        const { status } = await infer(url, body as object);
        expect(status).toBe(400);
      }),
      { numRuns: 100 },
    );
  }));

test('the log has the predicted class of each image, and whether it is uncertain', () =>
  withEndpoint(async ({ url, promote, logged }) => {
    await promote();
    const { answer } = await infer(url, {
      inputs: [imagesInput(1, 2, 3)],
      outputs: [{ name: 'probabilities', parameters: { classification: 1 } }],
    });
    const { data } = InferAnswer.parse(answer).outputs[0]!;
    const classified = data.map((each) => String(each).split(':'));
    const line = logged.at(-1)!;
    expect(line).toMatchObject({
      images: 3,
      label: classified.map(([, , label]) => label),
      score: classified.map(([score]) => Number(score)),
      timing: { predict: expect.any(Number) },
    });
    const { uncertainBelow } = ModelAnswer.parse((await get(`${url}/model`)).answer);
    expect(line.uncertain).toEqual(classified.map(([score]) => Number(score) < uncertainBelow));
  }));
