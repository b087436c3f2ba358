import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { deflateRawSync, gunzipSync } from 'node:zlib';
import type { APIGatewayProxyEvent, APIGatewayProxyResult } from 'aws-lambda';
import { encode } from 'fast-png';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundleClassifier } from '#infra/classify/classifier-bundle.ts';
import { moveAlias } from '#models/aliases.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import { publishVersion } from '#models/versions.ts';
import { ClassifyAnswer } from './http/answers.ts';
import { MAX_BODY } from './http/read-body.ts';
import { exampleModel, examplePixels } from './serving/example-model.fixture.ts';

const fixture = (name: string) => new Uint8Array(readFileSync(new URL(`../images/fixtures/${name}`, import.meta.url)));
const folder = mkdtempSync(join(tmpdir(), 'cifar10-lambda-'));
const store = folderStore(join(folder, 'store'));
let version: string;

beforeAll(async () => {
  bundleClassifier(folder);
  version = await publishVersion(store, await exampleModel());
  await moveAlias(store, 'production', { to: version, by: 'a test', expected: undefined });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the handler for events in a process that has only the bundle, like Lambda. */
function answer(...events: APIGatewayProxyEvent[]): Promise<Answered> {
  return answerWith({}, ...events);
}

interface Answered {
  readonly results: APIGatewayProxyResult[];
  readonly log: string[];
}

async function answerWith(variables: NodeJS.ProcessEnv, ...events: APIGatewayProxyEvent[]): Promise<Answered> {
  writeFileSync(join(folder, 'events.json'), JSON.stringify(events));
  const program = `
    import { readFileSync, writeFileSync } from 'node:fs';
    const { handler } = await import('./index.mjs');
    if (handler.length > 2) throw new Error('Lambda runs no handler with a callback on Node 24.');
    const results = [];
    for (const event of JSON.parse(readFileSync('events.json'))) results.push(await handler(event));
    writeFileSync('results.json', JSON.stringify(results));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
    cwd: folder,
    env: {
      ...{ CIFAR10_STORE: store.url, CIFAR10_ALIAS: 'production', AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '1769' },
      CIFAR10_ORIGINS: 'https://example.org https://example.com',
      ...variables,
    },
  });
  return { results: JSON.parse(readFileSync(join(folder, 'results.json'), 'utf8')), log: stdout.trim().split('\n') };
}

/** An event as API Gateway's REST APIs send it. @see https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway.html */
function event(
  httpMethod: string,
  path: string,
  body?: Uint8Array,
  { asText = false, headers: given = {} }: { asText?: boolean; headers?: Record<string, string> } = {},
): APIGatewayProxyEvent {
  const headers = {
    Accept: '*/*',
    'Content-Type': 'application/octet-stream',
    Host: 'abc.execute-api.eu-west-1.amazonaws.com',
    ...given,
  };
  const [resource, search] = path.split('?') as [string, string?];
  const queries = [...new URLSearchParams(search)];
  return {
    ...{ resource, path: resource, httpMethod, headers },
    multiValueHeaders: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]])),
    queryStringParameters: queries.length > 0 ? Object.fromEntries(queries) : null,
    multiValueQueryStringParameters:
      queries.length > 0 ? Object.fromEntries(queries.map(([name, value]) => [name, [value]])) : null,
    pathParameters: null,
    stageVariables: null,
    requestContext: {
      ...{ accountId: '123456789012', apiId: 'abc', authorizer: null, protocol: 'HTTP/1.1', httpMethod },
      ...{ path: `/prod${resource}`, stage: 'prod', resourceId: 'xyz', resourcePath: resource },
      ...{ requestId: '3f1b1e33-2a57-4c1c-9a0e-0e9a5e5f1d2c', requestTimeEpoch: 1795410000000 },
      identity: {
        ...{ accessKey: null, accountId: null, apiKey: null, apiKeyId: null, caller: null, clientCert: null },
        ...{ cognitoAuthenticationProvider: null, cognitoAuthenticationType: null, cognitoIdentityId: null },
        ...{ cognitoIdentityPoolId: null, principalOrgId: null, sourceIp: '192.0.2.1', user: null },
        ...{ userAgent: 'curl/8', userArn: null },
      },
    },
    body: body === undefined ? null : Buffer.from(body).toString(asText ? 'utf8' : 'base64'),
    isBase64Encoded: body !== undefined && !asText,
  };
}

test('the bundle alone answers events of API Gateway', async () => {
  const pixels = examplePixels(1);
  const png = encode({ width: 32, height: 32, channels: 3, data: pixels });
  const { results, log } = await answer(
    event('POST', '/classify?top_k=10', png),
    event('POST', '/classify?top_k=10', pixels),
    event('POST', '/classify', fixture('lossless.webp')),
    event('POST', '/classify', new Uint8Array(3072)),
    event('POST', '/classify', new Uint8Array(3072), { asText: true }),
    event('GET', '/model'),
    event('POST', '/classify', new TextEncoder().encode('not an image'), { asText: true }),
    event('GET', '/classify'),
    event('POST', '/classify'),
  );
  expect(results.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200, 200, 200, 200, 415, 405, 415]);
  const [fromPng, fromRaw, fromWebp, zeros, zerosAsText] = results.map(({ body }) => JSON.parse(body));
  expect(ClassifyAnswer.parse(fromPng).model).toEqual({ name: 'cifar10', version, alias: 'production' });
  expect(fromRaw.predictions).toEqual(fromPng.predictions);
  expect(fromWebp.input).toMatchObject({ type: 'image/webp', width: 48, height: 32 });
  expect(zerosAsText.predictions).toEqual(zeros.predictions);
  expect(fromPng.request_id).toBe('3f1b1e33-2a57-4c1c-9a0e-0e9a5e5f1d2c');
  expect(results[0]!.headers).toMatchObject({ 'content-type': 'application/json' });
  expect(results[0]!.isBase64Encoded).toBe(false);

  const lines = log.map((line) => JSON.parse(line));
  expect(lines[0]).toMatchObject({ message: 'model loaded', version });
  expect(lines.filter(({ message }) => message === 'request')).toHaveLength(9);
});

describe('on its first day in an account', () => {
  const role = 'User: arn:aws:sts::123456789012:assumed-role/Cifar10-Role/f is not authorized to perform: s3:GetObject';
  test.each([
    [404, 'NoSuchKey', 'The specified key does not exist.', 'no-model-yet', 'no version was promoted to "production"'],
    [404, 'NoSuchBucket', 'The specified bucket does not exist', 'model-unavailable', 'The store does not exist.'],
    [403, 'AccessDenied', role, 'model-unavailable', 'The store refuses the request (AccessDenied).'],
  ])(
    'S3 answers %d %s: a 503 that reveals nothing, and the cause in the log',
    async (status, code, said, problem, detail) => {
      const s3 = createServer((_, response) => {
        response.writeHead(status, { 'content-type': 'application/xml' });
        response.end(`<Error><Code>${code}</Code><Message>${said}</Message></Error>`);
      });
      await new Promise<void>((resolve) => s3.listen(0, '127.0.0.1', resolve));
      const variables = {
        ...{ AWS_ENDPOINT_URL: `http://127.0.0.1:${(s3.address() as AddressInfo).port}`, AWS_REGION: 'eu-west-1' },
        ...{ AWS_ACCESS_KEY_ID: 'ASIAEXAMPLE', AWS_SECRET_ACCESS_KEY: 'example', AWS_SESSION_TOKEN: 'token' },
        CIFAR10_STORE: 's3://models-1a2b',
      };
      const { results, log } = await answerWith(variables, event('POST', '/classify', examplePixels(1)));
      s3.close();
      expect(results[0]).toMatchObject({ statusCode: 503, headers: { 'retry-after': '15' } });
      const { body } = results[0]!;
      expect(JSON.parse(body)).toMatchObject({ status: 503, code: problem });
      expect(JSON.parse(body).detail).toContain(detail);
      expect(body).not.toMatch(/models-1a2b|arn:|Role/);
      const lines = log.map((line) => JSON.parse(line));
      expect(lines[0].error.message).toContain('s3://models-1a2b');
      if (code !== 'NoSuchKey') expect(lines[0].error.cause.message).toBe(said);
      expect(log.join()).not.toMatch(/ASIAEXAMPLE|"token"/);
    },
  );
});

