import { parentPort, workerData } from 'node:worker_threads';
import type { ImageForm } from '../../data/dataset.ts';
import { type Opened, openFile, type Wanted } from './open-pictures.ts';

/** A worker thread: receives pictures to open, and sends back what it found, with the memory of the pixels. */
const image = workerData as ImageForm;

parentPort!.on('message', async (wanted: readonly Wanted[]) => {
  const opened: Opened[] = [];
  for (const each of wanted) opened.push(await openFile(each, image));
  const memory = opened.flatMap(({ found }) => ('pixels' in found ? [found.pixels.buffer as ArrayBuffer] : []));
  parentPort!.postMessage(opened, [...new Set(memory)]);
});
