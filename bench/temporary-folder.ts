import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Does work that needs a folder of its own, which is removed at the end, and at Ctrl-C, which ends this process. Programs that the work
 * has started must end by themselves then.
 */
export async function inTemporaryFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-'));
  const onInterrupt = () => {
    rmSync(folder, { recursive: true });
    process.exit(130);
  };
  process.once('SIGINT', onInterrupt);
  try {
    await work(folder);
  } finally {
    process.off('SIGINT', onInterrupt);
    await rm(folder, { recursive: true });
  }
}
