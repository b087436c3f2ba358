import { io, type Tensor, tensor4d, tidy } from '@tensorflow/tfjs-core';
import { loadLayersModel } from '@tensorflow/tfjs-layers';
import type { VerifiedVersion } from '#models/versions.ts';
import { startWasm } from '../engine/eager/wasm.ts';
import { hasTensorFlow, loadTensorFlow } from '../engine/tensorflow.ts';
import type { Predict } from './evaluate.ts';

interface StoredModel {
  /** What runs it, for the record. */
  readonly runtime: string;
  readonly predict: Predict;
  dispose(): void;
}

/** A stored version as any TensorFlow.js program would load it: native where that is installed, else on WebAssembly. */
export async function openStoredModel({ card, file }: VerifiedVersion): Promise<StoredModel> {
  const { height, width, channels } = card.input;
  const runtime = await startBackend();
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

/** TensorFlow.js computes by whichever backend was loaded last. */
async function startBackend(): Promise<string> {
  if (!hasTensorFlow()) return await startWasm();
  const { version, device } = await loadTensorFlow();
  return `TensorFlow ${version}, ${device}`;
}
