import { createHash } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { createWriteStream } from 'node:fs';
import { appendFile, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { GetObjectCommand, paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3';
import { systemError } from '#errors/system-error.ts';
import { UsageError, UserError } from '#errors/user-error.ts';
import { explained, s3Client } from '#models/stores/s3-client.ts';
import { cacheRoot, withLock } from '#setup/cache.mjs';
import { freeBytes } from '#setup/disk.mjs';
import type { LoadOptions } from '../../data/dataset.ts';

/** Objects that are on their way at a time. */
const AT_ONCE = 16;
/** Milliseconds before an object is asked for again. */
const WAITS = [500, 2_000, 8_000];
/** Milliseconds between two lines of progress. */
const INTERVAL = 500;

/** Whether `--data` was given an address in a bucket. */
export function isInBucket(place: string): boolean {
  return place.startsWith('s3://');
}

/** A part of a bucket. */
export interface BucketPlace {
  readonly bucket: string;
  /** The key of an object, or a prefix without a slash at its end; empty for all of the bucket. */
  readonly key: string;
}

/** @throws {UsageError} it is no address of a bucket */
export function bucketPlace(address: string): BucketPlace {
  const [, bucket, key] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/+(.*?))?\/*$/.exec(address) ?? [];
  if (bucket === undefined) {
    throw new UsageError(
      `${address} is no address in a bucket. Give s3://<bucket>/<prefix>, such as s3://my-bucket/photos.`,
    );
  }
  return { bucket, key: key ?? '' };
}

interface BucketObject {
  readonly key: string;
  readonly bytes: number;
  /** Changes whenever the object does. */
  readonly etag: string;
}

interface BringOptions extends Pick<LoadOptions, 'progress' | 'signal'> {
  /** Which objects are wanted, by their paths below the prefix. @default all */
  readonly wants?: (path: string) => boolean;
}

/**
 * Downloads what is below a prefix into the cache. Only what changed since the last time is downloaded again, what is no longer
 * there is removed, and an interrupted download resumes where it stopped.
 *
 * @param prefix that of a folder, without its last slash, or the key of one object
 * @returns a folder with the files, by their paths below the prefix; that of one object has the object
 * @throws {UserError} the bucket does not exist or refuses, has nothing there, or the disk is full
 */
export async function bringObjects(
  { bucket, key: prefix }: BucketPlace,
  { wants = () => true, progress, signal }: BringOptions,
): Promise<string> {
  const client = s3Client();
  const shown = `s3://${bucket}${prefix && `/${prefix}`}`;
  const endpoint = await client.config.endpoint?.().catch(() => undefined);
  const identity = `${endpoint ? `${endpoint.hostname}:${endpoint.port ?? ''}` : 'aws'} ${bucket} ${prefix}`;
  const folder = join(cacheRoot(), `bucket-${createHash('sha256').update(identity).digest('hex').slice(0, 16)}`);
  const onWait = ({ pid }: { readonly pid: number }) =>
    progress?.(`waiting for process ${pid}, which is fetching ${shown}`);
  try {
    return await withLock(
      `${folder}.lock`,
      async () => {
        const objects = await listObjects(client, { bucket, key: prefix }, { shown, progress, signal });
        const wanted = objects.filter(({ path }) => wants(path));
        await fetchObjects(client, wanted, { bucket, folder, shown, progress, signal });
        return join(folder, 'files');
      },
      { onWait, ...(signal && { signal }) },
    );
  } finally {
    client.destroy();
  }
}

/** Reads one object. @throws {UserError} as `bringObjects` */
export async function bringObject(place: BucketPlace, options: BringOptions): Promise<string> {
  const name = place.key.slice(place.key.lastIndexOf('/') + 1);
  return join(await bringObjects(place, options), name);
}

interface Reporting {
  readonly shown: string;
  readonly progress: LoadOptions['progress'] | undefined;
  readonly signal: AbortSignal | undefined;
}

type Listed = BucketObject & { readonly path: string };

async function listObjects(
  client: S3Client,
  { bucket, key: prefix }: BucketPlace,
  { shown, progress, signal }: Reporting,
): Promise<Listed[]> {
  const found: Listed[] = [];
  const below = prefix === '' ? '' : `${prefix}/`;
  try {
    for await (const page of paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: prefix })) {
      signal?.throwIfAborted();
      for (const { Key = '', Size = 0, ETag = '' } of page.Contents ?? []) {
        const path = Key === prefix ? Key.slice(Key.lastIndexOf('/') + 1) : Key.slice(below.length);
        // Beside `photos/` the prefix `photos` has `photos-old/`; consoles make empty objects for folders.
        if (!(Key === prefix || Key.startsWith(below)) || Key.endsWith('/')) continue;
        found.push({ key: Key, path: safePath(path, `s3://${bucket}/${Key}`), bytes: Size, etag: ETag });
      }
      progress?.(`listing ${shown}: ${found.length} objects`);
    }
  } catch (error) {
    throw explained(error, bucket);
  }
  if (found.length === 0) {
    throw new UserError(`${shown} has no objects. Check the prefix: "aws s3 ls s3://${bucket}/" shows what there is.`);
  }
  return found;
}

