import { expect, test } from 'vitest';
import { parseLayersModel } from '#inference/engine/model/layers-model.ts';
import { lowerModel } from '#inference/engine/model/lower.ts';
import { openNetwork } from '#inference/engine/network.ts';
import { loadTensorFlow } from '#training/engine/tensorflow.ts';
import { exportLayersModel } from '#training/export/layers-model/export.ts';
import { airbenchNet } from '#training/nets/airbench.ts';
import { initializeWeights } from '#training/nets/initialize.ts';
import { resnet20 } from '#training/nets/resnet20.ts';
import { tinyNetFor } from '#training/nets/tiny.ts';
import { openNativeNetwork } from './native-network.ts';

const set = (size: number, classes: number) => ({
  ...{ size: [size, size, 3] as [number, number, number], classes },
  ...{ mean: [0.5, 0.5, 0.4], deviation: [0.25, 0.25, 0.25] },
});

test.each([
  { net: resnet20(), what: 'layers meet' },
  { net: airbenchNet([8, 8, 8], set(48, 2)), what: 'pictures have 48 pixels and two classes' },
  { net: tinyNetFor(set(96, 120)), what: 'pictures have 96 pixels and 120 classes' },
])(
  'TensorFlow gives the logits of WebAssembly for a net whose $what, also in batches that are not full',
  async ({ net }) => {
    const size = net.input[0] * net.input[1] * net.input[2];
    const images = Uint8Array.from({ length: 70 * size }, (_, at) => (at * 97 + (at >> 7) * 31) % 256);
    const weights = initializeWeights(net, { seed: 1, images: images.subarray(0, 8 * size) });
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
  },
);
