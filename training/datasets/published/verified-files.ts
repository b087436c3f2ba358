import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemError } from '#errors/system-error.ts';
import { UserError } from '#errors/user-error.ts';
import { cachedFolder, cacheRoot } from '#setup/cache.mjs';
import type { LoadOptions } from '../../data/dataset.ts';

/** The files of a published data set, by name. */
export type Files<Name extends string> = Readonly<Record<Name, Buffer>>;

/** A published data set, as this machine's cache keeps it. */
export interface PublishedFiles<Name extends string> {
  /** For people, such as `CIFAR-10`. */
  readonly title: string;
  /** The folder in the cache, `<what>-<sha>`; a file is `<name>.bin` in it. */
  readonly folder: string;
  readonly sha256: Readonly<Record<Name, string>>;
}

/** A place that a data set can be fetched from. */
export interface FilesSource<Name extends string> {
  /** What it is and how large, for messages. */
  readonly title: string;
  /**
   * @param folder an empty one for files in between; the caller removes it
   * @throws {Error} the source does not answer, stalls, or has other bytes; the message says which
   */
  fetch(folder: string, signal?: AbortSignal): Promise<Files<Name>>;
}

/**
 * The files of a published data set, from this machine's cache or else by `obtain`. Every byte is verified on every load, and a
 * damaged cache is made again.
 *
 * @throws {UserError} as `obtain`, or the cache's disk is full
 */
export async function verifiedFiles<Name extends string>(
  published: PublishedFiles<Name>,
  obtain: () => Promise<Files<Name>>,
  { log, signal }: Pick<LoadOptions, 'log' | 'signal'>,
): Promise<Files<Name>> {
  const make = async (folder: string) => {
    for (const [name, bytes] of entries(await obtain())) await write(join(folder, `${name}.bin`), bytes);
  };
  const cached = async () =>
    await read(published, await cachedFolder(published.folder, make, signal ? { signal } : {}));
  const folder = join(cacheRoot(), published.folder);
  let files = await cached();
  if (files === undefined) {
    log?.(`The data set in ${folder} is damaged; fetching it again.`);
    await discard(folder);
    files = await cached();
  }
  if (files === undefined)
    throw new UserError(`Files in ${cacheRoot()} read back differently from what was just written. Check the disk.`);
  return files;
}

/** Whether these are the published bytes. */
export function areSound<Name extends string>(
  files: Files<Name>,
  { sha256 }: Pick<PublishedFiles<Name>, 'sha256'>,
): boolean {
  return entries(sha256).every(([name, expected]) => {
    const bytes = files[name];
    return bytes !== undefined && createHash('sha256').update(bytes).digest('hex') === expected;
  });
}

/** @throws {UserError} no source can be reached, or none has the right bytes */
export async function fetchFromAny<Name extends string>(
  published: PublishedFiles<Name>,
  sources: readonly FilesSource<Name>[],
  { log, signal }: Pick<LoadOptions, 'log' | 'signal'>,
): Promise<Files<Name>> {
  const { title } = published;
  const failures: string[] = [];
  for (const source of sources) {
    const folder = await mkdtemp(join(tmpdir(), 'cifar10-'));
    try {
      log?.(`Fetching ${title}: ${source.title}.`);
      const files = await source.fetch(folder, signal);
      if (areSound(files, published)) return files;
      failures.push(`${source.title}: the images and labels in it are not those of ${title}`);
    } catch (error) {
      signal?.throwIfAborted();
      failures.push(`${source.title}: ${error instanceof Error ? error.message : error}`);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  throw new UserError(`${title} cannot be fetched. ${failures.join('; ')}. Check the network and try again.`);
}

function entries<Name extends string, Value>(record: Readonly<Record<Name, Value>>): [Name, Value][] {
  return Object.entries(record) as [Name, Value][];
}

/** @throws {UserError} the system refuses; unlike its own error, this one names the file */
async function write(path: string, bytes: Uint8Array): Promise<void> {
  await writeFile(path, bytes).catch((error: unknown) => {
    throw systemError(error, path) ?? error;
  });
}

/** @returns `undefined` where a file is missing or damaged */
async function read<Name extends string>(
  published: PublishedFiles<Name>,
  folder: string,
): Promise<Files<Name> | undefined> {
  const found = await Promise.all(
    entries(published.sha256).map(
      async ([name]) => [name, await readFile(join(folder, `${name}.bin`)).catch(() => undefined)] as const,
    ),
  );
  const files = Object.fromEntries(found) as Files<Name>;
  return areSound(files, published) ? files : undefined;
}

/** Renames first: a process that loads at the same time finds the whole folder or none. */
async function discard(folder: string): Promise<void> {
  const aside = `${folder}.damaged-${process.pid}`;
  await rename(folder, aside);
  await rm(aside, { recursive: true });
}
