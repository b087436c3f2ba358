/**
 * All that the device check takes from this project: what is in this folder, with the sources that this file imports, checks any
 * machine that has Node and TensorFlow's addon.
 */
import { createHash } from 'node:crypto';
import { sizeOf } from '#models/size-of.ts';
import { emptyBatch, plansFrom, writeBatch } from '#training/data/batches.ts';
import type { Split } from '#training/data/dataset.ts';
import type { StepPlan } from '#training/engine/engine.ts';
import { type GpuProbe, probeGpu } from '#training/engine/gpu-probe.ts';
import type { Value } from '#training/engine/graph/builder/graph.ts';
import { compileGraph } from '#training/engine/graph/engine.ts';
import { fastestPrecision } from '#training/engine/graph/precision.ts';
import { openSession } from '#training/engine/graph/session.ts';
import { buildTrainingGraph } from '#training/engine/graph/training-graph.ts';
import { type Binding, installedAddon, loadTensorFlow } from '#training/engine/tensorflow.ts';
import { describeFacts, gpuFacts, whyNoGpu } from '#training/engine/why-no-gpu.ts';
import { initializeWeights } from '#training/nets/initialize.ts';
import type { NamedTensor } from '#training/nets/named-tensor.ts';
import { random } from '#training/random/random.ts';
import { freezableOf, groupsOf, learningRatesOf } from '#training/recipe/parameter-groups.ts';
import type { Precision } from '#training/recipe/precision.ts';
import { netOf } from '#training/recipe/recipes.ts';
import { resolveRecipe } from '#training/recipe/settings.ts';

export { UserError } from '#errors/user-error.ts';
export { openedByTensorFlow } from '#setup/cuda-libraries.fixture.ts';
export { probeGpu } from '#training/engine/gpu-probe.ts';
export type { Precision };

/** Images of 32x32 pixels that are trained on again and again. */
const IMAGES = 1_024;

/** What this machine has. */
export interface Found {
  readonly device: 'CPU' | 'GPU';
  /** One sentence: the device, or why there is no GPU. */
  readonly sentence: string;
  readonly probe: GpuProbe | undefined;
}

/** @throws {UserError} TensorFlow is not installed */
export async function findDevice(): Promise<Found> {
  const addon = installedAddon();
  if (!addon?.hasCuda) {
    const { version } = await loadTensorFlow();
    return { device: 'CPU', probe: undefined, sentence: `TensorFlow ${version}, which is built without CUDA.` };
  }
  const probe = await probeGpu(addon.file);
  const facts = await gpuFacts();
  const isGpu = probe.device === 'GPU';
  const seen = isGpu ? 'TensorFlow sees a GPU' : `TensorFlow sees no GPU: ${whyNoGpu(probe, facts)}`;
  return { device: isGpu ? 'GPU' : 'CPU', probe, sentence: `${seen} (${describeFacts(facts)})` };
}

/** What TensorFlow computes in this process, and which precision it would choose. */
export async function compute() {
  const tensorflow = await loadTensorFlow();
  const { tf, version, device, threads } = tensorflow;
  const values = Array.from({ length: 64 * 64 }, (_, index) => Math.sin(index));
  const matrix = tf.tensor2d(values, [64, 64]);
  const product = tf.matMul(matrix, matrix).dataSync();
  let expected = 0;
  for (let at = 0; at < 64; at++) expected += values[3 * 64 + at]! * values[64 * at + 5]!;
  const ones = (...shape: [number, number, number, number]) =>
    tf.tensor4d(new Float32Array(sizeOf(shape)).fill(1), shape);
  const convolved = tf.conv2d(ones(8, 32, 32, 3), ones(3, 3, 3, 16), 1, 'valid').dataSync();
  return {
    ...{ version, device, threads, fastest: fastestPrecision(tensorflow) },
    isProductRight: Math.abs(product[3 * 64 + 5]! - expected) < 0.05, // TensorFloat-32 has three digits.
    isConvolutionRight: convolved.every((value) => Math.abs(value - 27) < 0.1),
  };
}

/** A recipe's training, from fixed weights on fixed pictures. */
export interface Training {
  readonly description: string;
  readonly batchSize: number;
  /** Steps that one call of `many` may take. */
  readonly most: number;
  /** Steps, one a call. @returns the loss of each */
  oneByOne(count: number): number[];
  /** Steps in one call, on images that the engine keeps. @returns the loss of each */
  many(count: number): number[];
  readonly initial: readonly NamedTensor[];
  weights(): NamedTensor[];
  dispose(): void;
}

