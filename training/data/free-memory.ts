import { totalmem } from 'node:os';

/** Bytes that this process can still take, of the machine's memory or of what its container may use. */
export function freeMemory(): number {
  const most = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
  return most - process.memoryUsage.rss();
}
