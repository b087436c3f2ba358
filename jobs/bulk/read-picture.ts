import { closeSync, fstatSync, openSync, type Stats, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { systemError } from '#errors/system-error.ts';
import { UserError } from '#errors/user-error.ts';
import { IMAGE_LIMITS } from '#images/decode-image.ts';
import { readBytes } from '../pictures/read-bytes.ts';
import { megabytes, tooLarge } from '../pictures/too-large.ts';

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
    if (size > most) throw refusal(file, `has ${megabytes(size)}`, most);
    return readBytes(descriptor, size); // Fewer, if it was cut meanwhile.
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
    if (length > most) throw refusal(file, `has more than ${megabytes(most)}`, most);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function refusal(file: string, size: string, most: number): UserError {
  const name = file === '-' ? 'Standard input' : file;
  return new UserError(tooLarge(name, size, most, most === IMAGE_LIMITS.bytes ? 'an endpoint' : 'this program'));
}

/** @throws an error that is no problem of the path */
export function asProblem(error: unknown, path: string): UserError {
  const problem = error instanceof UserError ? error : systemError(error, path === '-' ? 'Standard input' : path);
  if (problem === undefined) throw error;
  return problem;
}
