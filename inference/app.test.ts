import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { encode } from 'fast-png';
import { expect, test } from 'vitest';
import { withEndpoint } from './app.fixture.ts';
import { createApp } from './app.ts';
import { ClassifyAnswer } from './http/answers.ts';
import { Problem } from './http/problem.ts';
import { MAX_BODY } from './http/read-body.ts';
import { examplePixels, onlyPlainIsFamiliar } from './serving/example-model.fixture.ts';
import type { LiveModels } from './serving/live-models.ts';
import { jsonLog } from './telemetry/log.ts';

const fixture = (name: string) => new Uint8Array(readFileSync(new URL(`../images/fixtures/${name}`, import.meta.url)));
const png = (seed: number) => encode({ width: 32, height: 32, channels: 3, data: examplePixels(seed) });

async function post(url: string, body: Uint8Array, headers: Record<string, string> = {}) {
  const response = await fetch(url, { method: 'POST', body: new Uint8Array(body), headers });
  return { response, answer: ClassifyAnswer.parse(await response.json()) };
}

/** A JPEG of this many bytes, most of them in segments that decoders skip. */
function paddedJpeg(length: number): Uint8Array<ArrayBuffer> {
  const jpeg = fixture('baseline-444.jpg');
  const segments: Buffer[] = [];
  for (let left = length - jpeg.length; left > 0; ) {
    const size = left <= 65_537 ? left : Math.min(65_537, left - 4);
    const segment = Buffer.alloc(size);
    segment.writeUInt16BE(0xffef, 0);
    segment.writeUInt16BE(size - 2, 2);
    segments.push(segment);
    left -= size;
  }
  return new Uint8Array(Buffer.concat([jpeg.subarray(0, 2), ...segments, jpeg.subarray(2)]));
}

async function expectProblem(response: Response, status: number, code: string): Promise<Problem> {
  expect(response.status).toBe(status);
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  const problem = Problem.parse(await response.json());
  expect(problem).toMatchObject({ status, code, error: problem.detail });
  expect(response.headers.get('x-request-id')).toBe(problem.request_id);
  return problem;
}

test('classifies a PNG, a JPEG and raw pixels', () =>
  withEndpoint(async ({ url, promote, logged }) => {
    const version = await promote();
    const { response, answer } = await post(`${url}/classify`, png(1), { 'content-type': 'image/png' });
    expect(response.status).toBe(200);
    expect(answer.model).toEqual({ name: 'cifar10', version, alias: 'production' });
    expect(answer.input).toEqual({ type: 'image/png', width: 32, height: 32, transform: 'none' });
    expect(answer.predictions).toHaveLength(5);
    expect(answer.predictions[0]).toMatchObject({ label: answer.label, score: answer.score });
    expect(answer.request_id).toBe(response.headers.get('x-request-id'));

    const raw = await post(`${url}/classify?top_k=10`, examplePixels(1), {
      'content-type': 'application/octet-stream',
    });
    expect(raw.answer.input.type).toBe('application/octet-stream');
    expect(raw.answer.predictions.slice(0, 5)).toEqual(answer.predictions);
    const scores = raw.answer.predictions.map(({ score }) => score);
    expect(scores).toEqual(scores.toSorted((a, b) => b - a));
    expect(scores.reduce((sum, score) => sum + score, 0)).toBeCloseTo(1, 4);

    const jpeg = await post(`${url}/classify`, fixture('progressive-420.jpg'));
    expect(jpeg.answer.input).toEqual({ type: 'image/jpeg', width: 48, height: 32, transform: 'center-crop' });

    expect(logged.filter(({ message }) => message === 'request')).toHaveLength(3);
    expect(logged.at(-1)).toMatchObject({ path: '/classify', status: 200, version, label: jpeg.answer.label });
  }));

test('the declared content type is ignored', () =>
  withEndpoint(async ({ url, promote }) => {
    await promote();
    for (const type of ['image/gif', 'text/plain; charset=utf-16', 'application/json', 'nonsense']) {
      const { response, answer } = await post(`${url}/classify`, png(1), { 'content-type': type });
      expect(response.status).toBe(200);
      expect(answer.input.type).toBe('image/png');
    }
  }));

test('3,072 zeros are a raw image', () =>
  withEndpoint(async ({ url, promote }) => {
    await promote();
    const { response, answer } = await post(`${url}/classify`, new Uint8Array(3072));
    expect(response.status).toBe(200);
    expect(answer.input).toMatchObject({ type: 'application/octet-stream', width: 32, height: 32 });
  }));