/** @param changes of the recipe's settings, `key=value` each */
export async function openTraining(
  recipe: string,
  precision: Precision,
  changes: readonly string[] = [],
): Promise<Training> {
  const { settings } = resolveRecipe(recipe, [...changes, `precision=${precision}`]);
  const { batchSize, labelSmoothing } = settings;
  const train = pictures();
  const net = netOf(settings);
  const groups = groupsOf(net, settings);
  const initial = initializeWeights(net, { seed: 1, images: train.images });
  const engine = await compileGraph({
    ...{ net, weights: initial, batchSize, seed: 1, labelSmoothing, groups, reduction: 'mean' },
    ...{ freezable: freezableOf(groups, settings), lookahead: settings.lookahead > 0, precision: settings.precision },
    resident: { ...train, augmentation: settings },
  });
  const plans = plansFrom(0, train, { size: batchSize, seed: 1, imageSize: net.input, augmentation: settings });
  // As at the start of a run, when every group is trained.
  const schedule = { step: 0, steps: 1_000, stepsPerEpoch: Math.floor(train.count / batchSize) };
  const learningRates = learningRatesOf(groups, settings, schedule);
  let step = 0;
  const next = (): StepPlan => ({ step: step++, learningRates, batch: plans.next().value });
  const batch = emptyBatch(train, { size: batchSize, imageSize: net.input });
  return {
    ...{ description: engine.description, batchSize, most: engine.steps!.most, initial },
    oneByOne: (count) =>
      Array.from({ length: count }, () => {
        const { batch: plan, ...options } = next();
        writeBatch(train, plan, net.input, batch);
        return engine.step(batch, options);
      }),
    many: (count) => [...engine.steps!.run(Array.from({ length: count }, next))],
    weights: () => engine.weights(),
    dispose: () => engine.dispose(),
  };
}

/**
 * Trains and evaluates once with an addon that is not this clone's, through all kinds of layers that the recipes have.
 *
 * @returns the device
 */
export function trainOnce(addon: string, precision: Precision): 'CPU' | 'GPU' {
  const loaded = { exports: {} as Binding };
  process.dlopen(loaded, addon);
  const binding = loaded.exports;
  for (const recipe of ['seed', 'quick']) {
    const { settings } = resolveRecipe(recipe, ['batchSize=32']);
    const net = netOf(settings);
    const groups = groupsOf(net, settings);
    const train = pictures();
    const weights = initializeWeights(net, { seed: 1, images: train.images });
    const options = { net, weights, batchSize: 32, seed: 1, labelSmoothing: 0.2, reduction: 'mean', groups } as const;
    const resident = { ...train, augmentation: settings };
    const device = { compileFunctions: false, precision };
    const { graph, state, inputs, steps, loop, evaluations } = buildTrainingGraph({ ...options, resident }, device);
    const session = openSession({ binding }, graph);
    session.assign(state.map((variable) => [variable, zerosFor(variable)]));
    session.assign([loop!.pixels, loop!.labels].map((variable) => [variable, zerosFor(variable)]));
    const given = [inputs.images, inputs.labels, inputs.step, ...inputs.learningRates.values()];
    session.run(
      given.map((value) => [value, zerosFor(value)]),
      [steps[0]![0]],
    );
    session.run(
      Object.values(loop!.inputs).map((value) => [
        value,
        value === loop!.inputs.count ? Int32Array.of(1) : zerosFor(value),
      ]),
      [loop!.losses[0]![0]],
    );
    for (const { images, logits } of evaluations) session.run([[images, zerosFor(images)]], [logits]);
    session.dispose();
  }
  return binding.isUsingGpuDevice() ? 'GPU' : 'CPU';
}

function zerosFor({ shape, type }: Pick<Value, 'shape' | 'type'>): Float32Array | Int32Array | Uint8Array {
  const size = sizeOf(shape);
  if (type === 'uint8') return new Uint8Array(size);
  return type === 'int32' ? new Int32Array(size) : new Float32Array(size);
}

export function digestOf(weights: readonly NamedTensor[]): string {
  const hash = createHash('sha256');
  for (const { data } of weights) hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return hash.digest('hex');
}

/** Pictures whose class shows: each has a colour of its own, under noise. */
function pictures(): Split {
  const draw = random(7);
  const labels = Uint8Array.from({ length: IMAGES }, () => draw.integer(10));
  const images = new Uint8Array(IMAGES * 3072);
  for (let at = 0; at < images.length; at++) {
    const label = labels[Math.floor(at / 3072)]!;
    images[at] = [40 + 17 * label, 190 - 13 * label, 60 + ((label * 53) % 120)][at % 3]! + draw.integer(64);
  }
  return { count: IMAGES, images, labels };
}
