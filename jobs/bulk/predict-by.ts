import type { MessagePort } from 'node:worker_threads';
import type { Predict } from './open-here.ts';

/** Computes by a thread of `startPredictor`. What waits for one that ends is rejected. */
export function predictBy(port: MessagePort): Predict {
  const waiting: { resolve(logits: Float32Array): void; reject(error: Error): void }[] = [];
  port.on('message', (found: Float32Array | Error) => {
    const { resolve, reject } = waiting.shift()!;
    if (found instanceof Error) reject(found);
    else resolve(found);
  });
  let isClosed = false;
  const ended = () => new Error('The thread that computes the network has ended.');
  port.on('close', () => {
    isClosed = true;
    for (const { reject } of waiting.splice(0)) reject(ended());
  });
  return (pixels) =>
    new Promise((resolve, reject) => {
      if (isClosed) return reject(ended());
      waiting.push({ resolve, reject });
      port.postMessage(pixels);
    });
}
