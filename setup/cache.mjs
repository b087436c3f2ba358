/**
 * Folders that all clones share: `${XDG_CACHE_HOME:-~/.cache}/cifar10/<what>-<sha>/`. A folder that exists is complete: it is
 * created under another name and renamed. The hash in its name covers its sources, so folders are never updated in place.
 */
import { randomUUID } from 'node:crypto';
import { link, mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { homeFolder } from './home.mjs';

/** Interval in milliseconds at which a holder touches its lock. */
const HEARTBEAT = 5_000;
/** Milliseconds after which an untouched lock is abandoned, even if a process with its holder's id runs. */
const STALE = 60_000;

/**
 * @param {NodeJS.ProcessEnv} [environment]
 * @returns {string} the folder of all cached folders; it need not exist
 */
export function cacheRoot(environment = process.env) {
  const base = environment.XDG_CACHE_HOME;
  // The XDG specification says to ignore relative paths.
  return join(base && isAbsolute(base) ? base : join(homeFolder(environment), '.cache'), 'cifar10');
}

/**
 * Returns the cached folder of that name, and creates it first if it does not exist. If two processes call this at the
 * same time, one creates it and the other waits.
 *
 * @param {string} name `<what>-<sha>`: the hash covers everything that determines the content
 * @param {(folder: string) => Promise<void>} make fills an empty folder, which then becomes the cached one
 * @param {LockOptions & { isIntact?: (folder: string) => boolean }} [options] `isIntact` checks whether an existing folder
 *   still works, for folders that depend on files elsewhere; if not, it is created again
 * @returns {Promise<string>} the absolute path
 */
export async function cachedFolder(name, make, options = {}) {
  const folder = join(cacheRoot(), name);
  const isThere = async () => (await exists(folder)) && (options.isIntact?.(folder) ?? true);
  if (await isThere()) return folder;
  return withLock(
    join(cacheRoot(), `${name}.lock`),
    async () => {
      if (await isThere()) return folder;
      await removeParts(name);
      await rm(folder, { recursive: true, force: true });
      const part = join(cacheRoot(), `${name}.part-${process.pid}`);
      try {
        await mkdir(part);
        await make(part);
        await rename(part, folder);
      } catch (error) {
        await rm(part, { recursive: true, force: true });
        // If this process was suspended, another may have taken over its lock and finished first.
        if (!(await isThere())) throw error;
      }
      return folder;
    },
    options,
  );
}

/**
 * @typedef {object} LockOptions
 * @property {(holder: { pid: number, host: string }) => void} [onWait] called once if another process holds the lock
 * @property {AbortSignal | undefined} [signal] ends the waiting
 */

/**
 * Runs `body` while holding the lock file. A lock whose process has ended is taken over.
 *
 * @template Result
 * @param {string} file its folder is created if necessary
 * @param {() => Promise<Result>} body
 * @param {LockOptions} [options]
 * @returns {Promise<Result>}
 */
export async function withLock(file, body, { onWait, signal } = {}) {
  await mkdir(dirname(file), { recursive: true });
  const id = randomUUID();
  const mine = JSON.stringify({ pid: process.pid, host: hostname(), id });
  // Linked into place after it is written: no process reads an incomplete lock.
  const claim = `${file}.${id}`;
  await writeFile(claim, mine);
  try {
    for (let reported = false; !(await linked(claim, file)); ) {
      const holder = await readLock(file);
      if (holder === undefined) continue;
      if (isStale(holder)) {
        await removeStale(file, claim);
        continue;
      }
      if (!reported) onWait?.(holder);
      reported = true;
      await sleep(100, undefined, { signal });
    }
  } finally {
    await rm(claim, { force: true });
  }
  const heartbeat = setInterval(() => {
    touch(file).catch(() => {});
  }, HEARTBEAT);
  heartbeat.unref();
  try {
    return await body();
  } finally {
    clearInterval(heartbeat);
    if ((await readLock(file))?.text === mine) await rm(file, { force: true });
  }
}

/** @param {string} path */
async function exists(path) {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

/**
 * Removes what killed processes left behind. Only the holder of the lock may call this.
 *
 * @param {string} name
 */
async function removeParts(name) {
  for (const entry of await readdir(cacheRoot())) {
    if (entry.startsWith(`${name}.part-`)) await rm(join(cacheRoot(), entry), { recursive: true, force: true });
  }
}

/**
 * @param {string} claim
 * @param {string} file
 * @returns {Promise<boolean>} whether the file is now ours
 */
async function linked(claim, file) {
  // After a long wait the claim would already look abandoned.
  await touch(claim);
  try {
    await link(claim, file);
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * @param {string} file
 * @returns {Promise<{ text: string, pid: number, host: string, touched: number } | undefined>} `undefined` if it was just released
 */
async function readLock(file) {
  try {
    const text = await readFile(file, 'utf8');
    const { mtimeMs } = await stat(file);
    const { pid, host } = JSON.parse(text);
    return { text, pid, host, touched: mtimeMs };
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** @param {{ pid: number, host: string, touched: number }} holder */
function isStale({ pid, host, touched }) {
  if (Date.now() - touched > STALE) return true;
  return host === hostname() && !isAlive(pid);
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}

/**
 * Removes a stale lock while holding a second lock, and only if it is still stale: otherwise the slower of two processes that
 * found it stale could remove the lock that the faster one has since taken.
 *
 * @param {string} file
 * @param {string} claim
 */
async function removeStale(file, claim) {
  const guard = `${file}.takeover`;
  if (!(await linked(claim, guard))) {
    const other = await readLock(guard);
    if (other !== undefined && isStale(other)) await rm(guard, { force: true });
    await sleep(10);
    return;
  }
  try {
    const holder = await readLock(file);
    if (holder !== undefined && isStale(holder)) await rm(file, { force: true });
  } finally {
    await rm(guard, { force: true });
  }
}

/** @param {string} file */
function touch(file) {
  const now = new Date();
  return utimes(file, now, now);
}
