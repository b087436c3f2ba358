import * as tf from '@tensorflow/tfjs';
import type { Card } from '#models/card.ts';
import { cifar10Data } from '#models/data-identity.ts';
import { encodeJson } from '#models/json.ts';

export interface ExampleModel {
  /** Determines the weights. @default 1 */
  readonly seed?: number;
  /** @default those of CIFAR-10 */
  readonly classes?: readonly string[];
  /** Pixels across and down an image. @default 32 */
  readonly size?: number;
  /** Golden images, the first of each class and so on. @default 4 */
  readonly golden?: number;
  /** Units of an additional dense layer, each with 512 weights at the default size. @default no such layer */
  readonly hidden?: number;
  readonly card?: Partial<Card>;
  /** Makes the golden probabilities wrong. @default false */
  readonly isWrong?: boolean;
}

const CLASSES = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'];

/**
 * A small, untrained convolutional network with all files of a version. TensorFlow.js computes the golden probabilities on its
 * JavaScript backend.
 */
export async function exampleModel({
  seed = 1,
  classes = CLASSES,
  size = 32,
  golden = 4,
  hidden,
  card: chosen = {},
  isWrong = false,
}: ExampleModel = {}): Promise<Map<string, Uint8Array>> {
  const backend = tf.getBackend();
  await tf.setBackend('cpu');
  const initializer = () => tf.initializers.glorotUniform({ seed });
  const model = tf.sequential({
    layers: [
      tf.layers.inputLayer({ inputShape: [size, size, 3] }),
      tf.layers.rescaling({ scale: 1 / 255, offset: -0.5 }),
      tf.layers.conv2d({
        ...{ filters: 8, kernelSize: 3, padding: 'same', activation: 'relu', kernelInitializer: initializer() },
      }),
      tf.layers.maxPooling2d({ poolSize: 4 }),
      tf.layers.flatten(),
      ...(hidden ? [tf.layers.dense({ units: hidden, kernelInitializer: initializer() })] : []),
      tf.layers.dense({ units: classes.length, kernelInitializer: initializer() }),
    ],
  });
  const card = { ...exampleCard(model.countParams(), seed, classes, size), ...chosen };
  const images = Array.from({ length: golden }, (_, image) => examplePixels(seed * 100 + image, size));
  const goldenFile = {
    tolerance: 1e-5,
    images: images.map((pixels, image) => {
      const logits = model.predict(tf.tensor4d(Float32Array.from(pixels), [1, size, size, 3])) as tf.Tensor;
      const probabilities = Array.from(tf.softmax(tf.div(logits, card.temperature)).dataSync());
      return {
        pixels: Buffer.from(pixels).toString('base64'),
        label: classes[image % classes.length],
        probabilities: isWrong ? probabilities.toReversed() : probabilities,
      };
    }),
  };
  let saved: tf.io.ModelArtifacts | undefined;
  await model.save({
    save: async (artifacts) => {
      saved = artifacts;
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    },
  });
  await tf.setBackend(backend ?? 'cpu');
  return new Map([
    [
      'model.json',
      encodeJson({
        format: 'layers-model',
        modelTopology: saved!.modelTopology,
        weightsManifest: [{ paths: ['weights.bin'], weights: saved!.weightSpecs }],
      }),
    ],
    ['weights.bin', new Uint8Array(saved!.weightData as ArrayBuffer)],
    ['card.json', encodeJson(card)],
    ['golden.json', encodeJson(goldenFile)],
  ]);
}

/** An image of smooth stripes, `[size, size, 3]` uint8. */
export function examplePixels(seed: number, size = 32): Uint8Array {
  return Uint8Array.from({ length: size * size * 3 }, (_, index) => {
    const [x, y, channel] = [Math.floor(index / 3) % size, Math.floor(index / (3 * size)), index % 3];
    return 128 + 127 * Math.sin(seed + (x * (1 + (seed % 3))) / 5 + (y * (channel + 1)) / 7);
  });
}

/** For a card: pictures of one colour are familiar, whatever the network makes of them, and no others. */
export const onlyPlainIsFamiliar: NonNullable<Card['unfamiliar']> = {
  energy: { mean: 0, deviation: 1e6 },
  texture: {
    mean: { roughness: 0, flatness: 1 },
    precision: { roughness: 1, flatness: 1, both: 0 },
    distance: { mean: 0, deviation: 1 },
  },
  ...{ above: 0.1, images: 100, share: 0.02 },
};

function exampleCard(parameters: number, seed: number, classes: readonly string[], size: number): Card {
  return {
    name: 'cifar10',
    createdAt: `2026-11-23T04:${String(seed % 60).padStart(2, '0')}:00.000Z`,
    classes: [...classes],
    input: { height: size, width: size, channels: 3, range: [0, 255] },
    temperature: 0.8,
    uncertainBelow: 0.3,
    accuracy: {
      ...{ plain: 0.1, tta: 0.1, images: 10_000, interval95: [0.09, 0.11] },
      perClass: Object.fromEntries(classes.map((label) => [label, 0.1])),
    },
    loss: 2.3,
    data: { name: 'cifar10', sha256: cifar10Data.sha256, heldOut: 5000 },
    recipe: { name: 'untrained', settings: {} },
    ...{ seed, epochs: 0, trainingSeconds: 0, wallSeconds: 0, parameters, engine: 'none', commit: null },
    host: { cpu: 'any', cores: 1, memory: 2 ** 30 },
    ...{ run: 'example', license: 'Apache-2.0', intendedUse: 'Tests.', limits: 'It is untrained.' },
  };
}
