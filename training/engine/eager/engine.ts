import * as tf from '@tensorflow/tfjs-core';
import { UserError } from '#errors/user-error.ts';
import { weightSpecs } from '../../nets/shapes.ts';
import type { Engine, EngineOptions } from '../engine.ts';
import { checkAverage, checkOptions, checkSlow } from '../engine-options.ts';
import { forward } from './forward.ts';
import { normalized } from './images.ts';
import { State, slowName } from './state.ts';
import { observe, trainStep } from './step.ts';
import { onWasm, startWasm } from './wasm.ts';

/** Images of an evaluation pass: enough to keep the kernels busy, in tens of megabytes at most. */
const evaluatedAtOnce = 128;

/**
 * Trains a net with TensorFlow.js on WebAssembly, op by op, with TensorFlow.js's own gradients: the
 * reference for the graph, and the engine where native TensorFlow is missing.
 *
 * @throws {InvalidNet} the net contradicts itself
 * @throws {UserError} the weights are not the net's, or a group names what cannot be trained
 */
export async function compileEager(options: EngineOptions): Promise<Engine> {
  checkOptions(options);
  const { precision = 'float32' } = options;
  if (precision !== 'auto' && precision !== 'float32') {
    throw new UserError(`WebAssembly does not support ${precision}. Train with precision=float32 or precision=auto.`);
  }
  const description = await startWasm();
  const names = weightSpecs(options.net).map(({ name }) => name);
  const state = onWasm(() => new State(options));
  return {
    backend: 'wasm',
    description,
    step: (batch, step) => onWasm(() => tf.tidy(() => trainStep(options, state, batch, step))),
    lookahead: (decay) => onWasm(() => tf.tidy(() => lookahead(options, state, decay))),
    average: (decay) => onWasm(() => tf.tidy(() => average(options, state, decay))),
    observe: (batch, observed) => onWasm(() => tf.tidy(() => observe(options, state, batch, observed))),
    logits: (images) => onWasm(() => logits(options, state, images)),
    weights: () => onWasm(() => state.read(names)),
    state: () => onWasm(() => state.read()),
    restore: (saved) => onWasm(() => state.restore(saved)),
    dispose: () => onWasm(() => state.dispose()),
  };
}

/** Slow and fast weights meet: both become the fast one, moved by `decay` towards the slow one. */
function lookahead(options: EngineOptions, state: State, decay: number): void {
  checkSlow(options);
  for (const name of slowOnesOf(options, state)) {
    const moved = blended(state, name, decay);
    state.set(slowName(name), moved);
    state.set(name, tf.clone(moved));
  }
}

function average(options: EngineOptions, state: State, decay: number): void {
  checkAverage(options);
  for (const name of slowOnesOf(options, state)) state.set(slowName(name), blended(state, name, decay));
}

/** The weights and statistics of which there is a slow average. */
function slowOnesOf({ net }: EngineOptions, state: State): string[] {
  return weightSpecs(net).flatMap(({ name }) => (state.has(slowName(name)) ? [name] : []));
}

function blended(state: State, name: string, decay: number): tf.Tensor {
  const fast = state.get(name);
  return tf.add(fast, tf.mul(tf.sub(state.get(slowName(name)), fast), decay));
}

function logits({ net }: EngineOptions, state: State, images: Uint8Array): Float32Array {
  const [height, width, channels] = net.input;
  const imageSize = height * width * channels;
  const all = new Float32Array((images.length / imageSize) * net.classes);
  for (let from = 0; from * imageSize < images.length; from += evaluatedAtOnce) {
    const some = images.subarray(from * imageSize, (from + evaluatedAtOnce) * imageSize);
    const part = tf.tidy(() => forward(net, (name) => state.get(name), normalized(net, some)));
    all.set(part.dataSync<'float32'>(), from * net.classes);
    part.dispose();
  }
  return all;
}