test('a score below the threshold of the card is uncertain', () =>
  withEndpoint(async ({ url, promote }) => {
    await promote({ card: { uncertainBelow: 1 } });
    expect((await post(`${url}/classify`, png(1))).answer.uncertain).toBe(true);
  }));

test('a picture that is like none of the classes is unfamiliar, where the card says how to tell', () =>
  withEndpoint(async ({ url, promote, logged }) => {
    await promote();
    expect((await post(`${url}/classify`, png(1))).answer).not.toHaveProperty('unfamiliar');
    const version = await promote({ card: { unfamiliar: onlyPlainIsFamiliar } });
    const claims = await Promise.all(
      [png(1), new Uint8Array(3072).fill(90)].map(async (picture) => {
        const { answer } = await post(`${url}/classify?version=${version}`, picture);
        return answer.unfamiliar;
      }),
    );
    expect(claims).toEqual([true, false]);
    expect(logged.filter(({ unfamiliar }) => unfamiliar !== undefined)).toHaveLength(2);
  }));

test('answers that there is no model yet, and which command to run', () =>
  withEndpoint(async ({ url, promote, store }) => {
    for (const path of ['/health/ready', '/v2/health/ready', '/model']) {
      const problem = await expectProblem(await fetch(url + path), 503, 'no-model-yet');
      expect(problem.detail).toContain('cifar10 models promote');
      // Clients must not learn where the store is.
      expect(JSON.stringify(problem)).not.toContain(store.url);
    }
    const response = await fetch(`${url}/classify`, { method: 'POST', body: new Uint8Array(png(1)) });
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    await expectProblem(response, 503, 'no-model-yet');
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
    await promote();
    await expect.poll(async () => (await fetch(`${url}/health/ready`)).status, { timeout: 10_000 }).toBe(200);
  }));

test('shows which model it serves', () =>
  withEndpoint(async ({ url, promote }) => {
    const version = await promote({ card: { seed: 41 } });
    const model = await (await fetch(`${url}/model`)).json();
    expect(model).toMatchObject({ name: 'cifar10', version, alias: 'production', seed: 41, accuracy: { plain: 0.1 } });
    expect(await (await fetch(`${url}/health/ready`)).json()).toEqual({
      status: 'ready',
      model: { name: 'cifar10', version, alias: 'production' },
    });
  }));

test('uses another version or alias if requested', () =>
  withEndpoint(async ({ url, promote }) => {
    const first = await promote({ seed: 1 });
    const second = await promote({ seed: 2 }, 'candidate');
    const at = async (version: string) => (await post(`${url}/classify?version=${version}`, png(1))).answer;
    expect((await at('candidate')).model).toEqual({ name: 'cifar10', version: second, alias: 'candidate' });
    expect((await at(second)).model).toEqual({ name: 'cifar10', version: second });
    expect((await at(second)).predictions).toEqual((await at('candidate')).predictions);
    expect((await at(first)).predictions).not.toEqual((await at(second)).predictions);
    for (const name of ['20200101-0000-00000000', 'nobody', 'No such', '../models', '']) {
      const response = await fetch(`${url}/classify?version=${encodeURIComponent(name)}`, {
        method: 'POST',
        body: new Uint8Array(png(1)),
      });
      const { detail } = await expectProblem(response, 404, 'unknown-version');
      // Where the store is stays hidden.
      expect(detail).toBe(`There is no version or alias "${name}".`);
    }
  }));

test.each([
  ['top_k=0', 400, 'bad-parameter', 'top_k is "0"'],
  ['top_k=11', 400, 'bad-parameter', '10 classes'],
  ['top_k=9e9', 400, 'bad-parameter', '9e9'],
  ['top_k=99999999999999999999', 400, 'bad-parameter', 'to the number of classes'],
  ['top_k=1&top_k=2', 400, 'bad-parameter', '2 times'],
  ['strict=maybe', 400, 'bad-parameter', 'maybe'],
])('refuses ?%s', (query, status, code, detail) =>
  withEndpoint(async ({ url, promote }) => {
    await promote();
    const response = await fetch(`${url}/classify?${query}`, { method: 'POST', body: new Uint8Array(png(1)) });
    expect((await expectProblem(response, status, code)).detail).toContain(detail);
  }),
);

