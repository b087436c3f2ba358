import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { moveAlias, readAlias, rollback } from '#models/aliases.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { publishVersion } from '#models/versions.ts';
import { type Endpoint, withEndpoint, withFolder } from '../app.fixture.ts';
import { exampleModel, examplePixels } from './example-model.fixture.ts';

const FAST = { refreshAfter: 20, staleAfter: 60, maxWait: 1000, timeout: 500, retryAfter: 20 };

async function served(url: string, query = ''): Promise<{ status: number; version: string | undefined }> {
  const response = await fetch(`${url}/classify${query}`, { method: 'POST', body: new Uint8Array(examplePixels(1)) });
  const body = (await response.json()) as { model?: { version: string } };
  return { status: response.status, version: body.model?.version };
}

/** Sends requests until it is stopped. @returns stops it, and resolves to the answers in order */
function sendRequests(url: string): () => Promise<Awaited<ReturnType<typeof served>>[]> {
  const answers: Awaited<ReturnType<typeof served>>[] = [];
  let isOver = false;
  const clients = [1, 2, 3].map(async () => {
    while (!isOver) {
      answers.push(await served(url));
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
  });
  return async () => {
    isOver = true;
    await Promise.all(clients);
    return answers;
  };
}

const untilServed = (url: string, version: string) =>
  expect.poll(async () => (await served(url)).version, { timeout: 60_000, interval: 20 }).toBe(version);

test('follows the alias back and forth under load without losing a request', () =>
  withEndpoint(
    async ({ url, store, promote }) => {
      const first = await promote({ seed: 1 });
      await untilServed(url, first);
      const stop = sendRequests(url);
      const second = await promote({ seed: 2 });
      await untilServed(url, second);
      await rollback(store, 'production', { by: 'a test' });
      await untilServed(url, first);
      const answers = await stop();
      expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
      expect(new Set(answers.map(({ version }) => version))).toEqual(new Set([first, second]));
    },
    { following: { times: FAST } },
  ));

test('the first request after a long pause is answered by the version promoted in the meantime', () =>
  withEndpoint(
    async ({ url, promote }) => {
      await promote({ seed: 1 });
      await served(url);
      const second = await promote({ seed: 2 });
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect((await served(url)).version).toBe(second);
    },
    { following: { times: { ...FAST, timeout: 10_000, maxWait: 10_000 } } },
  ));

test('a request that joins a slow refresh is not answered by what that one read long before', async () => {
  let slow: string | undefined;
  let [isReached, isOpen] = [false, false];
  const wrap = (store: ObjectStore): ObjectStore => ({
    ...store,
    get: async (key) => {
      if (key === `models/${slow}/weights.bin`) {
        isReached = true;
        await expect.poll(() => isOpen, { timeout: 10_000 }).toBe(true);
      }
      return store.get(key);
    },
  });
  await withEndpoint(
    async ({ url, store, promote }) => {
      const first = await promote({ seed: 1 });
      await untilServed(url, first);
      slow = await promote({ seed: 2 });
      await new Promise((resolve) => setTimeout(resolve, 30));
      const starts = served(url);
      await expect.poll(() => isReached, { timeout: 10_000 }).toBe(true);
      await rollback(store, 'production', { by: 'a test' });
      await new Promise((resolve) => setTimeout(resolve, 400));
      const joins = served(url);
      await new Promise((resolve) => setTimeout(resolve, 100));
      isOpen = true;
      expect((await joins).version).toBe(first);
      await starts;
    },
    { wrap, following: { times: { ...FAST, staleAfter: 300, timeout: 10_000, maxWait: 10_000 } } },
  );
});

test.each([
  ['a byte of it was changed', (endpoint: Endpoint, id: string) => tamper(endpoint, `models/${id}/weights.bin`)],
  ['a file is missing', (endpoint: Endpoint, id: string) => endpoint.store.delete(`models/${id}/weights.bin`)],
  ['all of it is missing', (endpoint: Endpoint, id: string) => endpoint.store.delete(`models/${id}/manifest.json`)],
])('the old version keeps answering if the new one cannot be read: %s', (_, damage) =>
  withEndpoint(
    async (endpoint) => {
      const { url, logged, promote, store } = endpoint;
      const first = await promote({ seed: 1 });
      await untilServed(url, first);
      const second = await promote({ seed: 2 }, 'candidate');
      const at = await readAlias(store, 'production');
      await moveAlias(store, 'production', { to: second, by: 'a test', expected: at });
      await damage(endpoint, second);
      const stop = sendRequests(url);
      await expect
        .poll(() => logged.some(({ message }) => message === 'model refused'), { timeout: 10_000 })
        .toBe(true);
      for (const answer of await stop()) expect(answer).toEqual({ status: 200, version: first });

      const ready = await fetch(`${url}/health/ready`);
      expect(ready.status).toBe(200);
      expect(await ready.json()).toMatchObject({ model: { version: first }, pending: { version: second } });
    },
    { following: { times: FAST } },
  ),
);

test('the old version keeps answering if the new one fails its golden images', () =>
  withEndpoint(
    async ({ url, logged, promote }) => {
      const first = await promote({ seed: 1 });
      await untilServed(url, first);
      const wrong = await promote({ seed: 2, isWrong: true });
      const stop = sendRequests(url);
      await expect.poll(() => logged.some(({ version }) => version === wrong), { timeout: 10_000 }).toBe(true);
      for (const answer of await stop()) expect(answer).toEqual({ status: 200, version: first });
      expect(await served(url, `?version=${wrong}`)).toEqual({ status: 503, version: undefined });

      const third = await promote({ seed: 3 });
      await untilServed(url, third);
    },
    { following: { times: FAST } },
  ));

test('a store that fails, hangs or forgets does not stop a model that is loaded', async () => {
  let behaviour: 'works' | 'fails' | 'hangs' | 'forgets' = 'works';
  const wrap = (store: ObjectStore): ObjectStore => ({
    ...store,
    get: async (key) => {
      if (behaviour === 'fails') throw new Error('SlowDown');
      if (behaviour === 'hangs') return new Promise(() => {});
      return behaviour === 'forgets' ? undefined : store.get(key);
    },
  });
  await withEndpoint(
    async ({ url, promote, logged }) => {
      const first = await promote({ seed: 1 });
      await untilServed(url, first);
      for (behaviour of ['fails', 'hangs', 'forgets'] as const) {
        const stop = sendRequests(url);
        await new Promise((resolve) => setTimeout(resolve, 300));
        for (const answer of await stop()) expect(answer).toEqual({ status: 200, version: first });
      }
      expect(logged.some(({ message }) => message === 'alias not refreshed')).toBe(true);
      behaviour = 'works';
      const second = await promote({ seed: 2 });
      await untilServed(url, second);
    },
    { wrap, following: { times: { ...FAST, maxWait: 50, timeout: 100 } } },
  );
});

test('a refresh that was frozen with its process does not count: the next request reads the alias again', async () => {
  let isHanging = false;
  const wrap = (store: ObjectStore): ObjectStore => ({
    ...store,
    get: (key) => (isHanging ? new Promise(() => {}) : store.get(key)),
  });
  await withEndpoint(
    async ({ url, store, promote }) => {
      await promote({ seed: 1 });
      const second = await promote({ seed: 2 }, 'candidate');
      await served(url); // Loads the first.
      const expected = await readAlias(store, 'production');
      await moveAlias(store, 'production', { to: second, by: 'a test', expected });
      isHanging = true;
      await new Promise((resolve) => setTimeout(resolve, 30));
      await served(url); // Starts a refresh in the background.
      isHanging = false;
      // Freezes this process for longer than the timeout, as Lambda does between two requests.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1500);
      expect((await served(url)).version).toBe(second);
    },
    { wrap, following: { times: { ...FAST, staleAfter: 600, maxWait: 10_000, timeout: 1000 } } },
  );
});

test('a version whose files hang times out, and is loaded once they arrive', async () => {
  let isHanging = true;
  const wrap = (store: ObjectStore): ObjectStore => ({
    ...store,
    get: (key) => (isHanging && key.endsWith('weights.bin') ? new Promise(() => {}) : store.get(key)),
  });
  await withEndpoint(
    async ({ url, promote }) => {
      const version = await promote({ seed: 1 });
      expect(await served(url, `?version=${version}`)).toEqual({ status: 503, version: undefined });
      expect((await served(url)).status).toBe(503);
      isHanging = false;
      await untilServed(url, version);
      expect(await served(url, `?version=${version}`)).toEqual({ status: 200, version });
    },
    { wrap, following: { times: { ...FAST, timeout: 100 } } },
  );
});

test('a version that fails is retried less and less often, by ID and by alias, and answers once it is repaired', async () => {
  let reads = 0;
  const wrap = (store: ObjectStore): ObjectStore => ({
    ...store,
    get: (key) => {
      if (key.endsWith('weights.bin')) reads++;
      return store.get(key);
    },
  });
  await withEndpoint(
    async (endpoint) => {
      const { url, promote } = endpoint;
      const version = await promote({ seed: 1 }, 'candidate');
      const repair = await tamper(endpoint, `models/${version}/weights.bin`);
      const requestAll = async () => {
        for (const name of [version, 'candidate', version, 'candidate']) {
          expect((await served(url, `?version=${name}`)).status).toBe(503);
        }
      };
      await requestAll();
      expect(reads).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 3300));
      await requestAll();
      expect(reads).toBe(2);
      await repair();
      await expect
        .poll(async () => (await served(url, `?version=${version}`)).status, { timeout: 30_000, interval: 100 })
        .toBe(200);
      expect(reads).toBe(3);
      expect(await served(url, '?version=candidate')).toEqual({ status: 200, version });
    },
    { wrap, following: { times: { ...FAST, retryAfter: 1500 } } },
  );
});

