import { expect, test } from 'vitest';
import { parseLayersModel } from '#inference/engine/model/layers-model.ts';
import { lowerModel } from '#inference/engine/model/lower.ts';
import { openNetwork } from '#inference/engine/network.ts';
import { loadTensorFlow } from '#training/engine/tensorflow.ts';
import { exportLayersModel } from '#training/export/layers-model/export.ts';
import { initializeWeights } from '#training/nets/initialize.ts';
import { resnet20 } from '#training/nets/resnet20.ts';
import { openNativeNetwork } from './native-network.ts';

test('TensorFlow gives the logits of WebAssembly for a net whose layers meet, also in batches that are not full', async () => {
  const net = resnet20();
  const images = Uint8Array.from({ length: 70 * 3072 }, (_, at) => (at * 97 + (at >> 7) * 31) % 256);
  const weights = initializeWeights(net, { seed: 1, images: images.subarray(0, 8 * 3072) });
  const { modelJson, weightsBin } = exportLayersModel(net, weights);
  const model = lowerModel(parseLayersModel(modelJson, weightsBin));
  const expected = (await openNetwork(model)).logits(images);
  const native = openNativeNetwork(await loadTensorFlow(), model);
  const found = native.logits(images);
  native.dispose();
  expect(found).toHaveLength(expected.length);
  const largest = Math.max(...expected.map(Math.abs));
  const difference = Math.max(...expected.map((logit, index) => Math.abs(logit - found[index]!)));
  expect(difference / largest).toBeLessThan(1e-5);
});
