import { open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { logFile } from './instance.ts';

/**
 * Passes on what is appended to the log from now on, until the signal. A restarted instance writes a new log, which is
 * passed on from its start.
 */
export async function followLog(folder: string, onText: (text: string) => void, signal?: AbortSignal): Promise<void> {
  let position: number | undefined;
  while (!signal?.aborted) {
    position = await readFrom(logFile(folder), position, onText);
    await sleep(250, undefined, { signal }).catch(() => undefined);
  }
}

/** @returns the file's size now */
async function readFrom(path: string, from: number | undefined, onText: (text: string) => void): Promise<number> {
  const file = await open(path).catch(() => undefined);
  if (!file) return 0;
  try {
    const { size } = await file.stat();
    const start = from === undefined ? size : from > size ? 0 : from;
    if (size > start) {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(size - start), 0, size - start, start);
      onText(buffer.toString('utf8', 0, bytesRead));
    }
    return size;
  } finally {
    await file.close();
  }
}
