import type { Dirent } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { NotFound, UserError } from '#errors/user-error.ts';
import { identify } from '#images/image-type.ts';
import { asProblem } from '#jobs/bulk/read-picture.ts';

/** A picture by the path that leads to it, `-` for standard input; or why there is none. */
export interface FoundPicture {
  readonly file: string;
  /** Below the folder that was named, with slashes; of a picture that was named itself, its name. */
  readonly name: string;
  readonly problem?: UserError;
}

/** What a walk has passed by so far. */
export interface Passed {
  /** Files in folders that are no pictures. */
  others: number;
}

/** Endings of pictures, also of formats that are refused: a picture is never left out unseen. */
const ENDINGS =
  /\.(png|apng|jpe?g|jpe|jfif|webp|gif|bmp|dib|tiff?|heic|heif|avif|svgz?|ico|jxl|jp2|j2k|psd|dng|cr[23w]|nef|arw|raf|orf|rw2)$/i;

/** `photo2` before `photo10`, as people count. */
const natural = new Intl.Collator('en', { numeric: true });

/** The same order each time, for names too that people would not tell apart. */
function byName(one: string, other: string): number {
  return natural.compare(one, other) || (one < other ? -1 : Number(one > other));
}

/**
 * The pictures that paths name, one after the other: a file as it is; of a folder all pictures in it and in its folders, in
 * natural order. Hidden files, and links to folders, are left out. Nothing is read but the beginning of files without a
 * picture's ending, and memory holds the names in one folder and those above it.
 *
 * @param passed counts while the pictures are taken
 */
export async function* findPictures(paths: readonly string[], passed: Passed): AsyncGenerator<FoundPicture> {
  for (const path of paths) {
    const problem = await problemOf(path);
    if (problem instanceof UserError) yield { file: path, name: path, problem };
    else if (problem === 'file') yield { file: path, name: path === '-' ? path : basename(path) };
    else {
      let isEmpty = true;
      for await (const found of walk(path, '', passed)) {
        isEmpty = false;
        yield found;
      }
      if (isEmpty) {
        const nothing = new NotFound(`${path} has no pictures. Give a folder with PNG, JPEG or WebP files.`);
        yield { file: path, name: path, problem: nothing };
      }
    }
  }
}

async function problemOf(path: string): Promise<UserError | 'file' | 'folder'> {
  if (path === '-') return 'file';
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file';
  } catch (error) {
    return asProblem(error, path);
  }
}

async function* walk(folder: string, prefix: string, passed: Passed): AsyncGenerator<FoundPicture> {
  let entries: Dirent[];
  try {
    entries = await readdir(folder, { withFileTypes: true });
  } catch (error) {
    yield { file: folder, name: prefix, problem: asProblem(error, folder) };
    return;
  }
  const shown = entries.filter(({ name }) => !name.startsWith('.') && name !== '__MACOSX');
  for (const entry of shown.sort((a, b) => byName(a.name, b.name))) {
    const file = join(folder, entry.name);
    const name = prefix === '' ? entry.name : `${prefix}/${entry.name}`;
    if (entry.isDirectory()) yield* walk(file, name, passed);
    else if (entry.isSymbolicLink() && (await isFolder(file))) continue;
    else if (await isPicture(file)) yield { file, name };
    else passed.others++;
  }
}

/**
 * How many pictures paths name, by their endings: for an estimate, in a fraction of the time.
 *
 * @param signal ends the counting
 */
export async function countPictures(paths: readonly string[], signal: AbortSignal): Promise<number> {
  let count = 0;
  for (const path of paths) {
    if (signal.aborted) break;
    const entries = await readdir(path, { withFileTypes: true }).catch(() => undefined);
    if (entries === undefined) count++;
    const folders: string[] = [];
    for (const entry of entries ?? []) {
      if (entry.isDirectory() && !entry.name.startsWith('.')) folders.push(join(path, entry.name));
      else if (ENDINGS.test(entry.name)) count++;
    }
    count += await countPictures(folders, signal);
  }
  return count;
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

async function isPicture(file: string): Promise<boolean> {
  if (ENDINGS.test(file)) return true;
  try {
    if (!(await stat(file)).isFile()) return false; // A pipe would be waited for.
    const opened = await open(file);
    try {
      const { buffer, bytesRead } = await opened.read(Buffer.alloc(16), 0, 16, 0);
      return identify(buffer.subarray(0, bytesRead)).type !== undefined;
    } finally {
      await opened.close();
    }
  } catch {
    return false;
  }
}
