import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { UserError } from '#errors/user-error.ts';
import { readAlias } from './aliases.ts';
import { Card } from './card.ts';
import { exampleVersion } from './example-version.ts';
import { Golden } from './golden.ts';
import { decodeJson, encodeJson, MalformedObject } from './json.ts';
import { Manifest } from './manifest.ts';
import { folderStore } from './stores/folder-store.ts';
import type { ObjectStore } from './stores/object-store.ts';
import { publishVersion, readVersion } from './versions.ts';

let folder: string;
let store: ObjectStore;
let id: string;
let keys: string[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cifar10-damaged-'));
  store = folderStore(folder);
  id = await publishVersion(store, exampleVersion());
  keys = [];
  for await (const { key } of store.list('models/')) keys.push(key);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The store, where one object is another. */
function withObject(key: string, body: Uint8Array): ObjectStore {
  return { ...store, get: async (each) => (each === key ? { body, etag: 'damaged' } : store.get(each)) };
}

test('no bit of a version can be turned, and nothing cut off, without its being refused', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.nat(), fc.nat(7), fc.boolean(), async (which, at, bit, isCut) => {
      const key = keys[which % keys.length]!;
      const body = Uint8Array.from((await store.get(key))!.body);
      const index = at % body.length;
      if (!isCut) body[index]! ^= 1 << bit;
      const damaged = withObject(key, isCut ? body.subarray(0, index) : body);
      // The newline at the end of the manifest is the only byte that says nothing.
      const saysNothing = isCut && key.endsWith('manifest.json') && index === body.length - 1;
      if (saysNothing) await readVersion(damaged, id);
      else await expect(readVersion(damaged, id)).rejects.toThrow(UserError);
    }),
    { numRuns: 500 },
  );
});

const schemas = { 'card.json': Card, 'golden.json': Golden, 'manifest.json': Manifest } as const;

test.each(Object.entries(schemas))(
  '%s: what is read of any JSON, or of no JSON, is of its schema',
  async (path, schema) => {
    const good = JSON.parse(new TextDecoder().decode((await store.get(`models/${id}/${path}`))!.body));
    const values = fc.oneof(
      fc.jsonValue(),
      fc
        .tuple(fc.constantFrom(...Object.keys(good)), fc.jsonValue())
        .map(([name, value]) => ({ ...good, [name]: value })),
    );
    const bodies = fc.oneof(values.map(encodeJson), fc.uint8Array({ maxLength: 50 }));
    fc.assert(
      fc.property(bodies, (body) => {
        try {
          decodeJson<typeof schema>(schema, body, path);
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedObject);
        }
      }),
      { numRuns: 500 },
    );
  },
);

test('an alias that is no JSON, or of another form, is refused by name', async () => {
  const bodies = fc.oneof(fc.jsonValue().map(encodeJson), fc.uint8Array({ maxLength: 50 }));
  await fc.assert(
    fc.asyncProperty(bodies, async (body) => {
      await expect(readAlias(withObject('aliases/production.json', body), 'production')).rejects.toThrow(
        MalformedObject,
      );
    }),
  );
});
