import { parseLayersModel } from '#inference/engine/model/layers-model.ts';
import { lowerModel } from '#inference/engine/model/lower.ts';
import { openNetwork } from '#inference/engine/network.ts';
import { exampleModel } from '#inference/serving/example-model.fixture.ts';
import { moveAlias } from '#models/aliases.ts';
import { encodeJson } from '#models/json.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import { publishVersion } from '#models/versions.ts';
import { exportLayersModel } from '#training/export/layers-model/export.ts';
import { airbenchNet } from '#training/nets/airbench.ts';
import { initializeWeights } from '#training/nets/initialize.ts';
import type { Net } from '#training/nets/net.ts';
import { seedNet } from '#training/nets/seed.ts';
import { type LayersModelFiles, resnet9 } from './resnet9.ts';

/** A network that is measured: how long it takes does not depend on what it has learned. */
export interface Untrained {
  readonly name: string;
  readonly files: () => Promise<LayersModelFiles>;
}

export const seed = exported(seedNet);
/** From 24 thousand weights to 6.6 million. */
export const untrained: readonly Untrained[] = [
  seed,
  exported(airbenchNet([32, 64, 64])),
  exported(airbenchNet([64, 256, 256])),
  { name: 'resnet9', files: resnet9 },
];

function exported(net: Net): Untrained {
  const files = async () => exportLayersModel(net, initializeWeights(net, { seed: 1, images: pictures(64) }));
  return { name: net.name, files };
}

/** A folder in which the network is a version that is served. */
export async function storeUntrained({ files }: Untrained, folder: string): Promise<void> {
  const { modelJson, weightsBin } = await files();
  const model = await exampleModel();
  const card = JSON.parse(new TextDecoder().decode(model.get('card.json')!));
  const logits = (await openNetwork(lowerModel(parseLayersModel(modelJson, weightsBin)))).logits(pictures(20));
  const golden = Array.from({ length: 20 }, (_, image) => {
    const exponentials = [...logits.subarray(image * 10, image * 10 + 10)].map((value) =>
      Math.exp(value / card.temperature),
    );
    const sum = exponentials.reduce((total, value) => total + value, 0);
    const pixels = Buffer.from(pictures(20).subarray(image * 3072, image * 3072 + 3072)).toString('base64');
    return { pixels, label: card.classes[0], probabilities: exponentials.map((value) => value / sum) };
  });
  model.set('model.json', modelJson);
  model.set('weights.bin', weightsBin);
  model.set('golden.json', encodeJson({ tolerance: 1e-4, images: golden }));
  const store = folderStore(folder);
  await moveAlias(store, 'production', { to: await publishVersion(store, model), by: 'bench', expected: undefined });
}

/** `[count, 32, 32, 3]` uint8 */
export function pictures(count: number): Uint8Array {
  return Uint8Array.from({ length: count * 3072 }, (_, index) => 128 + 100 * Math.sin(index / 7 + (index % 3072) / 50));
}
