import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { zip } from './zip.fixture.ts';
import { CorruptArchive, extractZip, readZipDirectory } from './zip.mjs';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'cifar10-zip-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function unpack(bytes: Uint8Array): Promise<Map<string, Buffer>> {
  const file = path.join(folder, 'archive.zip');
  const target = path.join(folder, 'out');
  await rm(target, { recursive: true, force: true });
  await writeFile(file, bytes);
  await extractZip(file, target, (name) => name);
  const names = await readdir(target, { recursive: true }).catch(() => []);
  const files = new Map<string, Buffer>();
  for (const name of names) {
    if ((await stat(path.join(target, name))).isFile()) files.set(name, await readFile(path.join(target, name)));
  }
  return files;
}

const members = fc.uniqueArray(
  fc.record({
    name: fc.stringMatching(/^[a-z]{1,8}(\/[a-zé]{1,5}\.so)?$/),
    // Compressible and not.
    body: fc.oneof(
      fc.uint8Array({ maxLength: 3000 }),
      fc.integer({ min: 0, max: 100_000 }).map((size) => new Uint8Array(size)),
    ),
    deflated: fc.boolean(),
  }),
  { maxLength: 5, selector: ({ name }) => name.split('/')[0] },
);

test('packed files are unpacked', async () => {
  await fc.assert(
    fc.asyncProperty(
      members,
      fc.constantFrom('', 'PK\x05\x06 is in this comment too, it is long enough'),
      async (packed, comment) => {
        const files = await unpack(zip(packed, comment));
        expect([...files.keys()].sort()).toEqual(packed.map(({ name }) => name).sort());
        for (const { name, body } of packed) expect(files.get(name)?.equals(body)).toBe(true);
      },
    ),
    { numRuns: 60 },
  );
});

test('a truncated archive is refused', async () => {
  const whole = zip([{ name: 'a', body: Buffer.from('some text'), deflated: true }]);
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: whole.length - 1 }), async (length) => {
      await expect(unpack(whole.subarray(0, length))).rejects.toThrow(CorruptArchive);
    }),
    { numRuns: 60 },
  );
});

test('a changed byte of the content is detected', async () => {
  const body = Buffer.from('All happy families are alike; each unhappy family is unhappy in its own way.');
  await fc.assert(
    fc.asyncProperty(fc.boolean(), fc.nat(), fc.integer({ min: 1, max: 255 }), async (deflated, at, flip) => {
      const bytes = zip([{ name: 'a', body, deflated }]);
      const start = 30 + 1 + 7;
      const length = deflated ? deflateRawSync(body).length : body.length;
      const position = start + (at % length);
      bytes[position] = (bytes[position] ?? 0) ^ flip;
      const result = await unpack(bytes).catch((error: unknown) => error);
      // The last bits of a deflated stream are padding: what they are changes nothing.
      if (result instanceof Map) expect(result.get('a')).toEqual(body);
      else expect(result).toBeInstanceOf(CorruptArchive);
    }),
    { numRuns: 80 },
  );
});

test('any bytes are either an archive or refused', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async (bytes) => {
      const signed = Buffer.concat([bytes, zip([]).subarray(0, 10), bytes.subarray(0, 12)]);
      const result = await unpack(signed).catch((error: unknown) => error);
      if (!(result instanceof Map)) expect(result).toBeInstanceOf(CorruptArchive);
    }),
    { numRuns: 60 },
  );
});

test('an entry cannot leave the folder', async () => {
  const bytes = zip([{ name: '../outside', body: Buffer.from('x'), deflated: false }]);
  await expect(unpack(bytes)).rejects.toThrow('has an entry outside of it: ../outside');
});

test('only selected entries are unpacked, to their given paths', async () => {
  const file = path.join(folder, 'chosen.zip');
  const target = path.join(folder, 'chosen');
  await writeFile(
    file,
    zip([
      { name: 'package/lib/a.so', body: Buffer.from('library'), deflated: true },
      { name: 'package/readme', body: Buffer.from('text'), deflated: true },
    ]),
  );
  const written = await extractZip(file, target, (name) => (name.endsWith('.so') ? 'lib/a.so' : undefined));
  expect(written).toEqual({ files: 1, bytes: 7 });
  expect(await readdir(target, { recursive: true })).toEqual(['lib', 'lib/a.so']);
  expect((await readZipDirectory(file)).map(({ name }) => name)).toEqual(['package/lib/a.so', 'package/readme']);
});
