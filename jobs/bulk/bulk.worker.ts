import { parentPort, workerData } from 'node:worker_threads';
import { openHere } from './open-here.ts';
import { toRow } from './row.ts';
import type { ThreadBatch, ThreadData } from './threads.ts';

/** A worker thread: receives pictures, and sends back their rows. */
const { model, options } = workerData as ThreadData;
const answer = await openHere(model, options);

parentPort!.on('message', async (pictures: ThreadBatch) => {
  const found = await answer(pictures);
  parentPort!.postMessage(found.map((each, index) => toRow(pictures[index]!, each, options)));
});
