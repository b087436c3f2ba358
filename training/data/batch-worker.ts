import { on } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Batch } from './batch.ts';
import { type BatchesOptions, emptyBatch } from './batches.ts';
import type { Split } from './dataset.ts';

/** What the worker is given. The bytes of images and batches are shared, not copied. */
export interface BatchWorkerData {
  readonly split: Split;
  /** The number of the first step. */
  readonly from: number;
  readonly imageSize: BatchesOptions['imageSize'];
  readonly plans: Omit<BatchesOptions, 'imageSize' | 'epoch' | 'skip'>;
  readonly slots: readonly Batch[];
}

/** The batches of a run, one after the other. */
export interface BatchSource {
  /** @returns a batch whose memory is used again from the next call on */
  next(): Promise<Batch>;
  close(): Promise<void>;
}

/**
 * Prepares batches in another thread, one ahead: while a step blocks this one, the next batch is written. They are those of
 * `batches.ts`, from a step on.
 */
export function openBatchWorker(
  split: Split,
  from: number,
  { imageSize, ...plans }: Omit<BatchesOptions, 'epoch' | 'skip'>,
): BatchSource {
  const slots = [0, 1].map(() => emptyBatch(plans.size, imageSize, SharedArrayBuffer));
  const shared = { count: split.count, images: share(split.images), labels: share(split.labels) };
  const workerData: BatchWorkerData = { split: shared, from, imageSize, plans, slots };
  const worker = new Worker(new URL('./batches.worker.mjs', import.meta.url), { workerData, execArgv: [] });
  const written = on(worker, 'message', { close: ['exit'] });
  for (const slot of slots.keys()) worker.postMessage(slot);
  let inUse: number | undefined;
  return {
    async next() {
      if (inUse !== undefined) worker.postMessage(inUse);
      const { value, done } = await written.next();
      if (done) throw new Error('The thread that prepares batches has ended.');
      [inUse] = value as [number];
      return slots[inUse]!;
    },
    async close() {
      await worker.terminate();
    },
  };
}

function share(bytes: Uint8Array): Uint8Array {
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  return shared;
}
