import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { UserError } from '#errors/user-error.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import type { Dataset } from '../../data/dataset.ts';
import { holdOut } from '../../data/hold-out.ts';
import { channelStatistics } from '../../data/image-set.ts';
import type { Labels } from '../../data/labels.ts';
import { loadCifar10 } from './cifar10.ts';
import type { DatasetSource } from './source.ts';

let cifar10: Dataset;
/** What the sources bring, without the network. */
let good: DatasetSource;
beforeAll(async () => {
  cifar10 = await loadCifar10();
  const joined = ({ labels, images }: Dataset['train']) => Buffer.concat([Buffer.from(labels), images]);
  good = { title: 'good', fetch: async () => ({ train: joined(cifar10.train), test: joined(cifar10.test) }) };
}, 300_000);

const dead: DatasetSource = {
  title: 'dead',
  fetch: async () => {
    throw new Error('nothing came');
  },
};
const wrong: DatasetSource = {
  title: 'wrong',
  fetch: async () => ({ train: Buffer.alloc(50_000 * 3073), test: Buffer.alloc(10_000 * 3073) }),
};

describe('CIFAR-10', () => {
  test('has 5,000 training and 1,000 test images of each class', () => {
    const count = (labels: Labels) => {
      const counts = new Array<number>(cifar10.classes.length).fill(0);
      for (const label of labels) counts[label]!++;
      return counts;
    };
    expect(count(cifar10.train.labels)).toEqual(new Array(10).fill(5_000));
    expect(count(cifar10.test.labels)).toEqual(new Array(10).fill(1_000));
  });

  test('begins its test split as everybody knows it: cat, ship, ship, airplane', () => {
    const names = [...cifar10.test.labels.subarray(0, 4)].map((label) => cifar10.classes[label]);
    expect(names).toEqual(['cat', 'ship', 'ship', 'airplane']);
  });

  test('has the means and deviations that nets normalise with, to the last of five decimals', () => {
    expect(cifar10.images).toMatchObject(channelStatistics(cifar10.train.images, 3));
  });

  test('holds out the last images, and none of them is left to train on', () => {
    const { train, heldOut } = holdOut(cifar10, 5_000);
    expect([train.count, heldOut.count]).toEqual([45_000, 5_000]);
    expect(Buffer.concat([train.images, heldOut.images]).equals(cifar10.train.images)).toBe(true);
    expect(Buffer.concat([Buffer.from(train.labels), Buffer.from(heldOut.labels)])).toEqual(
      Buffer.from(cifar10.train.labels),
    );
  });
});

describe('loadCifar10 on a machine without it', () => {
  let folder: string;
  const lines: string[] = [];
  const log = (line: string) => void lines.push(line);
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cifar10-test-'));
    vi.stubEnv('XDG_CACHE_HOME', join(folder, 'cache'));
    lines.length = 0;
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true });
  });

  const expectGood = (loaded: Dataset) => {
    expect(Buffer.compare(loaded.test.images, cifar10.test.images)).toBe(0);
    expect(Buffer.compare(loaded.train.images, cifar10.train.images)).toBe(0);
    expect(Buffer.compare(Buffer.from(loaded.train.labels), Buffer.from(cifar10.train.labels))).toBe(0);
  };

  test('fails over from a dead and from a wrong source, and fetches once', async () => {
    expectGood(await loadCifar10({ sources: [dead, wrong, good], log }));
    expectGood(await loadCifar10({ sources: [], log }));
    expect(lines).toEqual(['dead', 'wrong', 'good'].map((title) => `Fetching CIFAR-10: ${title}.`));
  });

  test('says what was wrong with each source, and leaves nothing behind', async () => {
    await expect(loadCifar10({ sources: [dead, wrong] })).rejects.toThrow(
      /dead: nothing came; wrong: the images and labels in it are not those of CIFAR-10/,
    );
    expect(await readdir(join(folder, 'cache', 'cifar10'))).toEqual([]);
  });

  test.runIf(process.platform === 'linux')(
    'names the file for which the disk has no room, and leaves nothing behind',
    async () => {
      // The limit of the size of a file replaces a small disk: both are errors of the same kind.
      const limit = (soft: string) => execFileSync('prlimit', [`--pid=${process.pid}`, `--fsize=${soft}:`]);
      limit('1000000');
      try {
        const refused = loadCifar10({ sources: [good] });
        await expect(refused).rejects.toThrow(UserError);
        await expect(refused).rejects.toThrow(
          /\/cifar10\/cifar10-\S+\/train\.bin would be larger than a file may be\./,
        );
      } finally {
        limit('unlimited');
      }
      expect(await readdir(join(folder, 'cache', 'cifar10'))).toEqual([]);
    },
  );

  test('notices one damaged byte in the cache and replaces it', async () => {
    await loadCifar10({ sources: [good] });
    const [cached] = await readdir(join(folder, 'cache', 'cifar10'));
    await using file = await open(join(folder, 'cache', 'cifar10', cached!, 'train.bin'), 'r+');
    await file.write(Buffer.of(cifar10.train.images[77_777]! ^ 1), 0, 1, 50_000 + 77_777);

    expectGood(await loadCifar10({ sources: [good], log }));
    expect(lines[0]).toMatch(/is damaged; fetching it again/);
    expectGood(await loadCifar10({ sources: [] }));
  });

  test('puts what it fetched into the bucket, and the next machine takes it from there', async () => {
    const bucket = folderStore(join(folder, 'bucket'));
    await loadCifar10({ bucket, sources: [good] });
    const kept = (await bucket.list('data/')[Symbol.asyncIterator]().next()).value;
    const stored = (await bucket.get(kept!.key))!.body;
    expect(kept!.key).toBe(`data/cifar10/${createHash('sha256').update(stored).digest('hex')}.bin`);

    vi.stubEnv('XDG_CACHE_HOME', join(folder, 'another-machine'));
    expectGood(await loadCifar10({ bucket, sources: [] }));

    // A damaged object is neither used nor left there.
    stored[123_456]! ^= 1;
    await bucket.put(kept!.key, stored);
    vi.stubEnv('XDG_CACHE_HOME', join(folder, 'a-third-machine'));
    expectGood(await loadCifar10({ bucket, sources: [good] }));
    vi.stubEnv('XDG_CACHE_HOME', join(folder, 'a-fourth-machine'));
    expectGood(await loadCifar10({ bucket, sources: [] }));
  });
});
