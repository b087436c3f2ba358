import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { shownPath } from '#environment/home.ts';
import { makeFolder } from '#environment/make-folder.ts';
import { shellWord } from '#environment/shell-word.ts';
import { UsageError, UserError } from '#errors/user-error.ts';
import { isErrno, withFileLock } from './file-lock.ts';
import { checkKey, checkPrefix } from './key.ts';
import {
  type ListedObject,
  MissingPart,
  type ObjectStore,
  type Part,
  type PutOptions,
  type StoredObject,
  WriteConflict,
} from './object-store.ts';
import { bytesOf } from './upload-groups.ts';

const DRAFT = /^\..+\.[0-9a-f]{12}\.draft$/;
/** A writer that pauses for an hour in the middle of a file is taken for dead. */
const ABANDONED_AFTER_MS = 3_600_000;

/** The disk or the quota is full, or files may not be this large. The object is unchanged. */
class DiskFull extends UserError {
  override readonly name = 'DiskFull';

  constructor(path: string, bytes: number, cause: NodeJS.ErrnoException) {
    super(
      `${path} could not be written (${cause.code}): its ${Math.ceil(bytes / 1000)} kB do not fit on the disk, or in the ` +
        'quota. What was there before is unchanged. Make room, then run the same command again.',
      { cause },
    );
  }
}

/**
 * Keeps each object as a plain file under the folder, at its key. Its entity tag is the SHA-256 of its content.
 *
 * A write is whole or does not happen, also when the power fails: a draft beside the file is filled, flushed and renamed.
 * Files whose name begins with a dot (drafts, and locks under which conditions are checked) are not objects.
 */
export function folderStore(folder: string): ObjectStore {
  const root = resolve(folder);
  const pathOf = (key: string): string => {
    checkKey(key);
    return join(root, key);
  };
  const write = async (key: string, bytes: number, fill: Fill, { only }: PutOptions = {}) => {
    const path = pathOf(key);
    try {
      await replace(path, fill, async () => {
        if (only === undefined) return;
        const isAsAsked = only === 'absent' ? !(await isFile(path)) : (await read(path))?.etag === only.ifMatch;
        if (!isAsAsked) throw new WriteConflict(key);
      });
    } catch (error) {
      if (isErrno(error, 'ENOSPC', 'EDQUOT', 'EFBIG')) throw new DiskFull(path, bytes, error);
      throw error;
    }
  };
  async function* contentOf(part: Part): AsyncGenerator<Uint8Array> {
    if (!('key' in part)) return yield part;
    const path = pathOf(part.key);
    const found = await stat(path).catch(() => undefined);
    if (found?.size !== part.size) throw new MissingPart({ url: root }, part.key, part.size, found?.size);
    yield* createReadStream(path) as AsyncIterable<Uint8Array>;
  }
  return {
    url: root,
    commandOption: `--store ${shellWord(shownPath(root))}`,

    async get(key) {
      return await read(pathOf(key));
    },

    async put(key, body, options) {
      await write(key, body.byteLength, (file) => file.writeFile(body), options);
      return etagOf(body);
    },

    async concatenate(key, parts, options) {
      const hash = createHash('sha256');
      const append = async (file: FileHandle) => {
        for (const part of parts) {
          for await (const bytes of contentOf(part)) {
            options?.signal?.throwIfAborted();
            hash.update(bytes);
            await file.writeFile(bytes); // An open file is written from where the last write ended.
          }
        }
      };
      await write(key, bytesOf(parts), append, options);
      return hash.digest('hex');
    },

    list(prefix) {
      checkPrefix(prefix);
      return walk(root, '', prefix);
    },

    async delete(key) {
      const path = pathOf(key);
      try {
        await withFileLock(beside(path, 'lock'), () => rm(path, { force: true }));
      } catch (error) {
        if (!isErrno(error, 'ENOENT', 'ENOTDIR')) throw error; // Not even its folder is there.
      }
    },
  };
}

/**
 * Makes the folder of a store, and tries to write there: what is wrong is found before hours of work.
 *
 * @throws {UsageError} it cannot be made, or nothing can be written there
 */
export async function checkWritable(folder: string): Promise<void> {
  const draft = join(folder, `.${randomBytes(6).toString('hex')}.draft`);
  try {
    await makeFolder(folder);
    await writeDurably(draft, (file) => file.writeFile(new Uint8Array(1)));
    await rm(draft);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UsageError(
      `Nothing can be stored in ${folder} (${code ?? message}). Give a folder in which files can be made, or s3://<bucket>.`,
      { cause: error },
    );
  }
}

async function read(path: string): Promise<StoredObject | undefined> {
  try {
    const { buffer, byteOffset, length } = await readFile(path);
    const body = new Uint8Array(buffer, byteOffset, length); // Not a Buffer, whose slices share its memory.
    return { body, etag: etagOf(body) };
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'EISDIR')) return undefined;
    throw error;
  }
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return false;
    throw error;
  }
}

/** Lists depth first, in the order of the whole keys: a folder sorts by its name with the slash, so `a-b` is before `a/b`. */
async function* walk(root: string, folder: string, prefix: string): AsyncGenerator<ListedObject> {
  const entries = await readdir(join(root, folder), { withFileTypes: true }).catch((error: unknown) => {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return [];
    throw error;
  });
  const keys = entries
    .filter((entry) => !entry.name.startsWith('.'))
    .map((entry) => `${folder}${entry.name}${entry.isDirectory() ? '/' : ''}`)
    .sort((a, b) => (a < b ? -1 : 1));
  for (const key of keys) {
    if (key.endsWith('/')) {
      if (key.startsWith(prefix) || prefix.startsWith(key)) yield* walk(root, key, prefix);
    } else if (key.startsWith(prefix)) {
      const listed = await describe(root, key);
      if (listed !== undefined) yield listed;
    }
  }
}

async function describe(root: string, key: string): Promise<ListedObject | undefined> {
  try {
    const { size, mtime } = await stat(join(root, key));
    return { key, size, modified: mtime };
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined; // Deleted since its folder was read.
    throw error;
  }
}

/** Writes the content of an empty file. */
type Fill = (file: FileHandle) => Promise<void>;

/** @param check throws if the file may not be replaced; no other writer can act between it and the replacement */
async function replace(path: string, fill: Fill, check: () => Promise<void>): Promise<void> {
  const draft = beside(path, `${randomBytes(6).toString('hex')}.draft`);
  await makeFolder(dirname(path));
  await removeAbandoned(dirname(path));
  try {
    await writeDurably(draft, fill);
    await withFileLock(beside(path, 'lock'), async (stillHeld) => {
      await check();
      stillHeld();
      await rename(draft, path);
    });
    await flushFolder(dirname(path));
  } finally {
    await rm(draft, { force: true });
  }
}

async function writeDurably(path: string, fill: Fill): Promise<void> {
  const file = await open(path, 'wx');
  try {
    await fill(file);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Removes drafts of killed processes: a checkpoint may be large, and a run may be killed often. */
async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!DRAFT.test(name)) continue;
    const path = join(folder, name);
    const written = await stat(path).catch(() => undefined); // Renamed since.
    if (written !== undefined && Date.now() - written.mtimeMs > ABANDONED_AFTER_MS) await rm(path, { force: true });
  }
}

/** Flushes a folder, which makes a rename in it durable. */
async function flushFolder(path: string): Promise<void> {
  const folder = await open(path);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function beside(path: string, suffix: string): string {
  return join(dirname(path), `.${basename(path)}.${suffix}`);
}

function etagOf(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('hex');
}
