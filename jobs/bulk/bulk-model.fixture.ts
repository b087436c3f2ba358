import { openClassifier } from '#inference/serving/classifier.ts';
import { exampleCard } from '#models/example-version.ts';
import { exportLayersModel } from '#training/export/layers-model/export.ts';
import { initializeWeights } from '#training/nets/initialize.ts';
import type { NamedTensor } from '#training/nets/named-tensor.ts';
import type { Net } from '#training/nets/net.ts';
import type { BulkModel } from './bulk-model.ts';

/**
 * A version as it is stored, with weights that nothing has trained.
 *
 * @param temperature of its card. @default that of the example
 * @param change of the weights. @default none
 */
export async function untrainedModel(
  net: Net,
  { temperature, change }: { readonly temperature?: number; readonly change?: (weights: NamedTensor[]) => void } = {},
): Promise<BulkModel> {
  const [height, width, channels] = net.input;
  const size = height * width * channels;
  const images = Uint8Array.from({ length: 8 * size }, (_, at) => (at * 97 + (at >> 7) * 31) % 256);
  const weights = initializeWeights(net, { seed: 1, images });
  change?.(weights);
  const { modelJson, weightsBin } = exportLayersModel(net, weights);
  const files: Readonly<Record<string, Uint8Array>> = { 'model.json': modelJson, 'weights.bin': weightsBin };
  const card = {
    ...exampleCard(),
    ...(temperature !== undefined && { temperature }),
    classes: Array.from({ length: net.classes }, (_, index) => `class ${index}`),
    input: { height, width, channels, range: [0, 255] as [0, 255] },
  };
  const { probabilities } = (await openClassifier({ id: 'any', card, file: (path) => files[path]! })).answer(images);
  const golden = Array.from({ length: 8 }, (_, image) => ({
    pixels: Buffer.from(images.subarray(image * size, (image + 1) * size)).toString('base64'),
    label: card.classes[0]!,
    probabilities: [...probabilities.subarray(image * net.classes, (image + 1) * net.classes)],
  }));
  return { version: 'any', alias: undefined, card, golden: { tolerance: 1e-4, images: golden }, files };
}
