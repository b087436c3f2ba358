import { UserError } from '#errors/user-error.ts';
import type { Card } from '#models/card.ts';
import { goldenDifference, goldenPixels } from '#models/golden.ts';
import { textureOf, unfamiliarity } from '#models/unfamiliar.ts';
import type { VerifiedVersion } from '#models/versions.ts';
import { NetworkTooLarge } from '../engine/memory/layout.ts';
import { parseLayersModel, UnsupportedModel } from '../engine/model/layers-model.ts';
import { lowerModel } from '../engine/model/lower.ts';
import type { LoweredModel } from '../engine/model/operation.ts';
import { type Network, openNetwork } from '../engine/network.ts';

/** A version that is loaded and runs on WebAssembly. */
export interface Classifier {
  /**
   * @param pixels `[N, height, width, channels]` uint8, of the input size in the version's card
   * @returns `[N, classes]` probabilities, calibrated by the card's temperature; each row sums to 1
   * @throws {RangeError} the number of bytes is not a multiple of the image size, or 0
   */
  classify(pixels: Uint8Array): Float32Array;
  /** As `classify`, and says which images are like none of the classes. */
  answer(pixels: Uint8Array): Answers;
  /** Frees the memory of the weights; the classifier cannot be used afterwards. */
  dispose(): void;
}

export interface Answers {
  /** `[N, classes]`, as `classify` returns them. */
  readonly probabilities: Float32Array;
  /** `[N]`; undefined where the version's card does not say how to tell. */
  readonly unfamiliar: readonly boolean[] | undefined;
}

/** The answers differ from those of training: the version must not be served. */
export class GoldenMismatch extends UserError {
  override readonly name = 'GoldenMismatch';
  readonly version: string;
  /** Largest absolute difference between two probabilities. */
  readonly difference: number;

  constructor(version: string, difference: number, tolerance: number) {
    super(
      `${version} fails its golden images: a probability differs from training's by ${difference}, ` +
        `and at most ${tolerance} is allowed. Serve another version, or train it again with this release.`,
    );
    this.version = version;
    this.difference = difference;
  }
}

/**
 * Loads a version and checks its answers to its golden images, which also warms it up.
 *
 * @param atMost bytes of memory for its network @default any number
 * @throws {GoldenMismatch} its answers differ from those of training
 * @throws {NetworkTooLarge} it needs more memory
 */
export async function loadClassifier(version: VerifiedVersion, atMost?: number): Promise<Classifier> {
  const classifier = await openClassifier(version, atMost);
  const { golden } = version;
  const difference = goldenDifference(golden, classifier.classify(goldenPixels(golden)));
  if (difference <= golden.tolerance) return classifier;
  classifier.dispose();
  throw new GoldenMismatch(version.id, difference, golden.tolerance);
}

/** The parts of a version that are needed to run it. */
export interface OpenableVersion extends Pick<VerifiedVersion, 'id' | 'file'> {
  readonly card: Pick<Card, 'classes' | 'temperature' | 'unfamiliar'> & {
    readonly input: Omit<Card['input'], 'range'>;
  };
}

/** Loads a version without checking its golden images, for programs that evaluate it themselves. */
export async function openClassifier({ id, card, file }: OpenableVersion, atMost?: number): Promise<Classifier> {
  const model = readModel(file);
  const { height, width, channels } = card.input;
  checkSignature(model, id, card);
  let network: Network | undefined = await openNetwork(model, atMost).catch((cause: unknown) => {
    if (cause instanceof NetworkTooLarge) throw cause;
    throw new UnsupportedModel('it cannot be laid out in memory', { cause });
  });
  function logitsOf(pixels: Uint8Array): Float32Array {
    const imageCount = pixels.length / (height * width * channels);
    if (!Number.isInteger(imageCount) || imageCount === 0) {
      throw new RangeError(`${pixels.length} bytes are not a whole number of ${height}x${width}x${channels} images.`);
    }
    if (!network) throw new Error(`The classifier of ${id} was disposed.`);
    return network.logits(pixels);
  }
  return {
    classify: (pixels) => softmaxRows(logitsOf(pixels), card.classes.length, card.temperature),
    answer: (pixels) => answersOf(pixels, logitsOf(pixels), card),
    dispose() {
      network = undefined;
    },
  };
}

/**
 * What the logits of images say, whoever has computed them.
 *
 * @param pixels `[N, height, width, channels]` uint8 @param logits `[N, classes]`
 */
export function answersOf(pixels: Uint8Array, logits: Float32Array, card: OpenableVersion['card']): Answers {
  return {
    probabilities: softmaxRows(logits, card.classes.length, card.temperature),
    unfamiliar: areUnfamiliar(pixels, logits, card),
  };
}

/** @throws {UnsupportedModel} it has what no engine here computes */
export function readModel(file: VerifiedVersion['file']): LoweredModel {
  try {
    return lowerModel(parseLayersModel(file('model.json'), file('weights.bin')));
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    throw new UnsupportedModel('its description is malformed', { cause });
  }
}

function checkSignature({ input, classes }: LoweredModel, id: string, card: OpenableVersion['card']): void {
  const found = [input.height, input.width, input.channels, '→', classes].join(' ');
  const expected = [card.input.height, card.input.width, card.input.channels, '→', card.classes.length].join(' ');
  if (found !== expected) throw new UserError(`${id} has a network of shape ${found}, but its card says ${expected}.`);
}

/** @param pixels `[N, height, width, channels]` @param logits `[N, classes]` */
function areUnfamiliar(
  pixels: Uint8Array,
  logits: Float32Array,
  { classes: { length: classes }, input, unfamiliar: known }: OpenableVersion['card'],
): Answers['unfamiliar'] {
  if (known === undefined) return undefined;
  const bytes = input.height * input.width * input.channels;
  return Array.from({ length: logits.length / classes }, (_, image) => {
    const texture = textureOf(pixels.subarray(image * bytes, (image + 1) * bytes), input);
    const score = unfamiliarity(logits.subarray(image * classes, (image + 1) * classes), texture, known);
    return score > known.above;
  });
}

/** @param logits `[N, classes]` @returns `[N, classes]` probabilities in single precision */
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
