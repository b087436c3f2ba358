import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Node options for a process whose live memory is measured. */
export const countingMemory = ['--expose-gc', '--import', './bench/live-heap.ts'] as const;

/**
 * Live memory of a process in megabytes, after garbage collection: it grows only if there is a leak.
 *
 * @param child started with `countingMemory` and an IPC channel
 */
export async function liveMemoryOf(child: ChildProcess): Promise<number> {
  child.send('measure');
  const [bytes] = (await once(child, 'message')) as [number];
  return bytes / 1024 / 1024;
}