test('takes the largest body that Lambda can receive, and says so for a larger one', async () => {
  const headers = { 'Content-Type': 'multipart/form-data; boundary=edge' };
  const jpeg = fixture('baseline-444.jpg');
  const start = Buffer.from('--edge\r\nContent-Disposition: form-data; name=image; filename=photo.jpg\r\n\r\n');
  const end = Buffer.from('\r\n--edge--\r\n');
  const padding = Buffer.alloc(MAX_BODY - start.length - jpeg.length - end.length); // after the end of the picture
  const form = event('POST', '/classify', Buffer.concat([start, jpeg, padding, end]), { headers });
  expect(JSON.stringify(form).length).toBeLessThan(6 * 2 ** 20);
  const { results } = await answer(form, event('POST', '/classify', new Uint8Array(MAX_BODY + 1)));
  expect(ClassifyAnswer.parse(JSON.parse(results[0]!.body)).input.type).toBe('image/jpeg');
  expect(JSON.parse(results[1]!.body)).toMatchObject({ status: 413, code: 'body-too-large' });
  expect(results[1]!.body).toContain('the limit is 4400000 (4.4 MB)');
});

test('allows web pages of the configured origins, and no others', async () => {
  const asked = ['https://example.org', 'https://example.com', 'https://example.net'].map((Origin) =>
    event('OPTIONS', '/classify', undefined, { headers: { Origin, 'Access-Control-Request-Method': 'POST' } }),
  );
  const { results } = await answer(...asked);
  expect(results.map(({ headers }) => headers?.['access-control-allow-origin'])).toEqual([
    'https://example.org',
    'https://example.com',
    undefined,
  ]);
});

