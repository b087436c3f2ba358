import { readFileSync } from 'node:fs';
import { crc32, deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { encode } from 'fast-png';
import { expect, test } from 'vitest';
import { openPng } from '#images/open-png.ts';
import { wholeImage } from '#images/whole-image.fixture.ts';
import { withEndpoint } from '../app.fixture.ts';
import { BatchAnswer, ClassifyAnswer } from '../http/answers.ts';
import { Problem } from '../http/problem.ts';
import { examplePixels } from '../serving/example-model.fixture.ts';

const fixture = (name: string) =>
  new Uint8Array(readFileSync(new URL(`../../images/fixtures/${name}`, import.meta.url)));
const png = (seed: number) => encode({ width: 32, height: 32, channels: 3, data: examplePixels(seed) });
const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');

async function postJson(url: string, body: unknown, type = 'application/json') {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await fetch(url, { method: 'POST', body: text, headers: { 'content-type': type } });
  return { status: response.status, answer: await response.json() };
}

async function postForm(url: string, parts: readonly (readonly [name: string, value: Uint8Array | string])[]) {
  const form = new FormData();
  for (const [name, value] of parts) {
    if (typeof value === 'string') form.append(name, value);
    else form.append(name, new Blob([new Uint8Array(value)]), 'picture');
  }
  const response = await fetch(url, { method: 'POST', body: form });
  return { status: response.status, answer: await response.json() };
}

test('every request format gets the same answer as the plain file', () =>
  withEndpoint(async ({ url, promote }) => {
    await promote();
    const raw = await fetch(`${url}/classify?top_k=3`, { method: 'POST', body: new Uint8Array(png(1)) });
    const { label, score, uncertain, predictions, input } = ClassifyAnswer.parse(await raw.json());
    const expected = { label, score, uncertain, predictions, input };

    const query = `${url}/classify?top_k=3`;
    expect(ClassifyAnswer.parse((await postForm(query, [['image', png(1)]])).answer)).toMatchObject(expected);
    const huggingFace = await postJson(`${url}/classify`, { inputs: base64(png(1)), parameters: { top_k: 3 } });
    expect(ClassifyAnswer.parse(huggingFace.answer)).toMatchObject(expected);
    const dataUrl = { inputs: `data:image/png;base64,${base64(png(1))}` };
    expect(ClassifyAnswer.parse((await postJson(query, dataUrl)).answer)).toMatchObject(expected);
    const urlSafe = { inputs: base64(png(1)).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '') };
    expect(ClassifyAnswer.parse((await postJson(query, urlSafe)).answer)).toMatchObject(expected);

    const several = [
      await postForm(query, [
        ['image', png(1)],
        ['image', png(1)],
      ]),
      await postJson(query, { inputs: [base64(png(1)), base64(png(1))] }),
      await postJson(query, { instances: [{ b64: base64(png(1)) }, { b64: base64(png(1)) }] }),
    ];
    for (const { answer } of several) {
      expect(BatchAnswer.parse(answer).results).toEqual([
        expect.objectContaining(expected),
        expect.objectContaining(expected),
      ]);
    }
    const list = await fetch(`${url}/classify/batch?top_k=3`, { method: 'POST', body: new Uint8Array(png(1)) });
    expect(BatchAnswer.parse(await list.json()).results).toEqual([expected]);
  }));

