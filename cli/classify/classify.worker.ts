import { parentPort, workerData } from 'node:worker_threads';
import type { ThreadBatch, ThreadData } from './classify-threads.ts';
import { openHere } from './local-model.ts';
import { toRow } from './row.ts';

/** A worker thread: receives pictures, and sends back their rows. */
const { model, options } = workerData as ThreadData;
const answer = await openHere(model, options);

parentPort!.on('message', async (pictures: ThreadBatch) => {
  const found = await answer(pictures);
  parentPort!.postMessage(found.map((each, index) => toRow(pictures[index]!, each, options)));
});
