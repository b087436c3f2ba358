import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { systemError } from '#errors/system-error.ts';
import { NotFound, UserError } from '#errors/user-error.ts';
import { IMAGE_LIMITS } from '#images/decode-image.ts';
import { identify } from '#images/image-type.ts';

/** A picture by the path that leads to it, `-` for standard input; or why there is none. */
export interface FoundPicture {
  readonly file: string;
  readonly problem?: UserError;
}

export interface FoundPictures {
  readonly pictures: readonly FoundPicture[];
  /** Files in folders that are no pictures. */
  readonly others: number;
}

/** Endings of pictures, also of formats that are refused: a picture is never left out unseen. */
const ENDINGS =
  /\.(png|apng|jpe?g|jpe|jfif|webp|gif|bmp|dib|tiff?|heic|heif|avif|svgz?|ico|jxl|jp2|j2k|psd|dng|cr[23w]|nef|arw|raf|orf|rw2)$/i;

/** `photo2` before `photo10`, as people count. */
const natural = new Intl.Collator('en', { numeric: true });

/**
 * The pictures that paths name: a file as it is; of a folder all pictures in it and in its folders, in natural order. Hidden
 * files, and links to folders, are left out. Nothing is read but the beginning of files without a picture's ending.
 */
export async function findPictures(paths: readonly string[]): Promise<FoundPictures> {
  const pictures: FoundPicture[] = [];
  let others = 0;
  for (const path of paths) {
    try {
      if (path !== '-' && (await stat(path)).isDirectory()) {
        const inside = await walk(path);
        const found = inside.filter(({ isPicture }) => isPicture);
        if (found.length === 0)
          throw new NotFound(`${path} has no pictures. Give a folder with PNG, JPEG or WebP files.`);
        others += inside.length - found.length;
        for (const { file } of found) pictures.push(await checked(file));
      } else {
        pictures.push(await checked(path));
      }
    } catch (error) {
      pictures.push({ file: path, problem: asProblem(error, path) });
    }
  }
  return { pictures, others };
}

async function walk(folder: string): Promise<{ readonly file: string; readonly isPicture: boolean }[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const shown = entries.filter(({ name }) => !name.startsWith('.') && name !== '__MACOSX');
  const found = [];
  for (const entry of shown.toSorted((a, b) => natural.compare(a.name, b.name))) {
    const file = join(folder, entry.name);
    if (entry.isDirectory()) found.push(...(await walk(file)));
    else if (!(entry.isSymbolicLink() && (await isFolder(file))))
      found.push({ file, isPicture: await isPicture(file) });
  }
  return found;
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

async function checked(file: string): Promise<FoundPicture> {
  if (file === '-') return { file };
  try {
    const { size } = await stat(file);
    if (size > IMAGE_LIMITS.bytes) throw tooLarge(file, `has ${megabytes(size)}`);
    if (size === 0 && (await stat(file)).isFile()) throw new UserError(`${file} is empty. Give a picture.`);
    return { file };
  } catch (error) {
    return { file, problem: asProblem(error, file) };
  }
}

/**
 * Reads a picture, and no more than an endpoint takes: a device may never end.
 *
 * @param file a path, or `-` for standard input
 * @throws {UserError} it cannot be read, or is too large
 */
export async function readPicture(file: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    const stream = file === '-' ? process.stdin : (await open(file)).createReadStream();
    for await (const chunk of stream) {
      length += chunk.length;
      if (length > IMAGE_LIMITS.bytes) throw tooLarge(file, `has more than ${megabytes(IMAGE_LIMITS.bytes)}`);
      chunks.push(chunk);
    }
  } catch (error) {
    throw asProblem(error, file);
  }
  return Buffer.concat(chunks);
}

function tooLarge(file: string, size: string): UserError {
  return new UserError(
    `${file === '-' ? 'Standard input' : file} ${size}, and an endpoint takes pictures of at most ${megabytes(IMAGE_LIMITS.bytes)}. ` +
      'Save it as a JPEG, or scale it down: a few hundred pixels a side are enough.',
  );
}

/** @throws an error that is no problem of the path */
function asProblem(error: unknown, path: string): UserError {
  const problem = error instanceof UserError ? error : systemError(error, path === '-' ? 'Standard input' : path);
  if (problem === undefined) throw error;
  return problem;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