test('a batch gets one answer per image, in order, each the same as unbatched; an invalid file does not fail the others', () =>
  withEndpoint(async ({ url, promote }) => {
    await promote();
    const good = Array.from({ length: 6 }, (_, seed) => png(seed));
    const unbatched = await Promise.all(
      good.map(async (image) => {
        const response = await fetch(`${url}/classify?top_k=10`, { method: 'POST', body: new Uint8Array(image) });
        return ClassifyAnswer.parse(await response.json());
      }),
    );
    const bodies = { text: Buffer.from('not an image'), cut: good[0]!.subarray(0, 300), empty: new Uint8Array(0) };
    const codes = { text: 'unsupported-image', cut: 'corrupt-image', empty: 'unsupported-image' };
    const files = fc.oneof(fc.nat(5), fc.constantFrom('text', 'cut', 'empty'));
    const forms = fc.constantFrom('inputs', 'instances', 'parts');
    const paths = fc.constantFrom('/classify', '/classify/batch');
    await fc.assert(
      fc.asyncProperty(fc.array(files, { minLength: 2, maxLength: 64 }), forms, paths, async (chosen, form, path) => {
        const images = chosen.map((each) => (typeof each === 'number' ? good[each]! : bodies[each]));
        const query = `${url}${path}?top_k=10`;
        const posts = {
          inputs: () => postJson(query, { inputs: images.map(base64) }),
          instances: () => postJson(query, { instances: images.map((image) => ({ b64: base64(image) })) }),
          parts: () =>
            postForm(
              query,
              images.map((image) => ['image', image]),
            ),
        };
        const { status, answer } = await posts[form]();
        expect(status).toBe(200);
        const { results } = BatchAnswer.parse(answer);
        expect(results).toHaveLength(chosen.length);
        chosen.forEach((each, index) => {
          const result = results[index]!;
          if (typeof each !== 'number') {
            expect(result).toMatchObject({ error: { code: codes[each] } });
            return;
          }
          if ('error' in result) throw new Error(result.error.detail);
          const byIndex = new Map(unbatched[each]!.predictions.map(({ index, score }) => [index, score]));
          for (const { index, score } of result.predictions) {
            expect(Math.abs(score - byIndex.get(index)!)).toBeLessThanOrEqual(1.5e-6); // 1e-6, and what rounding adds
          }
        });
      }),
      { numRuns: 30 },
    );
  }));

test('only the entries of a list that are not valid Base64 fail', () =>
  withEndpoint(async ({ url, promote }) => {
    await promote();
    const { answer } = await postJson(`${url}/classify`, { inputs: ['?', base64(png(1)), '?'] });
    const { results } = BatchAnswer.parse(answer);
    expect(results.map((result) => ('error' in result ? result.error.code : 'answered'))).toEqual([
      'bad-body',
      'answered',
      'bad-body',
    ]);
  }));

