import { setImmediate } from 'node:timers/promises';
import { openClassifier } from '#inference/serving/classifier.ts';
import { hasTensorFlow } from '#training/engine/tensorflow.ts';
import { probabilities as softmax } from '#training/evaluation/temperature.ts';
import { type Runtime, RuntimeMissing } from './runtime.ts';

/** Images in one call. */
const CHUNK = 64;

/** The engine of the endpoint, in this process. */
export const engineHere: Runtime = async ({ version, images, count }) => {
  const classifier = await openClassifier(version);
  classifier.classify(images.subarray(0, images.length / count));
  const answered = await inChunks(images, count, (chunk) => classifier.classify(chunk));
  classifier.dispose();
  return { runtime: `this project's engine, Node ${process.versions.node}`, ...answered };
};

/** TensorFlow.js, as any program would load the model, on its WebAssembly backend or on native TensorFlow. */
export function tensorFlowJs(isNative: boolean): Runtime {
  return async ({ version, images, count }) => {
    if (isNative && !hasTensorFlow()) {
      throw new RuntimeMissing(
        'TensorFlow is not installed. "npm run setup" installs it, where there is a C++ compiler.',
      );
    }
    const { openStoredModel } = await import('#training/evaluation/stored-model.ts');
    const { card } = version;
    const model = await openStoredModel(version, isNative);
    model.predict(images.subarray(0, images.length / count));
    const answered = await inChunks(images, count, (chunk) =>
      softmax(model.predict(chunk), card.classes.length, card.temperature),
    );
    model.dispose();
    const runtime = isNative ? `TensorFlow.js on ${model.runtime}` : model.runtime;
    return { runtime, ...answered };
  };
}

async function inChunks(images: Uint8Array, count: number, answer: (chunk: Uint8Array) => ArrayLike<number>) {
  const bytes = images.length / count;
  const probabilities: number[] = [];
  const began = performance.now();
  for (let from = 0; from < images.length; from += CHUNK * bytes) {
    const found = answer(images.subarray(from, from + CHUNK * bytes));
    for (let at = 0; at < found.length; at++) probabilities.push(found[at]!);
    await setImmediate();
  }
  return { probabilities, milliseconds: (performance.now() - began) / count };
}