test('the bundle has the page, and all files that the page needs to run the model in a browser', async () => {
  const headers = { Accept: 'text/html,*/*;q=0.8', 'Accept-Encoding': 'gzip, br' };
  const [page] = (await answer(event('GET', '/', undefined, { headers }))).results;
  expect(page).toMatchObject({ statusCode: 200, isBase64Encoded: true });
  expect(page!.headers).toMatchObject({ 'content-type': 'text/html; charset=utf-8', 'content-encoding': 'gzip' });
  const html = gunzipSync(Buffer.from(page!.body, 'base64')).toString();
  const linked = [...html.matchAll(/"(page\/[^"]+)"/g)].map(([, path]) => `/${path}`);
  expect(linked).toHaveLength(3);

  // The engine, which is loaded on demand.
  const [script] = linked.filter((path) => path.endsWith('.js'));
  const chunks = [...readFileSync(join(folder, script!), 'utf8').matchAll(/import\("\.\/([^"]+)"\)/g)];
  expect(chunks.length).toBeGreaterThan(0);
  const { results } = await answer(
    ...linked.map((path) => event('GET', path)),
    ...chunks.map(([, name]) => event('GET', `/page/${name}`)),
    event('GET', `/models/${version}/weights.bin`),
  );
  for (const { statusCode } of results) expect(statusCode).toBe(200);
  const { body, isBase64Encoded } = results.at(-1)!;
  expect(Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8').length % 4).toBe(0);
});

test('the archive is smaller than 3 MB, and has only the program, its WebAssembly and the page', () => {
  const files = readdirSync(folder).filter((name) => /\.(mjs|wasm)$/.test(name));
  expect(files.sort()).toEqual(['index.mjs', 'webp_dec.wasm']);
  expect(readFileSync(join(folder, 'index.mjs'), 'utf8')).not.toMatch(/["'](sharp|@img\/)/);
  const page = readdirSync(join(folder, 'page')).map((name) => join('page', name));
  const size = [...files, ...page].reduce(
    (sum, name) => sum + deflateRawSync(readFileSync(join(folder, name))).length,
    0,
  );
  expect(size).toBeLessThan(3_000_000);
});
