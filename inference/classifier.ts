import { type Tensor, tensor4d, tidy } from '@tensorflow/tfjs-core';
import { type LayersModel, loadLayersModel } from '@tensorflow/tfjs-layers';
import { UserError } from '#errors/user-error.ts';
import { goldenDifference, goldenPixels } from '#models/golden.ts';
import type { VerifiedVersion } from '#models/versions.ts';
import { onWasm, startWasm } from './wasm-backend.ts';

/** A version, ready to answer on WebAssembly. */
export interface Classifier {
  /**
   * @param pixels `[N, height, width, channels]` uint8, of the size in the version's card
   * @returns `[N, classes]` probabilities, calibrated with the card's temperature; each row sums to 1
   * @throws {RangeError} the bytes are no whole number of images
   */
  classify(pixels: Uint8Array): Float32Array;
  /** Gives the weights' memory back; the classifier cannot be used any more. */
  dispose(): void;
}

/** This runtime does not compute what training computed: the version must not be served. */
export class GoldenMismatch extends UserError {
  override readonly name = 'GoldenMismatch';
  readonly version: string;
  /** Largest absolute difference of a probability. */
  readonly difference: number;

  constructor(version: string, difference: number, tolerance: number) {
    super(
      `${version} does not answer its golden images as training did: a probability differs by ${difference}, ` +
        `and at most ${tolerance} is allowed. Serve another version, or train it again with this release.`,
    );
    this.version = version;
    this.difference = difference;
  }
}

/**
 * Loads a version and lets it answer its golden images, which also warms it up.
 *
 * @throws {GoldenMismatch} its answers are not those of training
 */
export async function loadClassifier(version: VerifiedVersion): Promise<Classifier> {
  const classifier = await openClassifier(version);
  const { golden } = version;
  const difference = goldenDifference(golden, classifier.classify(goldenPixels(golden)));
  if (difference <= golden.tolerance) return classifier;
  classifier.dispose();
  throw new GoldenMismatch(version.id, difference, golden.tolerance);
}

/** The same without asking whether it answers rightly: for whoever judges a version before it is served. */
export async function openClassifier({
  id,
  card,
  file,
}: Pick<VerifiedVersion, 'id' | 'card' | 'file'>): Promise<Classifier> {
  await startWasm();
  const model = await readLayersModel(file('model.json'), file('weights.bin'));
  const { height, width, channels } = card.input;
  const classes = card.classes.length;
  checkSignature(model, id, [height, width, channels], classes);
  return {
    classify(pixels) {
      const images = pixels.length / (height * width * channels);
      if (!Number.isInteger(images) || images === 0) {
        throw new RangeError(`${pixels.length} bytes are no images of ${height}x${width}x${channels}.`);
      }
      const logits = onWasm(() =>
        tidy(() => {
          const batch = tensor4d(Float32Array.from(pixels), [images, height, width, channels]);
          return (model.predict(batch, { batchSize: images }) as Tensor).dataSync<'float32'>(); // [N, classes]
        }),
      );
      return softmaxRows(logits, classes, card.temperature);
    },
    dispose: () => void model.dispose(),
  };
}

async function readLayersModel(modelJson: Uint8Array, weights: Uint8Array): Promise<LayersModel> {
  const { modelTopology, weightsManifest } = JSON.parse(new TextDecoder().decode(modelJson));
  const weightData = weights.buffer.slice(weights.byteOffset, weights.byteOffset + weights.byteLength) as ArrayBuffer;
  const weightSpecs = (weightsManifest as { weights: object[] }[]).flatMap((group) => group.weights) as never;
  return loadLayersModel({ load: async () => ({ modelTopology, weightSpecs, weightData }) });
}

function checkSignature(model: LayersModel, id: string, input: readonly number[], classes: number): void {
  const found = [...model.inputs[0]!.shape.slice(1), '→', ...model.outputs[0]!.shape.slice(1)].join(' ');
  const expected = [...input, '→', classes].join(' ');
  if (found !== expected || model.inputs.length !== 1 || model.outputs.length !== 1) {
    throw new UserError(`${id} has a network of shape ${found}, and a card that says ${expected}.`);
  }
}

/** @param logits `[N, classes]` @returns `[N, classes]`, in single precision as it is answered */
function softmaxRows(logits: Float32Array, classes: number, temperature: number): Float32Array {
  const probabilities = new Float32Array(logits.length);
  for (let start = 0; start < logits.length; start += classes) {
    let largest = Number.NEGATIVE_INFINITY;
    for (let index = start; index < start + classes; index++) largest = Math.max(largest, logits[index]!);
    let sum = 0;
    for (let index = start; index < start + classes; index++) {
      probabilities[index] = Math.exp((logits[index]! - largest) / temperature);
      sum += probabilities[index]!;
    }
    for (let index = start; index < start + classes; index++) probabilities[index]! /= sum;
  }
  return probabilities;
}
