import { rmSync } from 'node:fs';

const MOST_TRIES = 100;

/**
 * Removes a folder before anything else runs in this thread, as where a signal ends the process. A file that another thread was about
 * to write may come after the others went (ENOTEMPTY); it goes with the next try.
 *
 * @throws what `rmSync` throws, once that does not help
 */
export function removeFolder(folder: string): void {
  for (let tries = 1; ; tries++) {
    try {
      rmSync(folder, { recursive: true, force: true });
      return;
    } catch (error) {
      if (tries === MOST_TRIES || (error as NodeJS.ErrnoException).code !== 'ENOTEMPTY') throw error;
    }
  }
}
