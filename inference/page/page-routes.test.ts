import { randomBytes } from 'node:crypto';
import { Hono } from 'hono';
import { expect, test, vi } from 'vitest';
import type { Manifest } from '#models/manifest.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { publishVersion } from '#models/versions.ts';
import { withEndpoint, withFolder } from '../app.fixture.ts';
import type { App, Env } from '../http/context.ts';
import { Problem, problemOf } from '../http/problem.ts';
import { exampleModel } from '../serving/example-model.fixture.ts';
import { pageRoutes } from './page-routes.ts';

const browser = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

test('browsers get the page, other clients the list of routes', () =>
  withEndpoint(async ({ url }) => {
    const page = await fetch(`${url}/`, { headers: browser });
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.headers.get('vary')).toContain('accept');
    const policy = page.headers.get('content-security-policy');
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('unsafe-inline');
    expect(policy).not.toContain("'unsafe-eval'");
    const html = await page.text();
    expect(html).not.toMatch(/(src|href)="(https?:)?\//); // only relative links

    for (const [, path] of html.matchAll(/(?:src|href)="(page\/[^"]+)"/g)) {
      const file = await fetch(`${url}/${path}`);
      expect(file.status).toBe(200);
      expect(file.headers.get('cache-control')).toContain('immutable');
      expect(file.headers.get('content-encoding')).toBe((await file.text()).length > 1024 ? 'gzip' : null);
    }
    for (const headers of [{}, { accept: 'application/json' }]) {
      const index = await fetch(`${url}/`, { headers });
      expect(index.headers.get('vary')).toContain('accept');
      expect(await index.json()).toMatchObject({ name: 'cifar10' });
    }
    expect((await fetch(`${url}/`, { method: 'POST', headers: browser })).status).toBe(405);
    expect((await fetch(`${url}/page/main-OLD.js`)).status).toBe(404);
  }));

/** Publishes a version with more files than a browser needs, as training does. */
async function publish(store: ObjectStore, more: Readonly<Record<string, Uint8Array>> = {}) {
  const others = Object.fromEntries(
    ['model.h5', 'weights.safetensors', 'README.md'].map((path) => [path, randomBytes(9)]),
  );
  const files = new Map([...(await exampleModel()), ...Object.entries({ ...others, ...more })]);
  return { files, version: await publishVersion(store, files) };
}

test('serves the files of a version that a browser needs, and no others', () =>
  withEndpoint(async ({ url, store }) => {
    const { files, version } = await publish(store, {
      'report/a.svg': Buffer.from('<svg/>'),
      'report/a.csv': randomBytes(9),
    });
    const read = (path: string) => fetch(`${url}/models/${version}/${path}`);

    for (const path of ['model.json', 'weights.bin', 'golden.json', 'card.json', 'README.md', 'report/a.svg']) {
      const file = await read(path);
      expect(file.headers.get('cache-control')).toContain('immutable');
      expect(Buffer.from(await file.arrayBuffer()).equals(Buffer.from(files.get(path)!))).toBe(true);
    }
    const manifest = (await (await read('manifest.json')).json()) as { files: object[] };
    expect(manifest.files).toHaveLength(files.size);
    for (const path of ['model.h5', 'weights.safetensors', 'report/a.csv', 'report.html', 'report/', 'README.md/']) {
      expect((await read(path)).status, path).toBe(404);
    }
    expect((await read('..%2f..%2faliases%2fproduction.json')).status).toBe(404);
    for (const unknown of ['20200101-0000-00000000', 'production', '..']) {
      expect((await fetch(`${url}/models/${encodeURIComponent(unknown)}/card.json`)).status).toBe(404);
    }
  }));

