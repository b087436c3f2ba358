import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Pack } from './pack.ts';
import { temporaryFolder } from './pictures.fixture.ts';

let folder: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ folder, remove } = await temporaryFolder());
});
afterEach(() => remove());

const BYTES = 12;
const pixelsOf = (number: number) => Uint8Array.from({ length: BYTES }, (_, at) => (31 * number + at) % 256);
const found = (number: number) => ({
  facts: { sha256: `sha-${number}`, width: 2, height: 2, likeness: '0'.repeat(16), colours: '' },
  pixels: pixelsOf(number),
});

async function write(count: number): Promise<void> {
  const pack = await Pack.open(join(folder, 'pack'), BYTES);
  for (let number = 0; number < count; number++) {
    await pack.add(`${number}.png`, { bytes: number, modified: number }, found(number));
    if (number % 3 === 0) await pack.flush();
  }
  await pack.close();
}

async function readAll(count: number): Promise<(number | undefined)[]> {
  const pack = await Pack.open(join(folder, 'pack'), BYTES);
  const into = new Uint8Array(BYTES);
  const numbers: (number | undefined)[] = [];
  for (let number = 0; number < count; number++) {
    const packed = pack.get(`${number}.png`);
    if (packed === undefined || !('at' in packed)) numbers.push(undefined);
    else {
      expect(await pack.read(packed, into)).toBe(true);
      expect(into).toEqual(pixelsOf(number));
      numbers.push(number);
    }
  }
  await pack.close();
  return numbers;
}

test('what was added is there again, whatever byte a killed process wrote last', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.nat(), async (cutIndex, cutPixels) => {
      await write(10);
      const files = [join(folder, 'pack', 'index.jsonl'), join(folder, 'pack', 'pixels.bin')] as const;
      const sizes = await Promise.all(files.map(async (file) => (await readFile(file)).length));
      await truncate(files[0], cutIndex % (sizes[0]! + 1));
      await truncate(files[1], cutPixels % (sizes[1]! + 1));
      await readAll(10); // Every picture that it still knows has its own pixels.
      await write(10);
      expect(await readAll(10)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }),
    { numRuns: 30 },
  );
});

test('equal files share their pixels, and the last word about a file counts', async () => {
  const pack = await Pack.open(join(folder, 'pack'), BYTES);
  const state = { bytes: 1, modified: 1 };
  await pack.add('a.png', state, found(1));
  await pack.add('b.png', state, found(1));
  pack.addProblem('a.png', state, { cause: 'empty', problem: 'is empty' });
  await pack.close();
  const again = await Pack.open(join(folder, 'pack'), BYTES);
  expect(again.get('a.png')).toMatchObject({ problem: 'is empty' });
  expect(again.get('b.png')).toMatchObject({ at: 0 });
  expect((await readFile(join(folder, 'pack', 'pixels.bin'))).length).toBe(BYTES);
  await again.close();
});

test('damaged pixels are noticed', async () => {
  await write(2);
  const file = join(folder, 'pack', 'pixels.bin');
  const bytes = await readFile(file);
  bytes[BYTES + 3]! ^= 1;

  await writeFile(file, bytes);
  const pack = await Pack.open(join(folder, 'pack'), BYTES);
  const [one, two] = ['0.png', '1.png'].map((path) => pack.get(path)!);
  const into = new Uint8Array(BYTES);
  expect('at' in one! && (await pack.read(one, into))).toBe(true);
  expect('at' in two! && (await pack.read(two, into))).toBe(false);
  await pack.close();
});

test('many that read at the same time what is not written yet have it written once', async () => {
  const pack = await Pack.open(join(folder, 'pack'), BYTES);
  const add = (number: number) => pack.add(`${number}.png`, { bytes: number, modified: number }, found(number));
  for (let number = 0; number < 9; number++) await add(number);
  const read = async (number: number) => {
    const packed = pack.get(`${number}.png`)!;
    return 'at' in packed && (await pack.read(packed, new Uint8Array(BYTES)));
  };
  expect(await Promise.all([0, 1, 2, 3, 4, 5, 6, 7, 8].map(read))).not.toContain(false);
  await add(9);
  await pack.close();
  expect(await readFile(join(folder, 'pack', 'pixels.bin'))).toHaveLength(10 * BYTES);
  expect(await readAll(10)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});
