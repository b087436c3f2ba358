import { variable } from '#environment/variables.ts';
import { UserError } from '#errors/user-error.ts';
import { sizeOf } from '#models/size-of.ts';
import { type ImageTransform, numbersOf, numbersPerTransform } from '../../data/augment.ts';
import { kindsOf } from '../../data/augmentation.ts';
import type { Batch } from '../../data/batch.ts';
import type { Labels } from '../../data/labels.ts';
import { checkTensors, type NamedTensor } from '../../nets/named-tensor.ts';
import type { Net } from '../../nets/net.ts';
import type { Engine, EngineOptions, ObserveOptions, StepOptions, StepPlan } from '../engine.ts';
import { activeGroups, checkAverage, checkOptions, checkSlow, trainedNet } from '../engine-options.ts';
import { loadTensorFlow, type TensorFlow } from '../tensorflow.ts';
import type { Variable } from './builder/graph.ts';
import { labelValues } from './labels.ts';
import { withMemory } from './out-of-memory.ts';
import { precisionOf } from './precision.ts';
import { openSession, type Session } from './session.ts';
import { buildTrainingGraph, type TrainingGraph } from './training-graph.ts';
import { stepsAtOnce, type TrainingLoop } from './training-loop.ts';

/**
 * Trains a net as one TensorFlow graph: a step, with its forward pass, gradients and updates, is one call.
 *
 * @throws {InvalidNet} the net contradicts itself
 * @throws {UserError} the weights do not fit the net, a group names a weight that cannot be trained, or TensorFlow is missing
 */
export async function compileGraph(options: EngineOptions): Promise<Engine> {
  checkOptions(options);
  if (options.resident) checkLabels(options.net, options.resident.labels, 'the resident ones');
  const tensorflow = await loadTensorFlow();
  const precision = precisionOf(options, tensorflow);
  // XLA is worth its compilation on a processor; on a GPU it has not been measured.
  const isOnCpu = tensorflow.device === 'CPU';
  // Other ways to a convolution were measured on processors.
  const direct = { filterGradient: 'convolution', convolutions: 'direct' } as const;
  const built = isOnCpu ? options : { ...options, ...direct };
  const graph = buildTrainingGraph(built, { compileFunctions: isOnCpu, precision });
  const session = openSession(tensorflow, graph.graph);
  withMemory(options, () => setInitialValues(options, graph, session));
  return {
    backend: 'tensorflow',
    description: `${describe(tensorflow)}, ${precision}`,
    step: (batch, stepOptions) => withMemory(options, () => step(options, graph, session, batch, stepOptions)),
    steps: graph.loop && {
      most: stepsAtOnce,
      run: (plans) => withMemory(options, () => steps(options, graph.loop!, session, plans)),
    },
    lookahead: (decay) => lookahead(options, graph, session, decay),
    average: (decay) => average(options, graph, session, decay),
    observe: (batch, observed) => withMemory(options, () => observe(options, graph, session, batch, observed)),
    logits: (images) => logits(options, graph, session, images),
    weights: () => read(session, graph.weights),
    state: () => read(session, graph.state),
    restore: (saved) => restore(session, graph.state, saved),
    dispose: () => session.dispose(),
  };
}

function setInitialValues({ net, weights, resident }: EngineOptions, graph: TrainingGraph, session: Session): void {
  const initial = new Map(weights.map(({ name, data }) => [name, data]));
  for (const { variable, of } of graph.slow) initial.set(variable.name, initial.get(of.name)!);
  session.assign(
    graph.state.map((variable) => [variable, initial.get(variable.name) ?? new Float32Array(sizeOf(variable.shape))]),
  );
  if (graph.loop && resident) {
    session.assign([
      [graph.loop.pixels, resident.images],
      [graph.loop.labels, labelValues(resident.labels, net.classes)],
    ]);
  }
}

