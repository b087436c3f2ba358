/** What `docs/faults.md` says of the line between the endpoint and S3: the real client, and a line that is disturbed. */
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
import { exampleModel, examplePixels } from './example-model.ts';
import { type Fault, openS3Line, type S3Line } from './s3-line.fixture.ts';
import { openServedStore } from './served-store.ts';

const TIMES = { refreshAfter: 50, staleAfter: 100, maxWait: 50, timeout: 5_000, retryAfter: 50 };

const bucket = `s3://faults-${randomUUID()}`;
let store: ObjectStore;
let versions: readonly [first: string, second: string];
let line: S3Line;

beforeAll(async () => {
  const { endpoint } = inject('localStack');
  await new S3Client().send(new CreateBucketCommand({ Bucket: bucket.slice('s3://'.length) }));
  store = await openObjectStore(bucket, { endpoint });
  versions = [
    await publishVersion(store, await exampleModel({ seed: 1 })),
    await publishVersion(store, await exampleModel({ seed: 2 })),
  ];
  line = await openS3Line(endpoint);
  vi.stubEnv('AWS_ENDPOINT_URL_S3', line.endpoint);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await line.close();
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

/** An endpoint that reads by the line; as the alias points to the first version, and nothing is disturbed at its end. */
async function overTheLine(work: (endpoint: Endpoint) => Promise<void>): Promise<void> {
  await point(versions[0]);
  const served = await openServedStore(bucket);
  try {
    await withEndpoint(work, { store, wrap: () => served, following: { times: TIMES } });
  } finally {
    line.disturb(undefined);
  }
}

const untilServed = (url: string, version: string) =>
  expect.poll(async () => (await ask(url)).version, { timeout: 20_000, interval: 50 }).toBe(version);

const error = (status: number, code: string): Fault => ({ kind: 'error', status, code });
const unavailable = { status: 503, code: 'model-unavailable', retryAfter: '15' };
const all = /./;
const alias = /aliases/;
const weights = /weights\.bin$/;

/** What a client gets who asks an endpoint that has no model yet. */
const lasting: readonly (readonly [what: string, fault: Fault, keys: RegExp, answer: Served, detail: RegExp])[] = [
  ['503 SlowDown', error(503, 'SlowDown'), all, unavailable, /log of the endpoint/],
  ['500 InternalError', error(500, 'InternalError'), all, unavailable, /log of the endpoint/],
  ['403 AccessDenied', error(403, 'AccessDenied'), all, unavailable, /refuses the request \(AccessDenied\)/],
  ['404 NoSuchKey for the alias', error(404, 'NoSuchKey'), alias, { ...unavailable, code: 'no-model-yet' }, /promote/],
  ['404 NoSuchKey for the weights', error(404, 'NoSuchKey'), weights, unavailable, /weights\.bin .* is missing/],
  ['half of the weights', { kind: 'half' }, weights, unavailable, /log of the endpoint/],
  ['weights that stop halfway', { kind: 'stall' }, weights, unavailable, /has not answered/],
  ['weights that drip', { kind: 'drip', bytes: 100, everyMilliseconds: 50 }, weights, unavailable, /has not answered/],
  ['no answer', { kind: 'silence' }, all, unavailable, /has not answered/],
  ['connections that are reset', { kind: 'reset' }, all, unavailable, /log of the endpoint/],
];

test.each(lasting)(
  '%s: without a model a 503 that says when to come again, and then the model',
  (_, fault, keys, answer, detail) =>
    overTheLine(async ({ url, logged }) => {
      line.disturb(fault, keys);
      const served = await ask(url);
      expect(served).toMatchObject(answer);
      expect(served.detail).toMatch(detail);
      expect(served.detail).not.toContain(bucket.slice('s3://'.length));
      expect(logged.filter(({ message }) => message === 'request')).toMatchObject([{ level: 'error', status: 503 }]);
      line.disturb(undefined);
      await untilServed(url, versions[0]);
    }),
);

test.each(lasting)('%s: a model that is loaded goes on, and the next one comes when it can', (_, fault, keys) =>
  overTheLine(async ({ url }) => {
    await untilServed(url, versions[0]);
    line.disturb(fault, keys);
    await point(versions[1]);
    for (let count = 0; count < 6; count++) {
      expect(await ask(url)).toEqual({ status: 200, version: versions[0] });
      await sleep(50);
    }
    expect(line.asked.some((path) => keys.test(path))).toBe(true);
    line.disturb(undefined);
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
])('%s: the client sees nothing of it', (_, fault, keys, times) =>
  overTheLine(async ({ url }) => {
    line.disturb(fault, keys, times);
    expect(await ask(url)).toEqual({ status: 200, version: versions[0] });
  }),
);

test('nobody listens at the other end: without a model a 503, with one it goes on', async () => {
  const gone = await openS3Line(inject('localStack').endpoint);
  vi.stubEnv('AWS_ENDPOINT_URL_S3', gone.endpoint);
  try {
    await overTheLine(async ({ url }) => {
      await untilServed(url, versions[0]);
      await gone.close();
      for (let count = 0; count < 6; count++) {
        expect(await ask(url)).toEqual({ status: 200, version: versions[0] });
        await sleep(50);
      }
    });
    await overTheLine(async ({ url, logged }) => {
      expect(await ask(url)).toMatchObject(unavailable);
      expect(JSON.stringify(logged.map(({ error }) => String(error)))).toContain('ECONNREFUSED');
    });
  } finally {
    vi.stubEnv('AWS_ENDPOINT_URL_S3', line.endpoint);
  }
});
