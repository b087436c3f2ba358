import { parentPort, workerData } from 'node:worker_threads';
import type { ImageForm } from '../../data/dataset.ts';
import { type Batch, type Opened, openFile } from './open-pictures.ts';

/** A worker thread: receives pictures to open, and sends back what it found, with their pixels in the memory that it shares. */
const image = workerData as ImageForm;
const bytes = 3 * image.size ** 2;

let last = Promise.resolve();
// One batch after the other: the sender takes the first answer for that to the first batch, whose memory it then gives again.
parentPort!.on('message', (batch: Batch) => {
  last = last.then(() => open(batch));
});

async function open({ wanted, pixels }: Batch): Promise<void> {
  const opened: Opened[] = [];
  for (const [place, each] of wanted.entries()) {
    const { found, ...file } = await openFile(each, image);
    if ('cause' in found) {
      opened.push({ ...file, found });
      continue;
    }
    const shared = pixels.subarray(place * bytes, (place + 1) * bytes);
    shared.set(found.pixels);
    opened.push({ ...file, found: { ...found, pixels: shared } });
  }
  parentPort!.postMessage(opened);
}
