import { on } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Batch } from './batch.ts';
import { type BatchesOptions, emptyBatch } from './batches.ts';
import type { Split } from './dataset.ts';
import { emptyLabels } from './labels.ts';

/** What the worker thread is started with. The memory of images and batches is shared, not copied. */
export interface BatchWorkerData {
  readonly split: Split;
  /** The number of the first step. */
  readonly from: number;
  readonly plans: Omit<BatchesOptions, 'epoch' | 'skip'>;
  readonly slots: readonly Batch[];
}

/** The batches of a run, one after the other. */
export interface BatchSource {
  /** @returns a batch whose memory is overwritten by the next call */
  next(): Promise<Batch>;
  close(): Promise<void>;
}

/**
 * Prepares batches in a worker thread, one ahead: while a step blocks this thread, the next batch is written. They are the
 * batches of `batches.ts`, from a given step on.
 */
export function openBatchWorker(
  split: Split,
  from: number,
  plans: Omit<BatchesOptions, 'epoch' | 'skip'>,
): BatchSource {
  const slots = [0, 1].map(() => emptyBatch(split, plans, SharedArrayBuffer));
  const workerData: BatchWorkerData = { split: share(split), from, plans, slots };
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

/** A copy that other threads see. */
function share({ count, images, labels }: Split): Split {
  const shared = {
    count,
    images: new Uint8Array(new SharedArrayBuffer(images.length)),
    labels: emptyLabels(labels, count, SharedArrayBuffer),
  };
  shared.images.set(images);
  shared.labels.set(labels);
  return shared;
}
