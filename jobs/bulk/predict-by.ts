import type { MessagePort } from 'node:worker_threads';
import type { Predict } from './open-here.ts';

/** Computes by a thread of `startPredictor`. */
export function predictBy(port: MessagePort): Predict {
  const waiting: { resolve(logits: Float32Array): void; reject(error: Error): void }[] = [];
  port.on('message', (found: Float32Array | Error) => {
    const { resolve, reject } = waiting.shift()!;
    if (found instanceof Error) reject(found);
    else resolve(found);
  });
  return (pixels) =>
    new Promise((resolve, reject) => {
      waiting.push({ resolve, reject });
      port.postMessage(pixels);
    });
}