test('refuses invalid images with the reason', () =>
  withEndpoint(async ({ url, promote, logged }) => {
    await promote();
    const send = (body: Uint8Array, query = '') =>
      fetch(`${url}/classify${query}`, { method: 'POST', body: new Uint8Array(body) });
    await expectProblem(await send(new Uint8Array(0)), 415, 'unsupported-image');
    expect((await expectProblem(await send(fixture('drawing.avif')), 415, 'unsupported-image')).detail).toContain(
      'AVIF',
    );
    await expectProblem(await send(png(1).subarray(0, 500)), 400, 'corrupt-image');
    await expectProblem(await send(new Uint8Array(MAX_BODY + 1)), 413, 'body-too-large');
    await expectProblem(await send(fixture('drawing.png'), '?strict=1'), 422, 'wrong-size');
    expect((await send(png(1), '?strict=1')).status).toBe(200);
    expect(logged.filter(({ level }) => level === 'error')).toEqual([]);
  }));

test('stops reading a body that is too large, with or without a Content-Length', () =>
  withEndpoint(async ({ url, promote }) => {
    await promote();
    const announced = await fetch(`${url}/classify`, { method: 'POST', body: new Uint8Array(6_000_000) });
    const { detail, hint } = await expectProblem(announced, 413, 'body-too-large');
    expect(detail).toBe('The body has 6000000 bytes; the limit is 4400000 (4.4 MB).');
    expect(hint).toContain('Scale the image down');
    const endless = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(65536)) });
    const streamed = await fetch(`${url}/classify`, {
      method: 'POST',
      body: endless,
      duplex: 'half',
    } as RequestInit).catch((error: unknown) => error);
    // The answer may arrive while the client still sends; some clients then report a broken connection.
    if (streamed instanceof Response) await expectProblem(streamed, 413, 'body-too-large');
    expect((await post(`${url}/classify`, png(1))).response.status).toBe(200);
  }));

test('takes a photo of 4.3 MB, as it is and in a form, with the answer of the picture in it', () =>
  withEndpoint(async ({ url, promote }) => {
    await promote();
    const { predictions } = (await post(`${url}/classify`, fixture('baseline-444.jpg'))).answer;
    const large = paddedJpeg(4_300_000);
    expect((await post(`${url}/classify`, large)).answer.predictions).toEqual(predictions);
    const form = new FormData();
    form.append('image', new Blob([large]), 'photo.jpg');
    const response = await fetch(`${url}/classify`, { method: 'POST', body: form });
    expect(ClassifyAnswer.parse(await response.json()).predictions).toEqual(predictions);
    const inBase64 = { inputs: Buffer.from(paddedJpeg(3_200_000)).toString('base64') };
    const json = await fetch(`${url}/classify`, {
      ...{ method: 'POST', body: JSON.stringify(inBase64), headers: { 'content-type': 'application/json' } },
    });
    expect(ClassifyAnswer.parse(await json.json()).predictions).toEqual(predictions);
  }));

test('a client that sends its whole body before it reads gets the answer that it is too large', () =>
  withEndpoint(async ({ url }) => {
    const length = 20_000_000;
    const { port } = new URL(url);
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(port), '127.0.0.1', () => {
        socket.write(`POST /classify HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${length}\r\n\r\n`);
        socket.write(new Uint8Array(length), () => socket.once('data', (data) => resolve(data.toString())));
      });
      socket.on('error', reject);
    });
    expect(answer).toMatch(/^HTTP\/1.1 413 /);
    expect(answer).toContain('The body has 20000000 bytes; the limit is 4400000 (4.4 MB).');
  }));

test('refuses a compressed body', () =>
  withEndpoint(async ({ url, promote }) => {
    await promote();
    const response = await fetch(`${url}/classify`, {
      method: 'POST',
      body: new Uint8Array(png(1)),
      headers: { 'content-encoding': 'gzip' },
    });
    await expectProblem(response, 415, 'unsupported-encoding');
  }));

test('lists the routes, and the methods that a route accepts', () =>
  withEndpoint(async ({ url }) => {
    await expectProblem(await fetch(`${url}/clasify`), 404, 'unknown-route');
    const response = await fetch(`${url}/classify`);
    expect(response.headers.get('allow')).toBe('POST');
    await expectProblem(response, 405, 'wrong-method');
    expect(await (await fetch(url)).json()).toMatchObject({
      routes: expect.arrayContaining([
        { methods: ['POST'], href: './classify' },
        { methods: ['GET'], href: './models/:version/:file' },
      ]),
    });
    expect((await fetch(`${url}/health/live`, { method: 'HEAD' })).status).toBe(200);
  }));

