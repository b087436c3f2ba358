import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { systemError } from '#errors/system-error.ts';
import { download } from '../published/download.ts';
import type { FilesSource } from '../published/verified-files.ts';

export const fileNames = [
  'train-images-idx3-ubyte',
  'train-labels-idx1-ubyte',
  't10k-images-idx3-ubyte',
  't10k-labels-idx1-ubyte',
] as const;
export type FileName = (typeof fileNames)[number];

/** Where Debian's package `dataset-fashion-mnist` installs the four files. */
export const debianFolder = '/usr/share/datasets/fashion-mnist';

/** A folder with the four files, gzipped or not. */
export function folderSource(folder: string): FilesSource<FileName> {
  return {
    title: `the files in ${folder}`,
    fetch: () => fourFiles((name) => unpackedFile(join(folder, name))),
  };
}

/**
 * The authors' address, which has the four files gzipped.
 *
 * @see https://github.com/zalandoresearch/fashion-mnist, "Get the Data"
 */
export function addressSource(
  url = 'http://fashion-mnist.s3-website.eu-central-1.amazonaws.com',
): FilesSource<FileName> {
  return {
    title: `${url}, 31 MB`,
    fetch: (folder, signal) =>
      fourFiles(async (name) => {
        await download(`${url}/${name}.gz`, join(folder, `${name}.gz`), signal);
        return unpackedFile(join(folder, name));
      }),
  };
}

async function fourFiles(read: (name: FileName) => Promise<Buffer>): Promise<Record<FileName, Buffer>> {
  const files = await Promise.all(fileNames.map(async (name) => [name, await read(name)] as const));
  return Object.fromEntries(files) as Record<FileName, Buffer>;
}

/** @param path without `.gz`, which the file may have @throws {Error} neither is there, or it is damaged */
async function unpackedFile(path: string): Promise<Buffer> {
  try {
    const bytes = await readFile(path).catch(() => readFile(`${path}.gz`));
    return bytes[0] === 0x1f && bytes[1] === 0x8b ? await promisify(gunzip)(bytes) : bytes;
  } catch (error) {
    throw (
      systemError(error, path) ?? new Error(`${path}.gz is damaged (${(error as Error).message})`, { cause: error })
    );
  }
}
