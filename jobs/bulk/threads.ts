import { availableParallelism } from 'node:os';
import { type MessagePort, Worker } from 'node:worker_threads';
import pc from 'picocolors';
import { mapInOrder } from '#environment/map-in-order.ts';
import type { BulkModel } from './bulk-model.ts';
import type { AnswerOptions, BulkPicture } from './open-here.ts';
import type { Row, RowOptions } from './row.ts';

export interface ThreadData {
  readonly model: BulkModel;
  readonly options: AnswerOptions & RowOptions;
  /** Computes the network. @default the thread itself */
  readonly predictor?: MessagePort | undefined;
}

export type ThreadBatch = readonly BulkPicture[];

/** Batches that a thread is given ahead: it has the next one when it is done with one. */
const AHEAD = 3;

/**
 * Threads that classify pictures, one for each core; a thread is started when there is work for it. One that fails takes the batches
 * that it has with it, and no later ones.
 */
export class BulkThreads {
  readonly most: number = availableParallelism();
  readonly #data: Omit<ThreadData, 'predictor'>;
  readonly #connect: () => MessagePort | undefined;
  readonly #threads: Thread[] = [];
  #started = 0;

  /** @param connect to the thread that computes the network, if there is one */
  constructor(data: Omit<ThreadData, 'predictor'>, connect: () => MessagePort | undefined) {
    this.#data = data;
    this.#connect = connect;
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

  /** Rejects what waits, and ends the threads: what they need is gone. */
  fail(error: Error): void {
    for (const thread of this.#threads.splice(0)) thread.fail(error);
  }

  async end(): Promise<void> {
    await Promise.all(this.#threads.splice(0).map((thread) => thread.end()));
  }

  #idlest(): Thread {
    const [idlest] = this.#threads.toSorted((a, b) => a.waiting - b.waiting);
    if (idlest !== undefined && (idlest.waiting === 0 || this.#threads.length === this.most)) return idlest;
    const started = new Thread({ ...this.#data, predictor: this.#connect() }, () => {
      const at = this.#threads.indexOf(started);
      if (at !== -1) this.#threads.splice(at, 1); // The next batch starts another one.
    });
    this.#threads.push(started);
    this.#started++;
    return started;
  }
}

class Thread {
  readonly #worker: Worker;
  readonly #waiting: { resolve(rows: Row[]): void; reject(error: Error): void }[] = [];
  #error: Error | undefined;
  readonly #onEnd: () => void;

  /** @param onEnd is called when the thread has failed or ended */
  constructor(answers: ThreadData, onEnd: () => void) {
    this.#onEnd = onEnd;
    const color = pc.isColorSupported ? { FORCE_COLOR: '1' } : { NO_COLOR: '1' };
    this.#worker = new Worker(new URL('./bulk.worker.mjs', import.meta.url), {
      ...{
        workerData: { answers },
        execArgv: [],
        transferList: answers.predictor ? [answers.predictor] : [],
        env: { ...process.env, ...color },
      },
      // Objects are many and die young: with the limits of a whole program a thread lets tens of megabytes of them lie.
      resourceLimits: { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 256 },
    });
    this.#worker.on('message', (rows: Row[]) => this.#waiting.shift()?.resolve(rows));
    this.#worker.on('error', (error) => this.fail(error as Error));
    this.#worker.on('exit', (code) =>
      this.fail(new Error(`A thread that classifies pictures ended, with exit code ${code}.`)),
    );
  }

  fail(error: Error): void {
    this.#error ??= error;
    this.#onEnd();
    for (const { reject } of this.#waiting.splice(0)) reject(this.#error);
    void this.end();
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
