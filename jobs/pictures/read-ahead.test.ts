import { expect, test } from 'vitest';
import type { PictureReader } from './picture-reader.ts';
import { readAhead } from './read-ahead.ts';

const MEGABYTE = 1e6;

test.each([
  ['photos of a camera', 5 * MEGABYTE, 26],
  ['the largest pictures', 100 * MEGABYTE, 1],
  ['small pictures', 3000, 64],
])('reads %s ahead as far as memory has room, in the order of the list', async (_, size, most) => {
  const list = Array.from({ length: 200 }, (_, index) => ({ file: `${index}.png`, etag: 'tag', size }));
  let [held, highest] = [0, 0];
  const reader: PictureReader = {
    async read({ file }) {
      highest = Math.max(highest, ++held);
      return { bytes: new TextEncoder().encode(file) };
    },
    refusal: () => undefined,
    close() {},
  };
  const { pictures, release } = readAhead(list, reader);
  const found: string[] = [];
  const waiting: string[] = [];
  for await (const [{ file }] of pictures) {
    waiting.push(file);
    // Rows come a while later, and some at a time, as from threads.
    if (waiting.length < Math.min(most, 20)) continue;
    setImmediate((done: string[]) => {
      for (const each of done) {
        found.push(each);
        held--;
        release();
      }
    }, waiting.splice(0));
  }
  await new Promise(setImmediate);
  found.push(...waiting);

  expect(found).toEqual(list.map(({ file }) => file));
  expect(highest).toBeLessThanOrEqual(Math.max(most, size < MEGABYTE ? 200 : most));
});

test('passes on what a reader throws, when its turn comes', async () => {
  const list = ['a', 'b', 'c'].map((file) => ({ file, etag: 'tag', size: 1 }));
  const reader: PictureReader = {
    async read({ file }) {
      if (file === 'b') throw new Error('no right');
      return { bytes: new Uint8Array(1) };
    },
    refusal: () => undefined,
    close() {},
  };
  const { pictures } = readAhead(list, reader);

  expect((await pictures.next()).value?.[0].file).toBe('a');
  await expect(pictures.next()).rejects.toThrow('no right');
});