test('the old version keeps answering if there is no memory for the new one, which is not read', async () => {
  const read: string[] = [];
  const wrap = (store: ObjectStore): ObjectStore => ({
    ...store,
    get: (key) => {
      read.push(key);
      return store.get(key);
    },
  });
  await withEndpoint(
    async ({ url, store, logged, promote }) => {
      const first = await promote({ seed: 1 });
      await untilServed(url, first);
      const files = await exampleModel({ seed: 2 });
      files.set('weights.bin', Buffer.concat([files.get('weights.bin')!, Buffer.alloc(40_000_000)]));
      const second = await publishVersion(store, files);
      const expected = await readAlias(store, 'production');
      await moveAlias(store, 'production', { to: second, by: 'a test', expected });
      const refused = () => logged.find(({ message }) => message === 'model refused');
      await expect.poll(async () => served(url).then(refused), { timeout: 10_000 }).toBeDefined();
      expect(refused()).toMatchObject({ version: second, serving: first, error: { name: 'VersionTooLarge' } });
      expect(String(refused()!.error)).toMatch(/40\.\d MB of files, and there is memory for \d+\.\d MB/);
      expect(await served(url)).toEqual({ status: 200, version: first });
      expect(read).not.toContain(`models/${second}/weights.bin`);
    },
    { wrap, following: { times: FAST, memory: process.memoryUsage.rss() + 100e6 } },
  );
});

