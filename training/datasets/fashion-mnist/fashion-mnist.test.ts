import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { UserError } from '#errors/user-error.ts';
import { channelStatistics } from '../../data/image-set.ts';
import { splitDigest } from '../../data/split-digest.ts';
import { openDataset } from '../open-dataset.ts';
import { loopback } from '../published/loopback.fixture.ts';
import { decodeSplit, loadFashionMnist } from './fashion-mnist.ts';
import { readIdx } from './idx.ts';
import { addressSource, fileNames, folderSource } from './sources.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fashion-'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

function idx(shape: readonly number[], data: Uint8Array): Buffer {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.set([0, 0, 8, shape.length]);
  for (const [dimension, size] of shape.entries()) header.writeUInt32BE(size, 4 + 4 * dimension);
  return Buffer.concat([header, data]);
}

/** Two training pictures and one test picture: the right names and format, another content. */
async function writeOthers(pack: boolean): Promise<void> {
  for (const name of fileNames) {
    const count = name.startsWith('train') ? 2 : 1;
    const shape = name.includes('images') ? [count, 28, 28] : [count];
    await writeFile(join(folder, name), idx(shape, new Uint8Array(shape.reduce((a, b) => a * b)).fill(7)));
    if (pack) execFileSync('gzip', [join(folder, name)]);
  }
}

describe('readIdx', () => {
  test('reads what was written, of any shape, and refuses every file that was cut or lengthened', () => {
    const shapes = fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(shapes, fc.integer({ min: -200, max: 20 }), (shape, more) => {
        const data = new Uint8Array(shape.reduce((product, size) => product * size, 1)).map((_, at) => at);
        const file = idx(shape, data);
        expect(readIdx(file, 'f')).toEqual({ shape, data: Buffer.from(data) });
        if (more === 0) return;
        const other = more > 0 ? Buffer.concat([file, Buffer.alloc(more)]) : file.subarray(0, more);
        expect(() => readIdx(other, 'f')).toThrow(UserError);
      }),
    );
  });

  test('throws nothing but an error for the user, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          readIdx(Buffer.from(bytes), 'f');
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
        }
      }),
    );
  });
});

test('a picture gets a black margin of two pixels, and its grey in all three channels', () => {
  const drawn = Uint8Array.from({ length: 2 * 28 * 28 }, (_, at) => 1 + (at % 255));
  const { count, images, labels } = decodeSplit(drawn, Uint8Array.of(3, 9));
  expect([count, [...labels], images.length]).toEqual([2, [3, 9], 2 * 32 * 32 * 3]);
  for (let at = 0; at < images.length; at++) {
    const [image, row, column] = [Math.floor(at / 3072), Math.floor(at / 96) % 32, Math.floor(at / 3) % 32];
    const isMargin = [row, column].some((each) => each < 2 || each >= 30);
    const expected = isMargin ? 0 : drawn[image * 784 + (row - 2) * 28 + column - 2];
    if (images[at] !== expected) expect.fail(`picture ${image}, row ${row}, column ${column}: ${images[at]}`);
  }
});

describe('files of another data set', () => {
  test.each([
    ['gzipped', true],
    ['not gzipped', false],
  ] as const)('in a folder, %s, are refused by their digest', async (_, pack) => {
    vi.stubEnv('XDG_CACHE_HOME', join(folder, 'cache'));
    await writeOthers(pack);
    const { [fileNames[0]]: images } = await folderSource(folder).fetch('');
    expect(readIdx(images, 'images').shape).toEqual([2, 28, 28]);
    await expect(openDataset(folder)).rejects.toThrow('the images and labels in it are not those of Fashion-MNIST');
  });

  test('at an address are refused, and a damaged file is named', async () => {
    vi.stubEnv('XDG_CACHE_HOME', join(folder, 'cache'));
    await writeOthers(true);
    await using server = await loopback(async ({ url = '' }, response) => {
      response.end(await readFile(join(folder, url.slice(1))));
    });
    const sources = [addressSource(server.url)];
    await expect(loadFashionMnist({ sources })).rejects.toThrow('are not those of Fashion-MNIST');
    await writeFile(join(folder, 't10k-labels-idx1-ubyte.gz'), Buffer.of(0x1f, 0x8b, 8, 0));
    await expect(loadFashionMnist({ sources })).rejects.toThrow(/t10k-labels-idx1-ubyte\.gz is damaged/);
  });
});

/** The files are on few machines: those that have loaded it before, or have Debian's package. */
const real = await loadFashionMnist({ sources: [folderSource('/usr/share/datasets/fashion-mnist')] }).catch(
  () => undefined,
);
test.skipIf(real === undefined)('Fashion-MNIST has its classes, labels and means', () => {
  const { train, test: tested, images, sha256, classes } = real!;
  expect([train.count, tested.count]).toEqual([60_000, 10_000]);
  const first = [...tested.labels.subarray(0, 4)].map((label) => classes[label]);
  expect(first).toEqual(['Ankle boot', 'Pullover', 'Trouser', 'Trouser']);
  for (const { labels, count } of [train, tested]) {
    expect(labels.filter((label) => label === 8).length).toBe(count / 10);
  }
  expect(images).toMatchObject(channelStatistics(train.images, 3));
  expect(sha256).toEqual({ train: splitDigest(train), test: splitDigest(tested) });
  expect(sha256.test).toBe('8e2f13f2b1d92fc88f3f7c090637312c0e3b4a9d52e5caa67465a0aaf8c85eef');
});
