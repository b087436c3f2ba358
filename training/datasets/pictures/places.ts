import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { cacheRoot } from '#setup/cache.mjs';

/** Remembers on this machine where a data set's pictures are, so that a model that was trained on them can be measured again. */
export async function rememberPlace(place: string, testSha256: string): Promise<void> {
  const file = fileOf(testSha256);
  await mkdir(join(file, '..'), { recursive: true });
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, place.startsWith('s3://') ? place : resolve(place));
  await rename(draft, file);
}

/**
 * @param testSha256 of the test images, as a card has it
 * @returns an absolute path or the address in a bucket; `undefined` if the pictures were never loaded on this machine
 */
export async function rememberedPlace(testSha256: string): Promise<string | undefined> {
  return readFile(fileOf(testSha256), 'utf8').catch(() => undefined);
}

function fileOf(testSha256: string): string {
  return join(cacheRoot(), 'pictures-places', testSha256);
}
