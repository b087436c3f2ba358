import { createHash } from 'node:crypto';
import { UsageError } from '#errors/user-error.ts';
import { damagedData, type PackedData, packedAddress, partKey, readPackedData } from '#models/packed-data.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { openObjectStore } from '#models/stores/open.ts';
import { retryingStore } from '#models/stores/retrying-store.ts';
import type { Dataset, ImageForm, LoadOptions, Split } from '../../data/dataset.ts';

/** Parts that are on their way at a time. */
const AT_ONCE = 4;

/** Whether `--data` was given the address of a data set that `submit` packed. */
export function isPacked(where: string): boolean {
  return packedAddress(where) !== undefined;
}

/**
 * Opens a packed data set by its address.
 *
 * @param address `s3://<bucket>/data/<name>/<sha256>`
 * @throws {UserError} as `loadPacked`, or the bucket cannot be read
 */
export async function openPacked(address: string, options: LoadOptions): Promise<Dataset> {
  const { store: url, folder } = packedAddress(address)!;
  const { bucket } = options;
  return loadPacked(bucket?.url === url ? bucket : retryingStore(await openObjectStore(url)), folder, options);
}

/**
 * Loads a packed data set from a store, in parts, each of which is verified.
 *
 * @param folder `data/<name>/<sha256>`
 * @throws {UserError} there is none, it is damaged, or its pictures have another form than is asked for
 */
export async function loadPacked(
  store: ObjectStore,
  folder: string,
  { image, progress, signal }: Pick<LoadOptions, 'image' | 'progress' | 'signal'>,
): Promise<Dataset> {
  const data = await readPackedData(store, folder);
  checkForm(data, image);
  const read = async (split: 'train' | 'test') => {
    const onPart = (done: number, all: number) =>
      progress?.(`fetching ${data.title} from ${store.url}: ${split}, part ${done} of ${all}`);
    return readSplit(store, folder, { data, split, onPart, signal });
  };
  const { name, title, sha256, classes, images, heldOutImages, heldOut } = data;
  const { size, mean, deviation } = images;
  return {
    ...{ name, title, sha256, classes, heldOutImages },
    images: { size, classes: classes.length, mean, deviation },
    train: await read('train'),
    test: await read('test'),
    ...(heldOut !== undefined && { heldOut }),
  };
}

/** @throws {UsageError} the pictures were packed in another size or fit; each is cheap to pack from the pictures only */
function checkForm({ title, images: { size, fit } }: PackedData, image: ImageForm | undefined): void {
  if (image === undefined || (image.size === size[0] && image.fit === fit)) return;
  throw new UsageError(
    `${title} was packed with imageSize=${size[0]} and fit=${fit}, not with imageSize=${image.size} and fit=${image.fit}. ` +
      'Give the same settings, or submit from the pictures themselves.',
  );
}

interface Reading {
  readonly data: PackedData;
  readonly split: 'train' | 'test';
  readonly onPart: (done: number, all: number) => void;
  readonly signal: AbortSignal | undefined;
}

async function readSplit(store: ObjectStore, folder: string, { data, split, onPart, signal }: Reading): Promise<Split> {
  const { count, parts } = data[split];
  const ends = count * data.labelBytes;
  const pixels = count * data.images.size.reduce((product, length) => product * length, 1);
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.bytes, 0));
  if (bytes.length !== ends + pixels) throw damagedData(store, `${folder}/set.json`);
  const starts = parts.map((_, index) => parts.slice(0, index).reduce((sum, part) => sum + part.bytes, 0));
  const waiting = [...parts.keys()];
  let done = 0;
  const fetchParts = async () => {
    for (let index = waiting.shift(); index !== undefined; index = waiting.shift()) {
      signal?.throwIfAborted();
      const key = partKey(folder, split, index);
      const body = (await store.get(key))?.body;
      const expected = parts[index]!;
      if (body?.length !== expected.bytes || createHash('sha256').update(body).digest('hex') !== expected.sha256) {
        throw damagedData(store, key);
      }
      bytes.set(body, starts[index]!);
      onPart(++done, parts.length);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, fetchParts));
  const labels = bytes.subarray(0, ends);
  return {
    count,
    labels: data.labelBytes === 2 ? new Uint16Array(labels.buffer, 0, count) : labels,
    images: bytes.subarray(ends),
  };
}
