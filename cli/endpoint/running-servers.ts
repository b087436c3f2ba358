import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { home } from '#environment/home.ts';
import { makeFolder } from '#environment/make-folder.ts';

/** A file for each running "cifar10 serve", named by its process: its address. */
const folder = join(home, 'serving');

/**
 * Lets other commands find this server.
 *
 * @returns forgets it again
 */
export async function announceServer(url: string): Promise<() => Promise<void>> {
  const file = join(folder, String(process.pid));
  try {
    await makeFolder(folder);
    await writeFile(file, url);
  } catch {
    // Where nothing can be written the server serves all the same.
  }
  return () => rm(file, { force: true }).catch(() => {});
}

/** The addresses of the servers that run, and answer. Those of processes that were killed are forgotten. */
export async function runningServers(): Promise<string[]> {
  const files = await readdir(folder).catch(() => []);
  const urls = await Promise.all(
    files.map(async (name) => {
      const file = join(folder, name);
      const url = await readFile(file, 'utf8').catch(() => '');
      if (await isLive(url)) return [url];
      await rm(file, { force: true }).catch(() => {});
      return [];
    }),
  );
  return urls.flat().toSorted();
}

/** Milliseconds that a server on this machine is given to answer. */
const PATIENCE = 1000;

async function isLive(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/health/live`, { signal: AbortSignal.timeout(PATIENCE) })).ok;
  } catch {
    return false;
  }
}