test('cached models are evicted if a promoted one needs their memory', () =>
  withFolder(async (folder) => {
    const store = folderStore(folder);
    const files = await Promise.all([2, 3].map((seed) => exampleModel({ seed, hidden: 20_000 })));
    const [kept, promoted] = await Promise.all(files.map((each) => publishVersion(store, each)));
    setFlagsFromString('--expose-gc');
    runInNewContext('gc')();
    const available = 8 * files[0]!.get('weights.bin')!.length + 30e6; // Enough for one of them, but not for two.
    await withEndpoint(
      async ({ url, promote, logged }) => {
        const first = await promote({ seed: 1 });
        await untilServed(url, first);
        expect(await served(url, `?version=${kept}`)).toEqual({ status: 200, version: kept });
        const expected = await readAlias(store, 'production');
        await moveAlias(store, 'production', { to: promoted!, by: 'a test', expected });
        await untilServed(url, promoted!);
        expect(logged.filter(({ message }) => message === 'model refused')).toEqual([]);
      },
      { store, following: { times: { ...FAST, timeout: 60_000 }, memory: process.memoryUsage.rss() + available } },
    );
  }));

test('a store that cannot be read at first is read again', async () => {
  let isBroken = true;
  const wrap = (store: ObjectStore): ObjectStore => ({
    ...store,
    get: async (key) => {
      if (isBroken) throw new Error('no route to host');
      return store.get(key);
    },
  });
  await withEndpoint(
    async ({ url, promote }) => {
      const first = await promote();
      expect((await served(url)).status).toBe(503);
      isBroken = false;
      await untilServed(url, first);
    },
    { wrap, following: { times: FAST } },
  );
});

