import type { MessagePort } from 'node:worker_threads';
import { parentPort } from 'node:worker_threads';
import { openNetwork } from '#inference/engine/network.ts';
import { readModel } from '#inference/serving/classifier.ts';
import { loadTensorFlow } from '#training/engine/tensorflow.ts';
import type { BulkModel } from './bulk-model.ts';
import { ASKED, chooseEngine, type EngineName } from './choose-engine.ts';

export interface PredictorData {
  readonly model: BulkModel;
  /** @default the faster engine */
  readonly wanted?: EngineName | undefined;
}

/** A port of a thread that sends images, `[N, height, width, channels]` uint8, and gets their logits in turn, or why there are none. */
export interface NewClient {
  readonly port: MessagePort;
}

/**
 * A thread that computes what other threads send, once it has said by which engine. Where that was to be chosen and is WebAssembly,
 * it computes nothing.
 */
export async function predict({ model, wanted }: PredictorData): Promise<void> {
  const { network, ...choice } =
    wanted === 'WebAssembly'
      ? { engine: wanted, reason: ASKED, network: await openNetwork(readModel((path) => model.files[path]!)) }
      : await chooseEngine(model, await loadTensorFlow(), wanted);
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
