import { parentPort, workerData } from 'node:worker_threads';
import type { BatchWorkerData } from './batch-worker.ts';
import { plansFrom, writeBatch } from './batches.ts';

/** The worker thread: receives the number of a slot, writes the next batch to it and sends the number back. */
const { split, from, plans, slots } = workerData as BatchWorkerData;
const source = plansFrom(from, split, plans);

parentPort!.on('message', (slot: number) => {
  writeBatch(split, source.next().value, plans.imageSize, slots[slot]!);
  parentPort!.postMessage(slot);
});
