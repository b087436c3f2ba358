import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { moveAlias } from '#models/aliases.ts';
import { publishVersion } from '#models/versions.ts';
import { withEndpoint } from '../app.fixture.ts';
import { exampleModel } from '../example-model.ts';
import { Problem } from '../problem.ts';

const browser = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

test('browsers get the page, programs the addresses', () =>
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
    expect(html).not.toMatch(/(src|href)="(https?:)?\//); // relative, and nowhere else

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

test('gives the files of a version, long ones in parts, and no others', () =>
  withEndpoint(async ({ url, store }) => {
    const long = randomBytes(4_000_000 + 5);
    const files = new Map([...(await exampleModel()), ['report/long.bin', long]]);
    const version = await publishVersion(store, files);
    await moveAlias(store, 'production', { to: version, by: 'a test', expected: undefined });
    const read = (path: string) => fetch(`${url}/models/${version}/${path}`);

    for (const path of ['model.json', 'weights.bin', 'golden.json', 'card.json']) {
      const file = await read(path);
      expect(file.headers.get('cache-control')).toContain('immutable');
      expect(Buffer.from(await file.arrayBuffer()).equals(Buffer.from(files.get(path)!))).toBe(true);
    }
    const parts = [await read('report/long.bin'), await read('report/long.bin?from=4000000')];
    const bodies = await Promise.all(parts.map(async (part) => Buffer.from(await part.arrayBuffer())));
    expect(bodies.map(({ length }) => length)).toEqual([4_000_000, 5]);
    expect(Buffer.concat(bodies).equals(long)).toBe(true);
    expect(await (await read('manifest.json')).json()).toMatchObject({
      files: expect.arrayContaining([expect.objectContaining({ path: 'report/long.bin', size: long.length })]),
    });

    for (const from of ['4000005', '-1', '1e3', '', '99999999999999']) {
      expect((await read(`report/long.bin?from=${from}`)).status).toBe(400);
    }
    for (const path of ['model.h5', '..%2f..%2faliases%2fproduction.json', 'report/']) {
      expect((await read(path)).status).toBe(404);
    }
    for (const unknown of ['20200101-0000-00000000', 'production', '..']) {
      expect((await fetch(`${url}/models/${encodeURIComponent(unknown)}/card.json`)).status).toBe(404);
    }
  }));

test('a file that was changed is not given', () =>
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
