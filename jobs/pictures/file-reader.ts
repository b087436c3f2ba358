import { closeSync, fstatSync, openSync, type Stats } from 'node:fs';
import { systemError } from '#errors/system-error.ts';
import type { ListedPicture } from '#models/plans/classify-result.ts';
import { MOST_BYTES, type PictureReader, problems, type ReadPicture } from './picture-reader.ts';
import { readBytes } from './read-bytes.ts';

/** Reads files of this machine, in this thread: for small ones that takes a tenth of the time that another one would need. */
export function fileReader(): PictureReader {
  return { read: async (picture) => readFile(picture), refusal: () => undefined, close: () => {} };
}

/** What tells a file from what it was: its size, and when it was written. */
export function fileTag({ size, mtimeMs }: Pick<Stats, 'size' | 'mtimeMs'>): string {
  return `${size}-${Math.trunc(mtimeMs)}`;
}

function readFile({ file, etag }: ListedPicture): ReadPicture {
  if (etag === undefined) return { problem: problems.neverThere(file), isChanged: true };
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { problem: problems.gone(file), isChanged: true };
    const problem = systemError(error, file);
    if (problem === undefined) throw error;
    return { problem: problem.message, isChanged: false };
  }
  try {
    const stats = fstatSync(descriptor);
    if (fileTag(stats) !== etag) return { problem: problems.changed(file), isChanged: true };
    if (stats.size === 0) return { problem: problems.empty(file), isChanged: false };
    if (stats.size > MOST_BYTES) return { problem: problems.large(file, stats.size), isChanged: false };
    const bytes = readBytes(descriptor, stats.size);
    return bytes.length === stats.size ? { bytes } : { problem: problems.changed(file), isChanged: true };
  } finally {
    closeSync(descriptor);
  }
}
