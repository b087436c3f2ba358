import type { Card } from './card.ts';
import type { Predict } from './gate.ts';
import { encodeJson } from './json.ts';

/**
 * A tiny model for tests: its probabilities are the softmax of a linear function of the mean colour. Its weights, `[3, 2]`
 * float32, are its `weights.bin`, so a change of the file changes the answers, as in a real model.
 */
export const predictExample: Predict = async (version, images) =>
  exampleProbabilities(version.file('weights.bin'), images);

/** The files of a version, for `publishVersion`. */
export function exampleVersion({
  weights = [1, -1, 0.5, 0, 0, 0.25],
  plain = 0.8,
  createdAt = '2026-11-23T04:12:30.000Z',
}: {
  readonly weights?: readonly number[];
  readonly plain?: number;
  readonly createdAt?: string;
} = {}): Map<string, Uint8Array> {
  const weightsBin = new Uint8Array(Float32Array.from(weights).buffer);
  const images = [0, 1, 2].map((seed) =>
    Uint8Array.from({ length: 32 * 32 * 3 }, (_, at) => (at * 7 + seed * 61) % 256),
  );
  const golden = {
    tolerance: 1e-4,
    images: images.map((pixels) => ({
      pixels: Buffer.from(pixels).toString('base64'),
      label: 'cat',
      probabilities: [...exampleProbabilities(weightsBin, pixels)],
    })),
  };
  return new Map([
    ['model.json', encodeJson({ modelTopology: {}, weightsManifest: [] })],
    ['weights.bin', weightsBin],
    ['card.json', encodeJson(exampleCard(plain, createdAt))],
    ['golden.json', encodeJson(golden)],
    ['report/curves.svg', new TextEncoder().encode('<svg xmlns="http://www.w3.org/2000/svg"/>')],
  ]);
}

export function exampleCard(plain = 0.8, createdAt = '2026-11-23T04:12:30.000Z'): Card {
  return {
    name: 'cifar10',
    createdAt,
    classes: ['cat', 'dog'],
    input: { height: 32, width: 32, channels: 3, range: [0, 255] },
    temperature: 1.25,
    uncertainBelow: 0.6,
    accuracy: {
      plain,
      tta: plain,
      images: 10_000,
      interval95: [plain - 0.01, plain + 0.01],
      perClass: { cat: plain, dog: plain },
    },
    loss: 0.5,
    data: { name: 'cifar10', sha256: { train: 'a'.repeat(64), test: 'b'.repeat(64) }, heldOut: 5000 },
    recipe: { name: 'quick', settings: { epochs: 3, batchSize: 512 } },
    seed: 7,
    epochs: 3,
    trainingSeconds: 134.2,
    wallSeconds: 150.1,
    parameters: 6,
    engine: 'an example',
    commit: null,
    host: { cpu: 'an example', cores: 2, memory: 8 * 2 ** 30 },
    run: 'example',
    license: 'Apache-2.0',
    intendedUse: 'Tests.',
    limits: 'It sees the mean colour only.',
  };
}

/** @param images `[N, 32, 32, 3]` uint8 @returns `[N, 2]` */
function exampleProbabilities(weightsBin: Uint8Array, images: Uint8Array): Float64Array {
  const weights = new Float32Array(new Uint8Array(weightsBin).buffer); // [3, 2]
  const count = images.length / 3072;
  const probabilities = new Float64Array(2 * count);
  for (let image = 0; image < count; image++) {
    const logits = [0, 0];
    for (let at = 0; at < 3072; at++) {
      for (const output of [0, 1]) {
        logits[output]! += ((images[3072 * image + at] ?? 0) / 255 / 1024) * (weights[2 * (at % 3) + output] ?? 0);
      }
    }
    const [first, second] = logits.map(Math.exp) as [number, number];
    probabilities.set([first / (first + second), second / (first + second)], 2 * image);
  }
  return probabilities;
}
