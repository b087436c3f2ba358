import { openNetwork } from '#inference/engine/network.ts';
import { answersOf, readModel } from '#inference/serving/classifier.ts';
import { goldenPixels } from '#models/golden.ts';
import { sizeOf } from '#models/size-of.ts';
import type { TensorFlow } from '#training/engine/tensorflow.ts';
import type { BulkModel } from './bulk-model.ts';
import { NATIVE_BATCH, type NativeNetwork, openNativeNetwork } from './native-network.ts';

export type EngineName = 'WebAssembly' | 'TensorFlow';

/** Which engine computes the network, and why. */
export interface EngineChoice {
  readonly engine: EngineName;
  /** For people, such as `0.41 ms an image, and WebAssembly takes 0.69 ms`. */
  readonly reason: string;
  /** Milliseconds of processor time of an image, where both were measured. */
  readonly measured?: Readonly<Record<EngineName, number>>;
}

/** `WebAssembly, 2 threads (for few pictures it answers sooner)`. */
export function describeEngine({ engine, reason }: EngineChoice, threads: number): string {
  return `${engine}, ${threads} ${threads === 1 ? 'thread' : 'threads'} (${reason})`;
}

/** The reason for an engine that was asked for. */
export const ASKED = 'it was asked for';

/** The largest difference of a probability between the engines. */
const TOLERANCE = 1e-5;
/** Milliseconds that each engine is measured for. */
const MEASURED = 400;
/** TensorFlow's threads and memory are worth it where it needs at most so much of WebAssembly's time. */
const WORTH = 0.8;

/**
 * Measures a model on both engines, on this machine, and compares the processor time that an image takes: that is the same on a busy
 * machine as on a quiet one, whatever the number of threads. Native TensorFlow must answer the golden images as WebAssembly does,
 * within a hundred-thousandth.
 *
 * @param wanted is taken without a measurement of its time
 */
export async function chooseEngine(
  model: BulkModel,
  tensorflow: TensorFlow,
  wanted?: 'TensorFlow',
): Promise<EngineChoice & { readonly network?: NativeNetwork }> {
  const { card, files, golden } = model;
  const lowered = readModel((path) => files[path]!);
  const native = openNativeNetwork(tensorflow, lowered);
  const webAssembly = await openNetwork(lowered);
  const pixels = goldenPixels(golden);
  const [expected, found] = [webAssembly, native].map(
    (network) => answersOf(pixels, network.logits(pixels), card).probabilities,
  );
  const difference = largestDifference(expected!, found!);
  if (!(difference <= TOLERANCE)) {
    native.dispose();
    const reason = `TensorFlow's answers to the golden images differ from WebAssembly's by ${difference.toExponential(1)}`;
    return { engine: 'WebAssembly', reason };
  }
  if (wanted !== undefined) return { engine: 'TensorFlow', reason: ASKED, network: native };
  const images = repeated(pixels, NATIVE_BATCH * sizeOf([card.input.height, card.input.width, card.input.channels]));
  const [slow, fast] = [webAssembly, native].map((network) => measure(() => network.logits(images)) / NATIVE_BATCH);
  const measured = { WebAssembly: slow!, TensorFlow: fast! };
  const [ofWebAssembly, ofTensorFlow] = [slow!, fast!].map((milliseconds) => `${milliseconds.toFixed(2)} ms`);
  if (fast! <= WORTH * slow!) {
    const reason = `${ofTensorFlow} an image, and WebAssembly takes ${ofWebAssembly}`;
    return { engine: 'TensorFlow', reason, measured, network: native };
  }
  native.dispose();
  return { engine: 'WebAssembly', reason: `${ofWebAssembly} an image, and TensorFlow takes ${ofTensorFlow}`, measured };
}

/** @returns NaN if one is not a number */
function largestDifference(one: Float32Array, other: Float32Array): number {
  return one.reduce((largest, value, index) => Math.max(largest, Math.abs(value - other[index]!)), 0);
}

/** @returns milliseconds of processor time, of all threads: the least of several rounds */
function measure(work: () => void): number {
  work(); // Once unmeasured: what is prepared only then is not counted.
  let least = Number.POSITIVE_INFINITY;
  const began = performance.now();
  do {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1000);
  } while (performance.now() - began < MEASURED);
  return least;
}

function repeated(bytes: Uint8Array, length: number): Uint8Array {
  const long = new Uint8Array(length);
  for (let at = 0; at < length; at += bytes.length) long.set(bytes.subarray(0, length - at), at);
  return long;
}
