import { randomBytes } from 'node:crypto';
import { link, readFile, stat, unlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** Work under a lock takes milliseconds; a process that holds one for this long is dead, or its machine is. */
const ABANDONED_AFTER_MS = 10_000;

/** @throws {Error} the holder paused for so long that others may take the lock for abandoned */
export type StillHeld = () => void;

/**
 * Runs `work` while no other process does under the same lock file.
 *
 * Node has no lock that the kernel releases, so a lock file names its holder. Waiting processes remove a lock whose holder is
 * dead, or has paused for ten seconds: another process may have its number by then.
 *
 * @param work calls `stillHeld` immediately before its effect
 */
export async function withFileLock<Result>(
  path: string,
  work: (stillHeld: StillHeld) => Promise<Result>,
): Promise<Result> {
  const release = await acquire(path);
  const since = performance.now();
  try {
    return await work(() => {
      if (performance.now() - since > ABANDONED_AFTER_MS / 2)
        throw new Error(`${path} was held for too long; nothing was written.`);
    });
  } finally {
    await release();
  }
}

async function acquire(path: string): Promise<() => Promise<void>> {
  const id = randomBytes(6).toString('hex');
  const draft = `${path}.${id}`;
  try {
    await writeFile(draft, `${process.pid} ${hostname()} ${id}`);
    for (let wait = 1; ; wait = Math.min(2 * wait, 50)) {
      try {
        await link(draft, path); // Fails if the lock exists; unlike `open` it never shows a lock without its holder's name.
        return async () => {
          if ((await holderOf(path))?.id === id) await unlinkIfThere(path);
        };
      } catch (error) {
        if (!isErrno(error, 'EEXIST')) throw error;
      }
      await breakIfAbandoned(path);
      await sleep(wait * (0.5 + Math.random()));
    }
  } finally {
    await unlinkIfThere(draft);
  }
}

/**
 * Between one process seeing an abandoned lock and removing it, another may have removed it and taken the lock. So the removal
 * is itself under a lock, named after the dead holder: one waiting process removes, and the others find another holder.
 */
async function breakIfAbandoned(path: string): Promise<void> {
  const holder = await holderOf(path);
  if (holder === undefined || !holder.isAbandoned) return;
  await withFileLock(`${path}.${holder.id}.break`, async (stillHeld) => {
    if ((await holderOf(path))?.id !== holder.id) return;
    stillHeld();
    await unlinkIfThere(path);
  });
}

async function holderOf(path: string): Promise<{ readonly id: string; readonly isAbandoned: boolean } | undefined> {
  try {
    const [text, { ctimeMs }] = [await readFile(path, 'utf8'), await stat(path)];
    const [pid, host, id = ''] = text.split(' ');
    const isDead = host === hostname() && !isAlive(Number(pid));
    return { id, isAbandoned: isDead || Date.now() - ctimeMs > ABANDONED_AFTER_MS };
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isErrno(error, 'EPERM'); // It is alive, and another user's.
  }
}

async function unlinkIfThere(path: string): Promise<void> {
  await unlink(path).catch((error: unknown) => {
    if (!isErrno(error, 'ENOENT')) throw error;
  });
}

export function isErrno(error: unknown, ...codes: string[]): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}