function step(
  options: EngineOptions,
  { inputs, steps }: TrainingGraph,
  session: Session,
  batch: Batch,
  stepOptions: StepOptions,
): number {
  checkBatch(options, batch);
  const { groups, kind } = activeGroups(options, stepOptions);
  const rates = groups.map(
    ({ name }) => [inputs.learningRates.get(name)!, Float32Array.of(stepOptions.learningRates[name]!)] as const,
  );
  const [loss] = session.run(
    [
      [inputs.images, batch.images],
      [inputs.labels, labelValues(batch.labels, options.net.classes)],
      [inputs.step, Int32Array.of(stepOptions.step)],
      ...rates,
    ],
    [steps[trainedNet(options, stepOptions)]![kind]!],
  );
  return loss![0]!;
}

/** @throws {RangeError} the steps are not consecutive or not alike, or use images that are not resident */
function steps(
  options: EngineOptions,
  { inputs, losses }: TrainingLoop,
  session: Session,
  plans: readonly StepPlan[],
): Float32Array {
  checkPlans(options, plans);
  const { batchSize, groups, resident } = options;
  const { augmentation } = resident!;
  const rows = 1 + numbersPerTransform(augmentation);
  const planned = new Float32Array(stepsAtOnce * rows * batchSize); //      [stepsAtOnce, rows, B]
  const learningRates = new Float32Array(stepsAtOnce * groups.length); // [stepsAtOnce, groups]
  const lookaheads = new Float32Array(stepsAtOnce).fill(-1);
  for (const [index, plan] of plans.entries()) {
    const at = rows * index * batchSize;
    planned.set(plan.batch.images, at);
    for (const [image, transform] of plan.batch.transforms.entries()) {
      for (const [number, value] of numbersOf(transform, augmentation.translate).entries()) {
        planned[at + (1 + number) * batchSize + image] = value;
      }
    }
    learningRates.set(
      groups.map(({ name }) => plan.learningRates[name] ?? 0),
      index * groups.length,
    );
    lookaheads[index] = plan.lookahead ?? plan.average ?? -1;
  }
  const [computed] = session.run(
    [
      [inputs.count, Int32Array.of(plans.length)],
      [inputs.first, Int32Array.of(plans[0]!.step)],
      [inputs.plans, planned],
      [inputs.learningRates, learningRates],
      [inputs.lookaheads, lookaheads],
    ],
    [losses[trainedNet(options, plans[0]!)]![activeGroups(options, plans[0]!).kind]!],
  );
  return computed!.subarray(0, plans.length);
}

function checkPlans(options: EngineOptions, plans: readonly StepPlan[]): void {
  const { batchSize, resident } = options;
  const [start] = plans;
  if (start === undefined || plans.length > stepsAtOnce) {
    throw new RangeError(`A call takes 1 to ${stepsAtOnce} steps, not ${plans.length}.`);
  }
  const { kind } = activeGroups(options, start);
  for (const [index, { step, learningRates, resolution, batch }] of plans.entries()) {
    const { images, transforms } = batch;
    if (step !== start.step + index) throw new RangeError(`Step ${step} does not follow ${start.step + index - 1}.`);
    if (activeGroups(options, { step, learningRates }).kind !== kind) {
      throw new RangeError(`Step ${step} trains other groups than step ${start.step}: run it in another call.`);
    }
    if (resolution !== start.resolution) {
      throw new RangeError(`Step ${step} has images of another size than step ${start.step}: run it in another call.`);
    }
    if (images.length !== batchSize || transforms.length !== batchSize) {
      throw new RangeError(`This engine was compiled for batches of ${batchSize} images, not ${images.length}.`);
    }
    const stray = images.find((image) => !(image >= 0 && image < resident!.count));
    if (stray !== undefined)
      throw new RangeError(`There are ${resident!.count} resident images, and none is ${stray}.`);
    const { augmentation } = resident!;
    const most = augmentation.translate;
    const wide = transforms.find(({ down, right }) => Math.max(Math.abs(down), Math.abs(right)) > most);
    if (wide) {
      throw new RangeError(
        `A transform moves an image by ${wide.down}, ${wide.right} pixels; the largest compiled is ${most}.`,
      );
    }
    const { isResampled, isRecolored, isCut } = kindsOf(augmentation);
    const isOther = ({ resampling, recoloring, hole }: ImageTransform) =>
      (resampling !== undefined) !== isResampled ||
      (recoloring !== undefined) !== isRecolored ||
      (hole !== undefined) !== isCut;
    if (transforms.some(isOther)) throw new RangeError('A transform is of another augmentation than the compiled one.');
  }
}

