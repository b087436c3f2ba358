import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { UserError } from '#errors/user-error.ts';
import { channelStatistics } from '../../data/image-set.ts';
import { splitDigest } from '../../data/split-digest.ts';
import { loopback } from '../published/loopback.fixture.ts';
import { tarOf } from '../published/tar.fixture.ts';
import { cifar100Archive, loadCifar100 } from './cifar100.ts';
import { coarseClasses, fineClasses } from './classes.ts';
import { decodeRecords } from './records.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** Records of a coarse label, a fine one, 1,024 red, 1,024 green and 1,024 blue bytes. */
function records(count: number, first = 0): Buffer {
  const bytes = Buffer.alloc(count * 3074);
  for (let image = 0; image < count; image++) {
    const record = bytes.subarray(image * 3074, (image + 1) * 3074);
    for (let at = 2; at < 3074; at++) record[at] = (first + image + 7 * at) % 256;
    record[0] = (first + image) % 20;
    record[1] = (first + image) % 100;
  }
  return bytes;
}

describe('decodeRecords', () => {
  test('gives each label and each pixel its place', () => {
    const bytes = fc.uint8Array({ minLength: 3 * 3074, maxLength: 3 * 3074 });
    fc.assert(
      fc.property(bytes, fc.nat(2), fc.nat(31), fc.nat(31), fc.nat(2), (raw, image, row, column, channel) => {
        for (let at = 0; at < 3; at++) raw.set([raw[at * 3074]! % 20, raw[at * 3074 + 1]! % 100], at * 3074);
        const fine = decodeRecords(raw, 'fine');
        const record = raw.subarray(image * 3074, (image + 1) * 3074);
        expect(fine.labels[image]).toBe(record[1]);
        expect(decodeRecords(raw, 'coarse').labels[image]).toBe(record[0]);
        const found = fine.images[((image * 32 + row) * 32 + column) * 3 + channel];
        expect(found).toBe(record[2 + 1024 * channel + 32 * row + column]);
      }),
      { numRuns: 30 },
    );
  });

  test.each([
    ['a cut file', records(2).subarray(1), 'no multiple of 3074'],
    ['a fine label that there is not', records(1).fill(100, 1, 2), 'the labels 0 and 100'],
    ['a coarse label that there is not', records(1).fill(20, 0, 1), 'the labels 20 and 0'],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => decodeRecords(bytes, 'fine')).toThrow(message);
    expect(() => decodeRecords(bytes, 'fine')).toThrow(UserError);
  });
});

test('the classes are those of the official files: 100 in alphabetical order, and 20', () => {
  expect([fineClasses.length, new Set(fineClasses).size]).toEqual([100, 100]);
  expect([coarseClasses.length, new Set(coarseClasses).size]).toEqual([20, 20]);
  expect(fineClasses).toEqual(fineClasses.toSorted());
  expect([fineClasses[0], fineClasses[50], fineClasses[99], coarseClasses[9]]).toEqual([
    ...['apple', 'mouse', 'worm', 'large_man-made_outdoor_things'],
  ]);
});

describe('loadCifar100', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cifar100-'));
    vi.stubEnv('XDG_CACHE_HOME', join(folder, 'cache'));
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true });
  });

  const [train, tested] = [records(200), records(40, 5)];
  const published = (files = { train, test: tested }) => ({
    title: 'CIFAR-100',
    folder: 'cifar100-0123456789abcdef',
    sha256: { train: sha256(files.train), test: sha256(files.test) },
  });

  test.each(['tar', 'python3'])('reads an archive in the official format, made by %s', async (program) => {
    const inner = join(folder, 'cifar-100-binary');
    await mkdir(inner);
    await writeFile(join(inner, 'train.bin'), train);
    await writeFile(join(inner, 'test.bin'), tested);
    await writeFile(join(inner, 'fine_label_names.txt'), fineClasses.join('\n'));
    const file = join(folder, 'a.tar.gz');
    const args =
      program === 'tar'
        ? ['-czf', file, '-C', folder, 'cifar-100-binary']
        : [
            '-c',
            'import sys, tarfile; tarfile.open(sys.argv[1], "w:gz").add(sys.argv[2], "cifar-100-binary")',
            file,
            inner,
          ];
    execFileSync(program, args);
    const archive = await readFile(file);
    await using server = await loopback((_, response) => response.end(archive));
    const sources = [cifar100Archive({ url: server.url, sha256: sha256(archive) })];

    const fine = await loadCifar100('fine', { sources, published: published() });

    expect(fine).toMatchObject({ name: 'cifar100', title: 'CIFAR-100', classes: fineClasses, heldOutImages: 'last' });
    expect([fine.train.count, fine.test.count]).toEqual([200, 40]);
    expect(fine.images).toEqual({ size: [32, 32, 3], classes: 100, ...channelStatistics(fine.train.images, 3) });
    expect(fine.sha256).toEqual({ train: splitDigest(fine.train), test: splitDigest(fine.test) });
    // The second one comes from the cache, with other labels of the same pictures.
    const coarse = await loadCifar100('coarse', { sources: [], published: published() });
    expect(coarse).toMatchObject({ name: 'cifar100-coarse', classes: coarseClasses });
    expect(Buffer.compare(coarse.test.images, fine.test.images)).toBe(0);
    expect([...coarse.test.labels.subarray(0, 3)]).toEqual([5, 6, 7]);
  });

  test('refuses an archive that is not the official one, and one with other pictures', async () => {
    const archive = gzipSync(
      tarOf([
        { name: 'a/train.bin', body: train },
        { name: 'a/test.bin', body: tested },
      ]),
    );
    await using server = await loopback((_, response) => response.end(archive));
    const { url } = server;
    await expect(loadCifar100('fine', { sources: [cifar100Archive({ url })] })).rejects.toThrow(
      /^CIFAR-100 cannot be fetched\. the official archive, 169 MB: the download has the SHA-256/,
    );
    const sources = [cifar100Archive({ url, sha256: sha256(archive) })];
    await expect(loadCifar100('fine', { sources })).rejects.toThrow('are not those of CIFAR-100');
  });

  test('says that an archive lacks a file', async () => {
    const archive = gzipSync(tarOf([{ name: 'a/train.bin', body: train }]));
    await using server = await loopback((_, response) => response.end(archive));
    const sources = [cifar100Archive({ url: server.url, sha256: sha256(archive) })];
    await expect(loadCifar100('fine', { sources })).rejects.toThrow('the archive has no train.bin and test.bin');
  });
});
