import { open } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { systemError } from '#errors/system-error.ts';
import type { ImageForm } from '../../data/dataset.ts';
import type { FileState } from './pack.ts';
import { type OpenedPicture, openPicture, PICTURE_LIMITS } from './picture-facts.ts';

export interface Wanted {
  /** Absolute: the folder of the set. */
  readonly root: string;
  /** Relative to it. */
  readonly path: string;
}

export interface Opened {
  readonly path: string;
  readonly state: FileState;
  readonly found: OpenedPicture;
}

/** Pictures that a thread is given at a time: messages cost little then, and what is on the way fits into memory. */
const AT_ONCE = 16;
/** So few pictures are opened sooner than threads are started. */
const FEW = 200;

/**
 * Opens pictures, in threads where there are many; in any order.
 *
 * @param image what the pictures become
 * @throws the signal's reason, once it is aborted
 */
export async function* openPictures(
  wanted: readonly Wanted[],
  image: ImageForm,
  signal?: AbortSignal,
): AsyncGenerator<Opened> {
  if (wanted.length <= FEW) {
    for (const each of wanted) {
      signal?.throwIfAborted();
      yield await openFile(each, image);
    }
    return;
  }
  const threads = Math.min(availableParallelism(), 8);
  const workers = Array.from({ length: threads }, () => new OpeningThread(image));
  try {
    let next = 0;
    const give = (worker: OpeningThread) => {
      if (next >= wanted.length) return undefined;
      const batch = wanted.slice(next, next + AT_ONCE);
      next += AT_ONCE;
      return worker.open(batch).then((opened) => ({ worker, opened }));
    };
    // Two batches for each thread: it has the next one when it is done with one.
    const running = new Set([...workers, ...workers].flatMap((worker) => give(worker) ?? []));
    while (running.size > 0) {
      signal?.throwIfAborted();
      const [done, { worker, opened }] = await Promise.race(
        [...running].map(async (each) => [each, await each] as const),
      );
      running.delete(done);
      const following = give(worker);
      if (following) running.add(following);
      yield* opened;
    }
  } finally {
    await Promise.all(workers.map((worker) => worker.end()));
  }
}

class OpeningThread {
  readonly #worker: Worker;
  readonly #waiting: { resolve(opened: Opened[]): void; reject(error: Error): void }[] = [];

  constructor(image: ImageForm) {
    this.#worker = new Worker(new URL('./open-picture.worker.mjs', import.meta.url), {
      workerData: image,
      execArgv: [],
    });
    this.#worker.on('message', (opened: Opened[]) => this.#waiting.shift()?.resolve(opened));
    this.#worker.on('error', (error) => {
      for (const { reject } of this.#waiting.splice(0)) reject(error);
    });
  }

  open(batch: readonly Wanted[]): Promise<Opened[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#worker.postMessage(batch);
    });
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}

/** Opens one picture. A file that cannot be read is a finding, too. */
export async function openFile({ root, path }: Wanted, image: ImageForm): Promise<Opened> {
  const file = join(root, path);
  try {
    const handle = await open(file);
    try {
      const { size: bytes, mtimeMs: modified } = await handle.stat();
      const state = { bytes, modified };
      if (bytes > PICTURE_LIMITS.bytes) {
        const problem = `has ${(bytes / 1e6).toFixed(0)} MB; pictures may have ${PICTURE_LIMITS.bytes / 1e6} MB`;
        return { path, state, found: { sha256: '', problem } };
      }
      return { path, state, found: await openPicture(await handle.readFile(), path, image) };
    } finally {
      await handle.close();
    }
  } catch (error) {
    const known = systemError(error, path);
    if (known === undefined) throw error;
    return {
      path,
      state: { bytes: -1, modified: 0 },
      found: { sha256: '', problem: known.message.replace(`${path} `, '') },
    };
  }
}
