import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Options of Node, for a process that is to be asked. */
export const countingMemory = ['--expose-gc', '--import', './bench/live-heap.ts'] as const;

/**
 * Megabytes that a process needs, once all its garbage is collected: this grows only if something is never let go.
 *
 * @param child was started with `countingMemory` and a channel
 */
export async function liveMemoryOf(child: ChildProcess): Promise<number> {
  child.send('how much?');
  const [bytes] = (await once(child, 'message')) as [number];
  return bytes / 1024 / 1024;
}
