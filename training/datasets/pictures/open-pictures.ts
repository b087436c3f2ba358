import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
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
/** Each thread needs about 60 MB, with its compiler. */
const MOST_THREADS = 4;
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
  const threads = Math.min(availableParallelism(), MOST_THREADS);
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
      resourceLimits: { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 128 },
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

/** Of a file that is opened again next time, though it will not have changed: the machine may have. */
const UNKNOWN: FileState = { bytes: -1, modified: 0 };

/** Nothing writes into a named pipe that lies among pictures: it must not be waited for. */
const READ_AT_ONCE = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** Opens one picture. A file that cannot be read is a finding, too. */
export async function openFile({ root, path }: Wanted, image: ImageForm): Promise<Opened> {
  let file: number | undefined;
  try {
    file = openSync(join(root, path), READ_AT_ONCE);
    const found = fstatSync(file);
    const state = { bytes: found.size, modified: found.mtimeMs };
    if (!found.isFile()) return { path, state, found: { cause: 'no-picture', problem: 'is no file' } };
    if (state.bytes > PICTURE_LIMITS.bytes) {
      const problem = `has ${(state.bytes / 1e6).toFixed(0)} MB; pictures may have ${PICTURE_LIMITS.bytes / 1e6} MB`;
      return { path, state, found: { cause: 'too-large', problem } };
    }
    const opened = await openPicture(readFileSync(file), path, image);
    const isTriedAgain = 'cause' in opened && opened.cause === 'unreadable';
    return { path, state: isTriedAgain ? UNKNOWN : state, found: opened };
  } catch (error) {
    const known = systemError(error, 'It');
    if (known === undefined) throw error;
    const problem = known.message.replace(/^It /, '');
    return { path, state: UNKNOWN, found: { cause: 'unreadable', problem } };
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
