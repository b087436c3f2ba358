import { realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { makeFolder } from '#environment/make-folder.ts';
import { systemError } from '#errors/system-error.ts';
import { UsageError } from '#errors/user-error.ts';

/**
 * Makes the folder that pictures are copied into.
 *
 * @throws {UsageError} it is in a folder of pictures: its copies would be classified too
 */
export async function makeSortFolder(folder: string, pictures: readonly string[]): Promise<string> {
  const place = await realPlace(resolve(folder));
  for (const each of pictures) {
    const from = await realPlace(resolve(each));
    if (place !== from && !place.startsWith(`${from}${sep}`)) continue;
    throw new UsageError(`--sort-into ${folder} is in ${each}, whose pictures are sorted. Give a folder outside it.`);
  }
  try {
    await makeFolder(place);
  } catch (error) {
    throw systemError(error, folder) ?? error;
  }
  return folder;
}

/** The path without links, as far as it exists. */
async function realPlace(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    return dirname(path) === path ? path : join(await realPlace(dirname(path)), basename(path));
  }
}
