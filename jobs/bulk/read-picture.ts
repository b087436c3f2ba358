import { closeSync, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { systemError } from '#errors/system-error.ts';
import { UserError } from '#errors/user-error.ts';
import { IMAGE_LIMITS } from '#images/decode-image.ts';

/**
 * Reads a picture, and no more than `most` bytes: a device may never end. A file on a disk is read at once, in this thread,
 * which for small pictures takes a tenth of the time that handing it to another one does.
 *
 * @param file a path, or `-` for standard input
 * @throws {UserError} it cannot be read, is empty, or is too large
 */
export async function readPicture(file: string, most = IMAGE_LIMITS.bytes): Promise<Uint8Array> {
  try {
    const bytes = file !== '-' && statSync(file).isFile() ? readFile(file, most) : await readStream(file, most);
    if (bytes.length === 0) throw new UserError(`${file === '-' ? 'Standard input' : file} is empty. Give a picture.`);
    return bytes;
  } catch (error) {
    throw asProblem(error, file);
  }
}

function readFile(file: string, most: number): Uint8Array {
  const descriptor = openSync(file, 'r');
  try {
    const { size }: Stats = fstatSync(descriptor);
    if (size > most) throw tooLarge(file, `has ${megabytes(size)}`, most);
    const bytes = new Uint8Array(size);
    let length = 0;
    while (length < size) {
      const read = readSync(descriptor, bytes, length, size - length, null);
      if (read === 0) return bytes.subarray(0, length); // It was cut meanwhile.
      length += read;
    }
    return bytes;
  } finally {
    closeSync(descriptor);
  }
}

async function readStream(file: string, most: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const stream = file === '-' ? process.stdin : (await open(file)).createReadStream();
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > most) throw tooLarge(file, `has more than ${megabytes(most)}`, most);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function tooLarge(file: string, size: string, most: number): UserError {
  const taker = most === IMAGE_LIMITS.bytes ? 'an endpoint' : 'this program';
  return new UserError(
    `${file === '-' ? 'Standard input' : file} ${size}, and ${taker} takes pictures of at most ${megabytes(most)}. ` +
      'Save it as a JPEG, or scale it down: a few hundred pixels a side are enough.',
  );
}

/** @throws an error that is no problem of the path */
export function asProblem(error: unknown, path: string): UserError {
  const problem = error instanceof UserError ? error : systemError(error, path === '-' ? 'Standard input' : path);
  if (problem === undefined) throw error;
  return problem;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