test('an unreadable store is a 503 that does not reveal its secrets', () =>
  withEndpoint(
    async ({ url, logged }) => {
      const problem = await expectProblem(
        await fetch(`${url}/model?version=20200101-0000-00000000`),
        503,
        'model-unavailable',
      );
      expect(JSON.stringify(problem)).not.toContain('secret');
      expect(logged.at(-1)).toMatchObject({ level: 'error', status: 503, requestId: problem.request_id });
      expect(((logged.at(-1)!.error as Error).cause as Error).stack).toContain('secret');
    },
    {
      wrap: (store) => ({
        ...store,
        get: async () => {
          throw new Error('secret of the store');
        },
      }),
    },
  ));

test('a damaged version is named to the client, but the location of the store only in the log', () =>
  withEndpoint(async ({ url, promote, store, logged }) => {
    const version = await promote();
    await store.delete(`models/${version}/weights.bin`);
    for (const path of ['/model', `/model?version=${version}`]) {
      const problem = await expectProblem(await fetch(url + path), 503, 'model-unavailable');
      expect(problem.detail).toContain(`cannot be served now. models/${version}/weights.bin in the store is missing.`);
      expect(JSON.stringify(problem)).not.toContain(store.url);
      expect((logged.at(-1)!.error as Error).message).toContain(`weights.bin in ${store.url} is missing`);
    }
  }));

test('an internal error is a 500 that reveals nothing to the client and everything to the log', async () => {
  const lines: string[] = [];
  const broken: LiveModels = {
    use: async () => {
      throw new TypeError('secret of the program');
    },
    pending: () => undefined,
  };
  const app = createApp({ models: broken, log: jsonLog((line) => lines.push(line)) });
  const problem = await expectProblem(await app.request('/model'), 500, 'internal');
  expect(JSON.stringify(problem)).not.toContain('secret');
  expect(JSON.parse(lines.join(''))).toMatchObject({
    ...{ level: 'error', message: 'request', status: 500, requestId: problem.request_id },
    error: { name: 'TypeError', message: 'secret of the program', stack: expect.stringContaining('app.test.ts') },
  });
});

test('pages of other origins may send requests only if they are allowed to', async () => {
  const ask = async (url: string, method: string, origin: string) => {
    const headers = { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'x-api-key' };
    const response = await fetch(`${url}/classify`, { method, headers, ...(method === 'POST' ? { body: 'x' } : {}) });
    return { status: response.status, allowed: response.headers.get('access-control-allow-origin') };
  };
  await withEndpoint(async ({ url }) => {
    expect(await ask(url, 'OPTIONS', 'https://example.org')).toEqual({ status: 405, allowed: null });
    expect(await ask(url, 'POST', 'https://example.org')).toMatchObject({ allowed: null });
  });
  await withEndpoint(
    async ({ url }) => {
      expect(await ask(url, 'OPTIONS', 'https://example.org')).toEqual({ status: 204, allowed: 'https://example.org' });
      expect(await ask(url, 'POST', 'https://example.org')).toEqual({ status: 503, allowed: 'https://example.org' });
      expect(await ask(url, 'POST', 'https://example.com')).toMatchObject({ allowed: null });
    },
    { origins: ['https://example.org'] },
  );
});

test('no query or path causes an internal error', () =>
  withEndpoint(async ({ url, promote }) => {
    await promote();
    const { port } = new URL(url);
    const answered = await Promise.all(
      [
        '/classify?version=%0d%0aset-cookie:%20a=b',
        '/%',
        '/%2e%2e/%2e%2e/etc/passwd',
        '/classify?top_k=%',
        '//classify',
      ].map(
        (path) =>
          new Promise<number>((resolve, reject) => {
            const sent = request({ port, host: '127.0.0.1', path, method: 'POST' }, (response) => {
              expect(response.headers['set-cookie']).toBeUndefined();
              response.resume();
              resolve(response.statusCode!);
            });
            sent.on('error', reject);
            sent.end(Buffer.from(png(1)));
          }),
      ),
    );
    for (const status of answered) expect(status).toBeLessThan(500);
  }));
