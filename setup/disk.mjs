/** Disk space. */
import { existsSync } from 'node:fs';
import { lstat, readdir, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SetupFailure } from './failure.mjs';
import { megabytes } from './progress.mjs';

/**
 * Checks the free disk space, before a long download.
 *
 * @param {string} folder need not exist yet
 * @param {number} needed bytes
 * @param {string} what needs the space, for the message
 * @throws {SetupFailure}
 */
export async function assertFreeSpace(folder, needed, what) {
  const free = await freeBytes(folder);
  if (free >= needed) return;
  throw new SetupFailure(
    `${what} needs ${megabytes(needed)} and the disk of ${folder} has ${megabytes(free)} left: free some space, or move the cache with XDG_CACHE_HOME, then run \`npm run setup\` again.`,
  );
}

/**
 * @param {string} folder need not exist yet
 * @returns {Promise<number>}
 */
export async function freeBytes(folder) {
  let existing = folder;
  while (!existsSync(existing) && dirname(existing) !== existing) existing = dirname(existing);
  const { bavail, bsize } = await statfs(existing);
  return bavail * bsize;
}

/**
 * @param {string} folder
 * @returns {Promise<number>} bytes that its files take on the disk; links are not followed
 */
export async function folderBytes(folder) {
  let total = 0;
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) total += await folderBytes(path);
    else total += ((await lstat(path).catch(() => undefined))?.blocks ?? 0) * 512;
  }
  return total;
}