test.each([
  ['a syntax error', '{"inputs": ', 'bad-body', 'not valid JSON'],
  ['the members of neither format', '{"images": []}', 'bad-body', 'inputs'],
  ['a list', '[]', 'bad-body', 'inputs'],
  ['no images', '{"inputs": []}', 'bad-body', 'inputs'],
  ['a number', '{"inputs": 7}', 'bad-body', 'inputs'],
  ['an instance without b64', '{"instances": [{"b65": ""}]}', 'bad-body', 'instances'],
  ['sixty-five images', JSON.stringify({ inputs: Array(65).fill('') }), 'bad-body', 'inputs'],
  ['another function', '{"inputs": "", "parameters": {"function_to_apply": "sigmoid"}}', 'bad-body', 'softmax'],
  ['a top_k of 1.5', '{"inputs": "", "parameters": {"top_k": 1.5}}', 'bad-body', 'parameters.top_k'],
  ['a top_k of 11', '{"inputs": "", "parameters": {"top_k": 11}}', 'bad-parameter', '10 classes'],
  [
    'Base64 of Base64',
    JSON.stringify({ inputs: base64(Buffer.from(base64(png(1)))) }),
    'unsupported-image',
    'Base64 text',
  ],
  ['deep JSON', `{"inputs": ${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 'bad-body', 'inputs'],
  ['null', 'null', 'bad-body', 'inputs'],
  ['inputs of null', '{"inputs": null}', 'bad-body', 'inputs'],
  ['an address', '{"inputs": "https://example.org/cat.png"}', 'bad-body', 'address, which is not fetched'],
  ['a string that is no image', '"picture"', 'unsupported-image', 'raw RGB'],
])('refuses JSON with %s', (_, body, code, detail) =>
  withEndpoint(async ({ url, promote }) => {
    await promote();
    const { status, answer } = await postJson(`${url}/classify`, body);
    const problem = Problem.parse(answer);
    expect(problem).toMatchObject({ code, status });
    expect(problem.detail).toContain(detail);
  }),
);

test('JSON is read as clients send it: with null for what is not given, as a string, twice encoded, or of another type', () =>
  withEndpoint(async ({ url, promote }) => {
    await promote();
    const expected = ClassifyAnswer.parse((await postJson(`${url}/classify`, { inputs: base64(png(1)) })).answer);
    const nothing = { top_k: null, strict: null, version: null, explain: null, function_to_apply: null };
    const image = base64(png(1));
    const posts: readonly (readonly [unknown, string?])[] = [
      [{ inputs: image, parameters: null }],
      [{ inputs: image, parameters: nothing }],
      [{ inputs: image, instances: null }],
      [JSON.stringify(image)],
      [JSON.stringify(JSON.stringify({ inputs: image }))],
      [{ inputs: image }, 'application/x-www-form-urlencoded'],
      [{ inputs: image }, 'text/plain'],
      [`\ufeff\n${JSON.stringify({ inputs: image })}`, 'text/plain'],
      [{ inputs: `DATA:IMAGE/PNG;BASE64,${image}` }],
      [{ inputs: image.replaceAll('+', '-').replaceAll('/', '_').replaceAll(/.{64}/g, '$&\n') }],
      [{ inputs: image.replaceAll('+', ' ') }],
    ];
    for (const [body, type] of posts) {
      const { status, answer } = await postJson(`${url}/classify`, body, type);
      expect(status, JSON.stringify(answer)).toBe(200);
      expect(ClassifyAnswer.parse(answer).predictions).toEqual(expected.predictions);
    }
    const instances = { instances: [{ b64: image }], signature_name: null, inputs: null };
    const { answer } = await postJson(`${url}/classify`, instances);
    expect(BatchAnswer.parse(answer).results).toMatchObject([{ predictions: expected.predictions }]);
  }));

test('refuses JSON that is not UTF-8', () =>
  withEndpoint(async ({ url, promote }) => {
    await promote();
    const body = Buffer.from(JSON.stringify({ inputs: base64(png(1)) }), 'utf16le');
    const headers = { 'content-type': 'application/json; charset=utf-16' };
    const response = await fetch(`${url}/classify`, { method: 'POST', body, headers });
    expect(Problem.parse(await response.json())).toMatchObject({ status: 400, code: 'bad-body' });
  }));

test('the last of two members with the same name counts, as in every browser', () =>
  withEndpoint(async ({ url, promote }) => {
    await promote();
    const { status } = await postJson(`${url}/classify`, `{"inputs": "", "inputs": "${base64(png(1))}"}`);
    expect(status).toBe(200);
  }));

test('names what is wrong with a form', () =>
  withEndpoint(async ({ url, promote }) => {
    await promote();
    const other = await postForm(`${url}/classify`, [['file', png(1)]]);
    expect(Problem.parse(other.answer)).toMatchObject({ status: 400, code: 'bad-body' });
    expect(Problem.parse(other.answer).detail).toContain('"file"');
    const text = await postForm(`${url}/classify`, [['image', 'picture.png']]);
    expect(Problem.parse(text.answer).detail).toContain('curl -F image=@picture.png');
    const empty = await postForm(`${url}/classify`, [['image', new Uint8Array(0)]]);
    expect(Problem.parse(empty.answer)).toMatchObject({ status: 415, code: 'unsupported-image' });
    const many = await postForm(`${url}/classify`, Array(65).fill(['image', new Uint8Array(1)]));
    expect(Problem.parse(many.answer).detail).toContain('the limit is 64');
    for (const type of [
      'multipart/form-data',
      'multipart/form-data; boundary=other',
      'multipart/form-data; boundary=',
    ]) {
      const headers = { 'content-type': type };
      const response = await fetch(`${url}/classify`, { method: 'POST', body: new Uint8Array(png(1)), headers });
      const problem = Problem.parse(await response.json());
      expect(problem).toMatchObject({ status: 400, code: 'bad-body' });
      expect(problem.detail).toContain('Let the client write the Content-Type');
    }
  }));

test('many large images share the limit of the request', () =>
  withEndpoint(async ({ url, promote }) => {
    await promote();
    const large = encode({ width: 1900, height: 1900, channels: 1, data: new Uint8Array(1900 * 1900) });
    const { answer } = await postForm(`${url}/classify`, Array(6).fill(['image', large]));
    const { results } = BatchAnswer.parse(answer);
    expect(results.map((result) => ('error' in result ? result.error.code : result.input.width))).toEqual([
      ...[1900, 1900, 1900, 1900],
      ...['image-too-large', 'image-too-large'],
    ]);
  }));

test('a large image that is damaged at its end counts like an intact one', () =>
  withEndpoint(async ({ url, promote }) => {
    await promote();
    const damaged = ['image', damagedAtItsEnd(1900, 1900)] as const;
    const { answer } = await postForm(`${url}/classify`, [...Array(6).fill(damaged), ['image', png(1)]]);
    const { results } = BatchAnswer.parse(answer);
    expect(results.map((result) => ('error' in result ? result.error.code : 'answered'))).toEqual([
      ...['corrupt-image', 'corrupt-image', 'corrupt-image', 'corrupt-image'],
      ...['image-too-large', 'image-too-large'],
      'answered', // A small one still fits.
    ]);
    expect(results[4]).toMatchObject({ error: { detail: expect.stringContaining('16 megapixels together') } });
  }));

/** A grey PNG whose last line names a filter that does not exist. */
function damagedAtItsEnd(width: number, height: number): Uint8Array {
  const lines = Buffer.alloc(height * (1 + width));
  lines[(height - 1) * (1 + width)] = 9;
  const good = encode({ width, height, channels: 1, data: new Uint8Array(width * height) });
  const header = good.subarray(0, 33);
  return Buffer.concat([header, chunk('IDAT', deflateSync(lines)), chunk('IEND', Buffer.alloc(0))]);
}

function chunk(type: string, body: Uint8Array): Uint8Array {
  const framed = Buffer.concat([Buffer.alloc(4), Buffer.from(type, 'latin1'), body, Buffer.alloc(4)]);
  framed.writeUInt32BE(body.length, 0);
  framed.writeUInt32BE(crc32(framed.subarray(4, 8 + body.length)), 8 + body.length);
  return framed;
}

test('explains an answer by the drop in probability when parts of the image are covered', () =>
  withEndpoint(async ({ url, promote }) => {
    await promote();
    const { answer } = await postJson(`${url}/classify?explain=occlusion`, { inputs: base64(png(1)) });
    const { label, explanation } = ClassifyAnswer.parse(answer);
    expect(explanation).toMatchObject({ method: 'occlusion', label, width: 32, height: 32 });
    const { width, height, pixels } = await wholeImage(openPng(Buffer.from(explanation!.png, 'base64')));
    expect({ width, height }).toEqual({ width: 32, height: 32 });
    expect(Math.max(...pixels)).toBe(explanation!.largest > 0 ? 255 : 0);
    const raw = await fetch(`${url}/classify?explain=occlusion`, {
      method: 'POST',
      body: new Uint8Array(fixture('cmyk.jpg')),
    });
    expect(ClassifyAnswer.parse(await raw.json()).explanation).toBeDefined();

    const two = await postJson(`${url}/classify?explain=occlusion`, { inputs: [base64(png(1)), base64(png(2))] });
    expect(Problem.parse(two.answer)).toMatchObject({ status: 400, code: 'bad-parameter' });
    const other = await postJson(`${url}/classify?explain=magic`, { inputs: base64(png(1)) });
    expect(Problem.parse(other.answer).detail).toContain('occlusion');
  }));
