import { parentPort } from 'node:worker_threads';
import { openHere } from './open-here.ts';
import { predictBy } from './predict-by.ts';
import { toRow } from './row.ts';
import type { ThreadBatch, ThreadData } from './threads.ts';

/** A thread that receives pictures, and sends back their rows. It reads and decodes a batch while another thread computes one. */
export async function answer({ model, options, predictor }: ThreadData): Promise<void> {
  const answerHere = await openHere(model, options, predictor && predictBy(predictor));
  let last: Promise<void> = Promise.resolve();
  parentPort!.on('message', (pictures: ThreadBatch) => {
    const found = answerHere(pictures);
    found.catch(() => {}); // Thrown when its turn comes.
    const before = last;
    last = (async () => {
      await before;
      const rows = (await found).map((each, index) => toRow(pictures[index]!, each, options));
      parentPort!.postMessage(rows);
    })();
  });
}
