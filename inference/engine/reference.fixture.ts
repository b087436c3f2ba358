import * as tf from '@tensorflow/tfjs';
import { expect } from 'vitest';
import { parseLayersModel } from './model/layers-model.ts';
import { lowerModel } from './model/lower.ts';
import { type Network, openNetwork } from './network.ts';

await tf.setBackend('cpu');

/** A model as training exports it and TensorFlow.js saves it. */
export interface Saved {
  readonly modelJson: Uint8Array;
  readonly weightsBin: Uint8Array;
}

export async function open({ modelJson, weightsBin }: Saved): Promise<Network> {
  return openNetwork(lowerModel(parseLayersModel(modelJson, weightsBin)));
}

export function pictures(count: number, bytes: number, seed: number): Uint8Array {
  return Uint8Array.from(
    { length: count * bytes },
    (_, index) => 128 + 127 * Math.sin(seed + index / 7 + (index % bytes) / 90),
  );
}

/** Logits by TensorFlow.js, in plain JavaScript. */
export function reference(
  model: tf.LayersModel,
  pixels: Uint8Array,
  [height, width, channels]: readonly [number, number, number],
) {
  return tf.tidy(() => {
    const images = pixels.length / (height * width * channels);
    const batch = tf.tensor4d(Float32Array.from(pixels), [images, height, width, channels]);
    return (model.predict(batch) as tf.Tensor).dataSync<'float32'>();
  });
}

/** The largest difference, as a share of the largest logit. */
export function difference(found: Float32Array, expected: Float32Array): number {
  expect(found.length).toBe(expected.length);
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  // Below one it is absolute: TensorFlow.js knows erf to 1.5e-7 only, which is much of a GELU that gives next to nothing.
  return (
    found.reduce((most, value, index) => Math.max(most, Math.abs(value - expected[index]!)), 0) / Math.max(largest, 1)
  );
}

export async function save(model: tf.LayersModel): Promise<Saved> {
  let saved: tf.io.ModelArtifacts | undefined;
  await model.save({
    save: async (artifacts) => {
      saved = artifacts;
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    },
  });
  const { modelTopology, weightSpecs, weightData } = saved!;
  const json = { modelTopology, weightsManifest: [{ paths: ['weights.bin'], weights: weightSpecs }] };
  return {
    modelJson: new TextEncoder().encode(JSON.stringify(json)),
    weightsBin: new Uint8Array(weightData as ArrayBuffer),
  };
}

export async function load({ modelJson, weightsBin }: Saved): Promise<tf.LayersModel> {
  const { modelTopology, weightsManifest } = JSON.parse(new TextDecoder().decode(modelJson));
  const weightData = new Uint8Array(weightsBin).buffer as ArrayBuffer;
  return tf.loadLayersModel({
    load: async () => ({ modelTopology, weightSpecs: weightsManifest[0].weights, weightData }),
  });
}