test('a model that is loaded only after the request for its alias timed out is not kept', () => {
  const delays: readonly (readonly [key: RegExp, milliseconds: number])[] = [
    [/candidate/, 3000],
    [/weights/, 2000],
  ];
  const wrap = (store: ObjectStore): ObjectStore => ({
    ...store,
    async get(key) {
      const [, delay = 0] = delays.find(([pattern]) => pattern.test(key)) ?? [];
      await new Promise((resolve) => setTimeout(resolve, delay));
      return store.get(key);
    },
  });
  return withEndpoint(
    async ({ url, promote, logged }) => {
      const version = await promote({ seed: 1 }, 'candidate');
      const loads = () => logged.filter(({ message }) => message === 'model loaded').length;
      expect((await served(url, '?version=candidate')).status).toBe(503);
      await expect.poll(loads, { timeout: 10_000 }).toBe(1);
      expect((await served(url, `?version=${version}`)).status).toBe(200);
      expect((await served(url, `?version=${version}`)).status).toBe(200);
      expect(loads()).toBe(3);
    },
    { wrap, following: { keep: 0, times: { ...FAST, timeout: 4500 } } },
  );
});

test('concurrent requests for a version share one load', () =>
  withEndpoint(async ({ url, promote, logged }) => {
    const version = await promote({ seed: 1 }, 'candidate');
    const answers = await Promise.all(Array.from({ length: 20 }, () => served(url, `?version=${version}`)));
    for (const answer of answers) expect(answer).toEqual({ status: 200, version });
    expect(logged.filter(({ message }) => message === 'model loaded')).toHaveLength(1);
  }));

test('keeps a few requested versions, and evicts the least recently used', () =>
  withEndpoint(
    async ({ url, promote, logged }) => {
      const production = await promote({ seed: 1 });
      await served(url);
      const others = [];
      for (const seed of [2, 3, 4]) others.push(await promote({ seed }, 'candidate'));
      const loads = () => logged.filter(({ message }) => message === 'model loaded').map(({ version }) => version);
      for (const version of others) await served(url, `?version=${version}`);
      expect(loads()).toEqual([production, ...others]);
      await served(url, `?version=${others[2]}`);
      await served(url, `?version=${others[1]}`);
      await served(url);
      expect(loads()).toHaveLength(4);
      await served(url, `?version=${others[0]}`);
      expect(loads()).toHaveLength(5);
      await Promise.all(others.flatMap((version) => [1, 2].map(() => served(url, `?version=${version}`))));
      expect((await served(url)).version).toBe(production);
    },
    { following: { keep: 2 } },
  ));

/** Changes a byte of an object. @returns restores it */
async function tamper({ store }: Endpoint, key: string): Promise<() => Promise<unknown>> {
  const { body } = (await store.get(key))!;
  const tampered = body.slice();
  tampered[0]! ^= 1;
  await store.put(key, tampered);
  return () => store.put(key, body);
}
