import { parentPort, workerData } from 'node:worker_threads';
import type { BatchWorkerData } from './batch-worker.ts';
import { plansFrom, writeBatch } from './batches.ts';

/** Prepares batches in a thread of its own: is sent the number of a slot, writes the next batch to it and sends it back. */
const { split, from, imageSize, plans, slots } = workerData as BatchWorkerData;
const source = plansFrom(from, split.count, plans);

parentPort!.on('message', (slot: number) => {
  writeBatch(split, source.next().value, imageSize, slots[slot]!);
  parentPort!.postMessage(slot);
});
