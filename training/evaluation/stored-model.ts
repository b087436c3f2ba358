import { io, type Tensor, tensor4d, tidy } from '@tensorflow/tfjs-core';
import { loadLayersModel } from '@tensorflow/tfjs-layers';
import type { VerifiedVersion } from '#models/versions.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Labels } from '../data/labels.ts';
import { startWasm } from '../engine/eager/wasm.ts';
import { hasTensorFlow, loadTensorFlow } from '../engine/tensorflow.ts';
import { logitsOf, type Predict } from './evaluate.ts';
import { topClasses } from './measure.ts';

interface StoredModel {
  /** The backend that runs it, for reports. */
  readonly runtime: string;
  readonly predict: Predict;
  dispose(): void;
}

/**
 * Loads a stored version as any TensorFlow.js program would.
 *
 * @param isNative on native TensorFlow, else on WebAssembly. @default if it is installed
 */
export async function openStoredModel(
  { card, file }: VerifiedVersion,
  isNative: boolean = hasTensorFlow(),
): Promise<StoredModel> {
  const { height, width, channels } = card.input;
  const runtime = await startBackend(isNative);
  const { modelTopology, weightsManifest } = JSON.parse(Buffer.from(file('model.json')).toString());
  const weightData = file('weights.bin').slice().buffer;
  const model = await loadLayersModel(
    io.fromMemory({ modelTopology, weightSpecs: weightsManifest[0].weights, weightData }),
  );
  return {
    runtime,
    predict: (images) =>
      tidy(() => {
        const count = images.length / (height * width * channels);
        const logits = model.predict(tensor4d(Float32Array.from(images), [count, height, width, channels])) as Tensor;
        return Float32Array.from(logits.dataSync<'float32'>()); // [count, classes]
      }),
    dispose: () => void model.dispose(),
  };
}

/** A version's answers to all test images, without augmentation. @returns `[test.count]` class indices */
export async function classifyTestImages(version: VerifiedVersion, { test, classes }: Dataset): Promise<Labels> {
  const model = await openStoredModel(version);
  try {
    return topClasses(await logitsOf(model.predict, test, classes.length), classes.length);
  } finally {
    model.dispose();
  }
}

/** TensorFlow.js computes on the backend that was loaded last. */
async function startBackend(isNative: boolean): Promise<string> {
  if (!isNative) return await startWasm();
  const { version, device } = await loadTensorFlow();
  return `TensorFlow ${version}, ${device}`;
}
