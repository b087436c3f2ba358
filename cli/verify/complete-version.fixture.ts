import { openClassifier } from '#inference/serving/classifier.ts';
import { exampleModel } from '#inference/serving/example-model.fixture.ts';
import type { Card } from '#models/card.ts';
import { encodeJson } from '#models/json.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { publishVersion } from '#models/versions.ts';
import { encodeKeras } from '#training/export/keras.ts';
import { exportLayersModel } from '#training/export/layers-model/export.ts';
import { encodeWeights, weightsFile } from '#training/export/weights.ts';
import { airbenchNet } from '#training/nets/airbench.ts';
import { initializeWeights } from '#training/nets/initialize.ts';

/** Publishes a small untrained net of the recipes' kind, with the files of every runtime. @returns the version's id */
export async function publishComplete(store: ObjectStore, images: Uint8Array): Promise<string> {
  const net = airbenchNet([8, 16, 16]);
  const weights = initializeWeights(net, { seed: 1, images });
  const files = await exampleModel();
  const card = JSON.parse(Buffer.from(files.get('card.json')!).toString()) as Card;
  const { modelJson, weightsBin } = exportLayersModel(net, weights);
  const trained = {
    net,
    weights,
    classes: card.classes,
    temperature: card.temperature,
    recipe: { name: 'any', settings: {} },
  };
  const contents: Readonly<Record<string, Uint8Array>> = { 'model.json': modelJson, 'weights.bin': weightsBin };
  const classifier = await openClassifier({ id: 'any', card, file: (path) => contents[path]! });
  const pixels = images.subarray(0, images.length / 64);
  const golden = {
    pixels: Buffer.from(pixels).toString('base64'),
    ...{ label: card.classes[0], probabilities: [...classifier.classify(pixels)] },
  };
  for (const [path, body] of Object.entries(contents)) files.set(path, body);
  files.set('golden.json', encodeJson({ tolerance: 1e-4, images: [golden] }));
  files.set('model.h5', encodeKeras(trained));
  files.set(weightsFile, encodeWeights(trained));
  return publishVersion(store, files);
}
