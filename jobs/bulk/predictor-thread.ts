import type { MessagePort } from 'node:worker_threads';
import { parentPort } from 'node:worker_threads';
import { loadTensorFlow } from '#training/engine/tensorflow.ts';
import type { BulkModel } from './bulk-model.ts';
import { chooseEngine } from './choose-engine.ts';

export interface PredictorData {
  readonly model: BulkModel;
  /** @default the faster engine */
  readonly wanted?: 'TensorFlow' | undefined;
}

/** A port of a thread that sends images, `[N, height, width, channels]` uint8, and gets their logits in turn, or why there are none. */
export interface NewClient {
  readonly port: MessagePort;
}

/** The thread of native TensorFlow: says which engine is chosen, and if it is this one, computes what other threads send. */
export async function predict({ model, wanted }: PredictorData): Promise<void> {
  const { network, ...choice } = await chooseEngine(model, await loadTensorFlow(), wanted);
  if (network !== undefined) {
    parentPort!.on('message', ({ port }: NewClient) => {
      port.on('message', (pixels: Uint8Array) => {
        try {
          port.postMessage(network.logits(pixels));
        } catch (error) {
          port.postMessage(error);
        }
      });
    });
  }
  parentPort!.postMessage(choice);
}
