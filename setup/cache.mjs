/**
 * Folders that outlive a clone: `${XDG_CACHE_HOME:-~/.cache}/cifar10/<what>-<sha>/`. A folder that is there is complete: it
 * is made beside its place and renamed, and its name says what it was made from, so nothing is ever updated in place.
 */
import { randomUUID } from 'node:crypto';
import { link, mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { homedir, hostname } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A holder touches its lock this often, in milliseconds. */
const HEARTBEAT = 5_000;
/** A lock that was not touched for this long, in milliseconds, belongs to nobody, whatever runs under its process id. */
const STALE = 60_000;

/**
 * @param {NodeJS.ProcessEnv} [environment]
 * @returns {string} the folder that holds all cached folders; it need not exist yet
 */
export function cacheRoot(environment = process.env) {
  const base = environment.XDG_CACHE_HOME;
  // The XDG specification asks to ignore a relative path.
  return join(base && isAbsolute(base) ? base : join(environment.HOME || homedir(), '.cache'), 'cifar10');
}

/**
 * Gives the cached folder of that name; makes it first if it is not there. Two processes that ask at once make it once:
 * the second waits.
 *
 * @param {string} name `<what>-<sha>`: everything that decides the content is in the hash
 * @param {(folder: string) => Promise<void>} make fills an empty folder, which then becomes the cached one
 * @param {LockOptions & { isWhole?: (folder: string) => boolean }} [options] `isWhole` tells whether a folder that is there
 *   still works, where it depends on what lies outside of it; if not, it is made anew
 * @returns {Promise<string>} the absolute path
 */
export async function cachedFolder(name, make, options = {}) {
  const folder = join(cacheRoot(), name);
  const isThere = async () => (await exists(folder)) && (options.isWhole?.(folder) ?? true);
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
        // Whoever took over the lock of a process that was only asleep may have been quicker.
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
 * Runs `body` while no other process runs one under the same lock file. A lock whose process is gone is taken over.
 *
 * @template Result
 * @param {string} file its folder is made if need be
 * @param {() => Promise<Result>} body
 * @param {LockOptions} [options]
 * @returns {Promise<Result>}
 */
export async function withLock(file, body, { onWait, signal } = {}) {
  await mkdir(dirname(file), { recursive: true });
  const id = randomUUID();
  const mine = JSON.stringify({ pid: process.pid, host: hostname(), id });
  // Linked into place when it is written: nobody ever reads half a lock.
  const claim = `${file}.${id}`;
  await writeFile(claim, mine);
  try {
    for (let told = false; !(await linked(claim, file)); ) {
      const holder = await readLock(file);
      if (holder === undefined) continue;
      if (isStale(holder)) {
        await removeStale(file, claim);
        continue;
      }
      if (!told) onWait?.(holder);
      told = true;
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
 * What a process that was killed left behind; only its successor under the same lock may remove it.
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
  // Whoever waited long must not begin with a lock that looks abandoned.
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
 * @returns {Promise<{ text: string, pid: number, host: string, touched: number } | undefined>} `undefined`: just released
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
 * Only who holds a second lock may remove a stale one, and looks at it again: otherwise, of two that found it stale, the
 * slower would remove the lock that the quicker has since taken.
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