test('serves a file that is longer than an answer in parts, reads it once, and never sends a part as the whole', () => {
  const requested: string[] = [];
  const wrap = (store: ObjectStore): ObjectStore => ({
    ...store,
    get(key) {
      requested.push(key);
      return store.get(key);
    },
  });
  return withEndpoint(
    async ({ url, store }) => {
      const long = randomBytes(8_000_000 + 5);
      const { version } = await publish(store, { 'report/long.svg': long });
      const read = (query: string) => fetch(`${url}/models/${version}/report/long.svg${query}`);

      const whole = await read('');
      expect(whole.status).toBe(400);
      expect(whole.headers.get('cache-control')).toBe('no-store');
      expect(Problem.parse(await whole.json()).detail).toMatch(/8000005 bytes.*\?from=0, \?from=4000000/);

      const parts: Buffer[] = [];
      for (const from of [0, 4_000_000, 8_000_000]) {
        parts.push(Buffer.from(await (await read(`?from=${from}`)).arrayBuffer()));
      }
      expect(parts.map(({ length }) => length)).toEqual([4_000_000, 4_000_000, 5]);
      expect(Buffer.concat(parts).equals(long)).toBe(true);
      expect(requested.filter((key) => key.endsWith('long.svg'))).toHaveLength(1);

      for (const from of ['8000005', '-1', '1e3', '', '99999999999999']) {
        expect((await read(`?from=${from}`)).status).toBe(400);
      }
    },
    { wrap },
  );
});

test('reads no file that does not fit in memory', async () => {
  const requested: string[] = [];
  const wrap = (store: ObjectStore): ObjectStore => ({
    ...store,
    async get(key) {
      requested.push(key);
      const object = await store.get(key);
      if (!object || !key.endsWith('manifest.json')) return object;
      const manifest: Manifest = JSON.parse(Buffer.from(object.body).toString());
      const files = manifest.files.map((file) => (file.path === 'weights.bin' ? { ...file, size: 100_000_001 } : file));
      return { ...object, body: Buffer.from(JSON.stringify({ ...manifest, files })) };
    },
  });
  await withEndpoint(
    async ({ url, store, logged }) => {
      const { version } = await publish(store);
      expect((await fetch(`${url}/models/${version}/weights.bin?from=0`)).status).toBe(503);
      expect(logged.at(-1)).toMatchObject({ error: { cause: { name: 'VersionTooLarge' } } });
      expect(requested.some((key) => key.endsWith('weights.bin'))).toBe(false);
    },
    { wrap },
  );
});

test('times out if the store hangs, and reads it again on the next request', () =>
  withFolder(async (folder) => {
    const store = folderStore(folder);
    const { version } = await publish(store);
    let isHanging = true;
    const app: App = new Hono<Env>();
    const reached = new Promise<void>((resolve) => {
      const get = (key: string) => {
        if (!isHanging || !key.endsWith('weights.bin')) return store.get(key);
        resolve();
        return new Promise<never>(() => {});
      };
      pageRoutes(app, { store: { ...store, get }, page: () => ({ html: '', files: new Map() }) });
    });
    app.onError((error, context) => context.json(problemOf(error, ''), 503));
    const read = () => app.request(`/models/${version}/weights.bin`);

    vi.useFakeTimers({ toFake: ['setTimeout'] });
    try {
      const given = read();
      await reached;
      await vi.advanceTimersByTimeAsync(20_000);
      expect(await (await given).json()).toMatchObject({ code: 'model-unavailable' });
    } finally {
      vi.useRealTimers();
    }
    isHanging = false;
    expect((await read()).status).toBe(200);
  }));

test('a file that was changed is not served', () =>
  withEndpoint(
    async ({ url, promote, logged }) => {
      const version = await promote();
      const response = await fetch(`${url}/models/${version}/model.json`);
      expect(response.status).toBe(503);
      expect(Problem.parse(await response.json()).code).toBe('model-unavailable');
      expect(logged.at(-1)).toMatchObject({ level: 'error', status: 503 });
    },
    {
      wrap: (store) => ({
        ...store,
        async get(key) {
          const object = await store.get(key);
          return object && key.endsWith('model.json') ? { ...object, body: new Uint8Array(3) } : object;
        },
      }),
    },
  ));
