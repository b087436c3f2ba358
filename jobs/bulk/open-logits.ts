import { availableParallelism } from 'node:os';
import { openNetwork } from '#inference/engine/network.ts';
import { readModel } from '#inference/serving/classifier.ts';
import type { BulkModel } from './bulk-model.ts';
import { describeEngine, type EngineName } from './choose-engine.ts';
import { FEW } from './few.ts';
import { predictBy } from './predict-by.ts';
import { openPredictor, startPredictor } from './predictor.ts';

/** Computes a version's network on all cores, by the engine that `openBulkEngine` chooses. */
export interface LogitsEngine {
  /** @param pixels `[N, height, width, channels]` uint8, any N from 1 @returns `[N, classes]` */
  logits(pixels: Uint8Array): Promise<Float32Array>;
  /** What computes, and why that: `WebAssembly, 2 threads (for few pictures it answers sooner)`. */
  describe(): string;
  /** Ends its threads. */
  close(): Promise<void>;
}

/**
 * @param images about how many are to be computed
 * @param wanted the engine. @default what is faster here
 */
export async function openLogits(model: BulkModel, images: number, wanted?: EngineName): Promise<LogitsEngine> {
  const chosen = await openPredictor(model, images, wanted);
  const { choice } = chosen;
  if (choice.engine === 'WebAssembly' && images <= FEW) {
    const network = await openNetwork(readModel((path) => model.files[path]!));
    return {
      logits: async (pixels) => network.logits(pixels),
      describe: () => describeEngine(choice, 1),
      close: async () => {},
    };
  }
  const cores = availableParallelism();
  const threads =
    choice.engine === 'TensorFlow'
      ? [chosen]
      : await Promise.all(Array.from({ length: cores }, () => startPredictor(model, 'WebAssembly')));
  const networks = threads.map((thread) => predictBy(thread.connect()!));
  const { card } = model;
  const { height, width, channels } = card.input;
  const size = height * width * channels;
  return {
    async logits(pixels) {
      const part = size * Math.ceil(pixels.length / size / networks.length);
      const used = networks.slice(0, Math.ceil(pixels.length / part));
      const found = await Promise.all(
        used.map((predict, index) => predict(pixels.subarray(index * part, (index + 1) * part))),
      );
      const logits = new Float32Array((pixels.length / size) * card.classes.length);
      let at = 0;
      for (const each of found) {
        logits.set(each, at);
        at += each.length;
      }
      return logits;
    },
    describe: () => describeEngine(choice, cores),
    async close() {
      await Promise.all(threads.map((thread) => thread.end()));
    },
  };
}
