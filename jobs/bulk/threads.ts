import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import pc from 'picocolors';
import { mapInOrder } from '#environment/map-in-order.ts';
import type { BulkModel } from './bulk-model.ts';
import type { AnswerOptions, BulkPicture } from './open-here.ts';
import type { Row, RowOptions } from './row.ts';

export interface ThreadData {
  readonly model: BulkModel;
  readonly options: AnswerOptions & RowOptions;
}

export type ThreadBatch = readonly BulkPicture[];

/** Batches that a thread is given ahead: it has the next one when it is done with one. */
const AHEAD = 3;

/** Threads that classify pictures, one for each core; a thread is started when there is work for it. */
export class BulkThreads {
  readonly most: number = availableParallelism();
  readonly #data: ThreadData;
  readonly #threads: Thread[] = [];
  #started = 0;

  constructor(data: ThreadData) {
    this.#data = data;
  }

  /** Threads that were started. */
  get count(): number {
    return this.#started;
  }

  /** The rows of each batch, in the order of the batches. */
  async *rows(batches: AsyncIterable<ThreadBatch>): AsyncGenerator<readonly Row[]> {
    const found = mapInOrder(batches, AHEAD * this.most, (batch) => this.#idlest().classify(batch));
    for await (const [, rows] of found) yield rows;
  }

  async end(): Promise<void> {
    await Promise.all(this.#threads.splice(0).map((thread) => thread.end()));
  }

  #idlest(): Thread {
    const [idlest] = this.#threads.toSorted((a, b) => a.waiting - b.waiting);
    if (idlest !== undefined && (idlest.waiting === 0 || this.#threads.length === this.most)) return idlest;
    const started = new Thread(this.#data);
    this.#threads.push(started);
    this.#started++;
    return started;
  }
}

class Thread {
  readonly #worker: Worker;
  readonly #waiting: { resolve(rows: Row[]): void; reject(error: Error): void }[] = [];
  #error: Error | undefined;

  constructor(workerData: ThreadData) {
    const color = pc.isColorSupported ? { FORCE_COLOR: '1' } : { NO_COLOR: '1' };
    this.#worker = new Worker(new URL('./bulk.worker.mjs', import.meta.url), {
      ...{ workerData, execArgv: [], env: { ...process.env, ...color } },
      // Objects are many and die young: with the limits of a whole program a thread lets tens of megabytes of them lie.
      resourceLimits: { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 256 },
    });
    this.#worker.on('message', (rows: Row[]) => this.#waiting.shift()?.resolve(rows));
    this.#worker.on('error', (error) => {
      this.#error = error;
      for (const { reject } of this.#waiting.splice(0)) reject(error);
    });
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  classify(batch: ThreadBatch): Promise<Row[]> {
    if (this.#error) return Promise.reject(this.#error);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#worker.postMessage(batch);
    });
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}
