/** The faults between the endpoint and S3 that `docs/faults.md` lists, with the real S3 client and a proxy that injects them. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest';
import { moveAlias, readAlias } from '#models/aliases.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { openObjectStore } from '#models/stores/open.ts';
import { publishVersion } from '#models/versions.ts';
import { type Endpoint, withEndpoint } from '../app.fixture.ts';
import { ClassifyAnswer } from '../http/answers.ts';
import { Problem } from '../http/problem.ts';
import { exampleModel, examplePixels } from './example-model.fixture.ts';
import { type Fault, type FaultyS3, startFaultyS3 } from './faulty-s3.fixture.ts';
import { openServedStore } from './served-store.ts';

const TIMES = { refreshAfter: 50, staleAfter: 100, maxWait: 50, timeout: 5_000, retryAfter: 50 };

const bucket = `s3://faults-${randomUUID()}`;
let store: ObjectStore;
let versions: readonly [first: string, second: string];
let proxy: FaultyS3;

beforeAll(async () => {
  const { endpoint } = inject('localStack');
  await new S3Client().send(new CreateBucketCommand({ Bucket: bucket.slice('s3://'.length) }));
  store = await openObjectStore(bucket, { endpoint });
  versions = [
    await publishVersion(store, await exampleModel({ seed: 1 })),
    await publishVersion(store, await exampleModel({ seed: 2 })),
  ];
  proxy = await startFaultyS3(endpoint);
  vi.stubEnv('AWS_ENDPOINT_URL_S3', proxy.endpoint);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await proxy.close();
});

async function point(to: string): Promise<void> {
  await moveAlias(store, 'production', { to, by: 'a test', expected: await readAlias(store, 'production') });
}

interface Served {
  readonly status: number;
  readonly version?: string | undefined;
  readonly code?: string | undefined;
  readonly detail?: string | undefined;
  readonly retryAfter?: string | null;
}

async function ask(url: string): Promise<Served> {
  const response = await fetch(`${url}/classify`, { method: 'POST', body: new Uint8Array(examplePixels(1)) });
  const body: unknown = await response.json();
  if (response.status === 200) return { status: 200, version: ClassifyAnswer.parse(body).model.version };
  const { code, detail } = Problem.parse(body);
  return { status: response.status, code, detail, retryAfter: response.headers.get('retry-after') };
}

/** Runs an endpoint that reads through the proxy, with the alias at the first version; ends the faults afterwards. */
async function throughProxy(work: (endpoint: Endpoint) => Promise<void>): Promise<void> {
  await point(versions[0]);
  const served = await openServedStore(bucket);
  try {
    await withEndpoint(work, { store, wrap: () => served, following: { times: TIMES } });
  } finally {
    proxy.inject(undefined);
  }
}

const untilServed = (url: string, version: string) =>
  expect.poll(async () => (await ask(url)).version, { timeout: 20_000, interval: 50 }).toBe(version);

const error = (status: number, code: string): Fault => ({ kind: 'error', status, code });
const unavailable = { status: 503, code: 'model-unavailable', retryAfter: '15' };
const all = /./;
const alias = /aliases/;
const weights = /weights\.bin$/;

/** What a client gets while the endpoint has no model yet. */
const lasting: readonly (readonly [what: string, fault: Fault, keys: RegExp, answer: Served, detail: RegExp])[] = [
  ['503 SlowDown', error(503, 'SlowDown'), all, unavailable, /log of the endpoint/],
  ['500 InternalError', error(500, 'InternalError'), all, unavailable, /log of the endpoint/],
  ['403 AccessDenied', error(403, 'AccessDenied'), all, unavailable, /refuses the request \(AccessDenied\)/],
  ['404 NoSuchBucket', error(404, 'NoSuchBucket'), all, unavailable, /The store does not exist/],
  ['404 NoSuchKey for the alias', error(404, 'NoSuchKey'), alias, { ...unavailable, code: 'no-model-yet' }, /promote/],
  ['404 NoSuchKey for the weights', error(404, 'NoSuchKey'), weights, unavailable, /weights\.bin .* is missing/],
  ['half of the weights', { kind: 'half' }, weights, unavailable, /log of the endpoint/],
  ['weights that stall halfway', { kind: 'stall' }, weights, unavailable, /has not answered/],
  ['weights that drip', { kind: 'drip', bytes: 100, everyMilliseconds: 50 }, weights, unavailable, /has not answered/],
  ['no answer', { kind: 'silence' }, all, unavailable, /has not answered/],
  ['connections that are reset', { kind: 'reset' }, all, unavailable, /log of the endpoint/],
];

test.each(lasting)(
  '%s: without a model a 503 with Retry-After, and the model once the fault ends',
  (_, fault, keys, answer, detail) =>
    throughProxy(async ({ url, logged }) => {
      proxy.inject(fault, keys);
      const served = await ask(url);
      expect(served).toMatchObject(answer);
      expect(served.detail).toMatch(detail);
      expect(served.detail).not.toContain(bucket.slice('s3://'.length));
      expect(logged.filter(({ message }) => message === 'request')).toMatchObject([{ level: 'error', status: 503 }]);
      proxy.inject(undefined);
      await untilServed(url, versions[0]);
    }),
);

test.each(lasting)(
  '%s: a loaded model keeps answering, and the next one follows once the fault ends',
  (_, fault, keys) =>
    throughProxy(async ({ url }) => {
      await untilServed(url, versions[0]);
      proxy.inject(fault, keys);
      await point(versions[1]);
      for (let count = 0; count < 6; count++) {
        expect(await ask(url)).toEqual({ status: 200, version: versions[0] });
        await sleep(50);
      }
      expect(proxy.requested.some((path) => keys.test(path))).toBe(true);
      proxy.inject(undefined);
      await untilServed(url, versions[1]);
    }),
);

test.each<readonly [what: string, fault: Fault, keys: RegExp, times: number]>([
  ['503 SlowDown, twice', error(503, 'SlowDown'), alias, 2],
  ['500 InternalError, twice', error(500, 'InternalError'), alias, 2],
  ['a connection that is reset, twice', { kind: 'reset' }, alias, 2],
  ['half of the weights, once', { kind: 'half' }, weights, 1],
  ['a clock that is an hour slow', { kind: 'skew', minutes: 60 }, all, Number.POSITIVE_INFINITY],
  ['a clock that is an hour fast', { kind: 'skew', minutes: -60 }, all, Number.POSITIVE_INFINITY],
])('%s: clients do not notice it', (_, fault, keys, times) =>
  throughProxy(async ({ url }) => {
    proxy.inject(fault, keys, times);
    expect(await ask(url)).toEqual({ status: 200, version: versions[0] });
  }),
);

test('connection refused: without a model a 503, with one it keeps answering', async () => {
  const gone = await startFaultyS3(inject('localStack').endpoint);
  vi.stubEnv('AWS_ENDPOINT_URL_S3', gone.endpoint);
  try {
    await throughProxy(async ({ url }) => {
      await untilServed(url, versions[0]);
      await gone.close();
      for (let count = 0; count < 6; count++) {
        expect(await ask(url)).toEqual({ status: 200, version: versions[0] });
        await sleep(50);
      }
    });
    await throughProxy(async ({ url, logged }) => {
      expect(await ask(url)).toMatchObject(unavailable);
      expect(JSON.stringify(logged.map(({ error }) => String(error)))).toContain('ECONNREFUSED');
    });
  } finally {
    vi.stubEnv('AWS_ENDPOINT_URL_S3', proxy.endpoint);
  }
});