/** @throws {UserError} the path cannot be that of a file in a folder */
function safePath(path: string, shown: string): string {
  const isSafe = path.split('/').every((part) => part !== '' && part !== '.' && part !== '..') && !path.includes('\0');
  if (isSafe) return path;
  throw new UserError(`${shown} has a name that no file can have. Rename it, without empty parts, "." and "..".`);
}

interface Fetching extends Reporting {
  readonly bucket: string;
  readonly folder: string;
}

async function fetchObjects(client: S3Client, objects: readonly Listed[], fetching: Fetching): Promise<void> {
  const { bucket, folder, shown, progress, signal } = fetching;
  const files = join(folder, 'files');
  await mkdir(files, { recursive: true });
  await removeOthers(files, new Set(objects.map(({ path }) => path)));
  const stamps = await readStamps(folder);
  const missing: Listed[] = [];
  for (const object of objects) {
    const isHere = stamps.get(object.path) === object.etag && (await sizeOf(join(files, object.path))) === object.bytes;
    if (!isHere) missing.push(object);
  }
  const needed = missing.reduce((sum, { bytes }) => sum + bytes, 0);
  const free = await freeBytes(folder);
  if (needed > free) {
    throw new UserError(
      `${shown} has ${megabytes(needed)} to fetch, and the disk of ${folder} has ${megabytes(free)} left. Make room, or move the cache with XDG_CACHE_HOME.`,
    );
  }
  const failed = new AbortController();
  const anySignal = AbortSignal.any([failed.signal, ...(signal ? [signal] : [])]);
  setMaxListeners(0, anySignal); // Each object on its way listens; Node warns of more than ten.
  let [done, bytes, shownAt] = [0, 0, 0];
  const waiting = missing.values();
  const fetchSome = async () => {
    for (const object of waiting) {
      anySignal.throwIfAborted();
      await fetchObject(client, object, { ...fetching, signal: anySignal });
      await appendFile(join(folder, 'stamps.jsonl'), `${JSON.stringify([object.path, object.etag])}\n`);
      bytes += object.bytes;
      done++;
      if (performance.now() - shownAt < INTERVAL) continue;
      shownAt = performance.now();
      progress?.(`fetching ${shown}: ${done} of ${missing.length} files, ${megabytes(bytes)} of ${megabytes(needed)}`);
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, fetchSome));
  } catch (error) {
    failed.abort(error); // Those that are on their way end, too.
    signal?.throwIfAborted();
    throw explained(error, bucket);
  }
}

/** Beside, then renamed: a file that is there is whole. */
async function fetchObject(
  client: S3Client,
  { key, path }: Listed,
  { bucket, folder, signal }: Fetching,
): Promise<void> {
  const file = join(folder, 'files', path);
  const draft = join(folder, `draft-${createHash('sha256').update(path).digest('hex').slice(0, 16)}`);
  for (let attempt = 0; ; attempt++) {
    try {
      const options = signal ? { abortSignal: signal } : {};
      const { Body, ContentLength } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }), options);
      await pipeline(Body as Readable, createWriteStream(draft), signal ? { signal } : {});
      if ((await sizeOf(draft)) !== ContentLength) throw new Error(`s3://${bucket}/${key} broke off`);
      await mkdir(dirname(file), { recursive: true });
      await rename(draft, file);
      return;
    } catch (error) {
      await rm(draft, { force: true });
      signal?.throwIfAborted();
      const clear = systemError(error, file) ?? explained(error, bucket);
      const wait = WAITS[attempt];
      if (clear instanceof UserError || wait === undefined) throw clear;
      await sleep(wait, undefined, signal ? { signal } : {});
    }
  }
}

/** The last line about a file counts; one that was cut is as if it were not there. */
async function readStamps(folder: string): Promise<Map<string, string>> {
  const file = join(folder, 'stamps.jsonl');
  const stamps = new Map<string, string>();
  for (const line of (await readFile(file, 'utf8').catch(() => '')).split('\n')) {
    try {
      const [path, etag] = JSON.parse(line) as [string, string];
      stamps.set(path, etag);
    } catch {
      // The process that wrote it was killed.
    }
  }
  await writeFile(`${file}.new`, [...stamps].map((stamp) => `${JSON.stringify(stamp)}\n`).join(''));
  await rename(`${file}.new`, file);
  return stamps;
}

async function removeOthers(files: string, wanted: ReadonlySet<string>): Promise<void> {
  for (const entry of await readdir(files, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isDirectory() && !wanted.has(relative(files, path))) await rm(path);
  }
}

async function sizeOf(file: string): Promise<number | undefined> {
  return (await stat(file).catch(() => undefined))?.size;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}