/** @throws {UserError} the batch has another size, or a label is not a class of the net */
function checkBatch({ net, batchSize }: EngineOptions, { images, labels }: Batch): void {
  const [height, width, channels] = net.input;
  if (labels.length !== batchSize || images.length !== batchSize * sizeOf(net.input)) {
    throw new UserError(
      `This engine was compiled for batches of ${batchSize} images, not ${labels.length}, of ` +
        `${height}x${width}x${channels} bytes, not ${images.length} in all.`,
    );
  }
  checkLabels(net, labels, 'a batch');
}

/** @throws {UserError} a label is not a class of the net */
function checkLabels({ name, classes }: Net, labels: Labels, what: string): void {
  const stray = labels.findIndex((label) => label >= classes);
  if (stray < 0) return;
  throw new UserError(
    `Label ${labels[stray]} of image ${stray} of ${what} is not a class: net ${name} has ${classes}, from 0.`,
  );
}

function lookahead(options: EngineOptions, { lookahead: call }: TrainingGraph, session: Session, decay: number): void {
  checkSlow(options);
  session.run([[call!.decay, Float32Array.of(decay)]], [call!.done]);
}

function average(options: EngineOptions, { average: call }: TrainingGraph, session: Session, decay: number): void {
  checkAverage(options);
  session.run([[call!.decay, Float32Array.of(decay)]], [call!.done]);
}

function observe(
  options: EngineOptions,
  { inputs, observation }: TrainingGraph,
  session: Session,
  batch: Batch,
  { step, share }: ObserveOptions,
): void {
  checkAverage(options);
  checkBatch(options, batch);
  session.run(
    [
      [inputs.images, batch.images],
      [inputs.step, Int32Array.of(step)],
      [observation!.share, Float32Array.of(share)],
    ],
    [observation!.done],
  );
}

function logits(
  { net }: EngineOptions,
  { evaluations }: TrainingGraph,
  session: Session,
  images: Uint8Array,
): Float32Array {
  const imageSize = sizeOf(net.input);
  if (images.length % imageSize !== 0) {
    throw new UserError(
      `${images.length} bytes are not a whole number of images: net ${net.name} takes [${net.input}].`,
    );
  }
  const count = images.length / imageSize;
  const results = new Float32Array(count * net.classes);
  const smallest = evaluations.at(-1)!;
  for (let first = 0; first < count; ) {
    const { size, images: input, logits: output } = evaluations.find(({ size }) => size <= count - first) ?? smallest;
    const given = images.subarray(first * imageSize, (first + size) * imageSize);
    const [computed] = session.run([[input, padded(given, size * imageSize)]], [output]);
    const kept = Math.min(size, count - first);
    results.set(computed!.subarray(0, kept * net.classes), first * net.classes);
    first += kept;
  }
  return results;
}

function padded(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.length === length) return bytes;
  const longer = new Uint8Array(length);
  longer.set(bytes);
  return longer;
}

function read(session: Session, variables: readonly Variable[]): NamedTensor[] {
  const values = session.run(
    [],
    variables.map(({ value }) => value),
  );
  return variables.map(({ name, shape }, index) => ({ name, shape, data: values[index]! }));
}

function restore(session: Session, variables: readonly Variable[], saved: readonly NamedTensor[]): void {
  checkTensors('The saved tensors', saved, new Map(variables.map(({ name, shape }) => [name, shape])));
  const data = new Map(saved.map((tensor) => [tensor.name, tensor.data]));
  session.assign(variables.map((variable) => [variable, data.get(variable.name)!]));
}

function describe({ version, device, threads }: TensorFlow): string {
  if (device === 'GPU') return `TensorFlow ${version}, GPU`;
  const kernels = process.env[variable.oneDnn] === '0' ? 'without oneDNN' : 'oneDNN';
  return `TensorFlow ${version}, CPU, ${threads} ${threads === 1 ? 'thread' : 'threads'}, ${kernels}`;
}
