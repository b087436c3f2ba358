import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, open, realpath, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemError } from '#errors/system-error.ts';
import { UserError } from '#errors/user-error.ts';
import { cachedFolder } from '#setup/cache.mjs';
import type { LoadOptions } from '../../data/dataset.ts';
import { unpackTar } from './tar-archive.ts';
import { type ArchiveLimits, archiveLimits, Unpacking } from './unpacking.ts';
import { unpackZip } from './zip-archive.ts';

/** Files between two lines of progress. */
const EVERY = 200;

/** Whether a path or address is that of an archive, by its name. */
export function isArchive(place: string): boolean {
  return /\.(zip|tar|tar\.gz|tgz)$/i.test(place);
}

/** The name of an archive without its ending. */
export function archiveTitle(place: string): string {
  return place.replace(/^.*\//, '').replace(/\.(zip|tar|tar\.gz|tgz)$/i, '');
}

interface OpenOptions extends Pick<LoadOptions, 'progress' | 'signal'> {
  /** The archive's name for people. @default its path */
  readonly shown?: string;
  /** @default archiveLimits */
  readonly limits?: ArchiveLimits;
}

/**
 * Unpacks an archive into the cache, unless it is there: an archive with the same path, size and time is not unpacked again. What
 * an earlier one of this path was unpacked to is replaced as a whole.
 *
 * @returns the folder
 * @throws {UserError} it cannot be read, is damaged or encrypted, has entries that lead out, or grows beyond the limits; nothing
 *   is kept then
 */
export async function openArchive(
  file: string,
  { shown = file, limits = archiveLimits, progress, signal }: OpenOptions = {},
): Promise<string> {
  const [path, { size, mtimeMs }] = await Promise.all([realpath(file), stat(file)]).catch((error: unknown) => {
    throw systemError(error, shown) ?? error;
  });
  const stamp = JSON.stringify({ size, mtimeMs });
  const name = `archive-${createHash('sha256').update(path).digest('hex').slice(0, 16)}`;
  const make = async (part: string) => {
    const folder = join(part, 'files');
    await mkdir(folder);
    const onFile = (files: number) => {
      if (files % EVERY === 0) progress?.(`unpacking ${shown}: ${files} files`);
    };
    const unpacking = new Unpacking({ archive: shown, packedBytes: size, folder, limits, onFile });
    await unpack(path, shown, unpacking, signal);
    await unpacking.finish();
    await writeFile(join(part, 'stamp.json'), stamp);
  };
  const folder = await cachedFolder(name, make, {
    isIntact: (each) => stampOf(each) === stamp,
    onWait: ({ pid }) => progress?.(`waiting for process ${pid}, which is unpacking ${shown}`),
    ...(signal && { signal }),
  });
  return join(folder, 'files');
}

function stampOf(folder: string): string | undefined {
  try {
    return readFileSync(join(folder, 'stamp.json'), 'utf8');
  } catch {
    return undefined;
  }
}

/** By its first bytes: names lie. */
async function unpack(file: string, archive: string, unpacking: Unpacking, signal?: AbortSignal): Promise<void> {
  const handle = await open(file).catch((error: unknown) => {
    throw systemError(error, archive) ?? error;
  });
  const start = Buffer.alloc(6);
  try {
    await handle.read(start, 0, start.length, 0);
  } finally {
    await handle.close();
  }
  const begins = (...bytes: number[]) => bytes.every((byte, at) => start[at] === byte);
  if (begins(0x50, 0x4b)) return unpackZip(file, archive, unpacking, signal);
  const other = begins(0x42, 0x5a, 0x68)
    ? 'bzip2'
    : begins(0xfd, 0x37, 0x7a)
      ? 'xz'
      : begins(0x37, 0x7a, 0xbc)
        ? '7z'
        : undefined;
  if (other !== undefined) {
    throw new UserError(`${archive} is ${other}. Unpack it yourself and give the folder, or make a .zip or .tar.gz.`);
  }
  return unpackTar(file, { archive, isGzipped: begins(0x1f, 0x8b) }, unpacking, signal);
}
