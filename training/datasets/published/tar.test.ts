import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tarOf } from './tar.fixture.ts';
import { type TarEntry, tarEntries } from './tar.ts';

const read = async (archive: Buffer, chunk = 1 << 16) => {
  const chunks = [];
  for (let at = 0; at < archive.length; at += chunk) chunks.push(archive.subarray(at, at + chunk));
  const entries: TarEntry[] = [];
  for await (const entry of tarEntries(Readable.from(chunks))) entries.push(entry);
  return entries;
};

describe('tarEntries', () => {
  const files = fc.array(
    fc.record({
      name: fc.stringMatching(/^[a-z0-9_./-]{1,100}$/),
      body: fc.uint8Array({ maxLength: 2_000 }).map((bytes) => Buffer.from(bytes)),
    }),
    { maxLength: 5 },
  );

  test('returns every file, however the stream is cut', async () => {
    await fc.assert(
      fc.asyncProperty(files, fc.integer({ min: 1, max: 3_000 }), async (written, chunk) => {
        expect(await read(tarOf(written), chunk)).toEqual(written);
      }),
    );
  });

  test('skips entries that are not regular files', async () => {
    const archive = tarOf([
      { name: 'folder/', body: Buffer.alloc(0), kind: '5' },
      { name: 'pax', body: Buffer.from('30 mtime=1700000000.000000000\n'), kind: 'x' },
      { name: 'folder/file', body: Buffer.from('content') },
    ]);
    expect((await read(archive)).map(({ name }) => name)).toEqual(['folder/file']);
  });

  test('says which file a torn archive ends in', async () => {
    const archive = tarOf([{ name: 'batch.bin', body: Buffer.alloc(5_000) }]);
    await expect(read(archive.subarray(0, 3_000))).rejects.toThrow('ends in the middle of batch.bin');
  });

  test('refuses what is not a tar archive', async () => {
    await expect(read(Buffer.alloc(1024, 'x'))).rejects.toThrow('not a tar archive');
  });
});
