import { UserError } from '#errors/user-error.ts';
import type { Batch, Engine, EngineOptions, NamedTensor, StepOptions } from '../engine.ts';
import { activeGroups, checkOptions, checkTensors } from '../engine-options.ts';
import { loadTensorFlow, type TensorFlow } from '../tensorflow.ts';
import { sizeOf, type Variable } from './graph.ts';
import { fastestPrecision, type Precision } from './precision.ts';
import { openSession, type Session } from './session.ts';
import { buildTrainingGraph, evaluatedAtOnce, type TrainingGraph } from './training-graph.ts';

/**
 * Trains a net as one TensorFlow graph: a step, with its forward pass, gradients and updates, is one call.
 *
 * @throws {InvalidNet} the net contradicts itself
 * @throws {UserError} the weights are not the net's, a group names what cannot be trained, or there is no TensorFlow
 */
export async function compileGraph(options: EngineOptions): Promise<Engine> {
  checkOptions(options);
  const tensorflow = await loadTensorFlow();
  // On a GPU XLA needs a compiler that the CUDA libraries' wheels do not bring.
  const precision = precisionOf(options, tensorflow);
  const graph = buildTrainingGraph(options, { compileFunctions: tensorflow.device === 'CPU', precision });
  const session = openSession(tensorflow, graph.graph);
  setInitialValues(options, graph, session);
  return {
    backend: 'tensorflow',
    description: `${describe(tensorflow)}, ${precision}`,
    step: (batch, stepOptions) => step(options, graph, session, batch, stepOptions),
    lookahead: (decay) => lookahead(graph, session, decay),
    logits: (images) => logits(options, graph, session, images),
    weights: () => read(session, graph.weights),
    state: () => read(session, graph.state),
    restore: (saved) => restore(session, graph.state, saved),
    dispose: () => session.dispose(),
  };
}

function precisionOf({ precision = 'float32' }: EngineOptions, tensorflow: TensorFlow): Precision {
  return precision === 'auto' ? fastestPrecision(tensorflow) : precision;
}

function setInitialValues({ weights }: EngineOptions, graph: TrainingGraph, session: Session): void {
  const initial = new Map(weights.map(({ name, data }) => [name, data]));
  for (const { variable, of } of graph.slow) initial.set(variable.name, initial.get(of.name)!);
  session.assign(
    graph.state.map((variable) => [variable, initial.get(variable.name) ?? new Float32Array(sizeOf(variable.shape))]),
  );
}

function step(
  options: EngineOptions,
  { inputs, steps }: TrainingGraph,
  session: Session,
  batch: Batch,
  stepOptions: StepOptions,
): number {
  checkBatch(options, batch);
  const active = activeGroups(options, stepOptions);
  const variant = active.length === options.groups.length ? steps.whole : steps.frozen!;
  const rates = active.map(
    ({ name }) => [inputs.learningRates.get(name)!, Float32Array.of(stepOptions.learningRates[name]!)] as const,
  );
  const [loss] = session.run(
    [
      [inputs.images, batch.images],
      [inputs.labels, batch.labels],
      [inputs.step, Int32Array.of(stepOptions.step)],
      ...rates,
    ],
    [variant],
  );
  return loss![0]!;
}

/** @throws {UserError} the batch has another size, or a label is no class of the net */
function checkBatch({ net, batchSize }: EngineOptions, { images, labels }: Batch): void {
  const [height, width, channels] = net.input;
  if (labels.length !== batchSize || images.length !== batchSize * sizeOf(net.input)) {
    throw new UserError(
      `This engine was compiled for batches of ${batchSize} images, not ${labels.length}, of ` +
        `${height}x${width}x${channels} bytes, not ${images.length} in all.`,
    );
  }
  const stray = labels.findIndex((label) => label >= net.classes);
  if (stray >= 0) {
    throw new UserError(
      `Label ${labels[stray]} of image ${stray} of a batch is no class: net ${net.name} has ${net.classes}, from 0.`,
    );
  }
}

function lookahead({ lookahead: call }: TrainingGraph, session: Session, decay: number): void {
  if (call === undefined) throw new RangeError('This engine keeps no slow average: compile it with lookahead.');
  session.run([[call.decay, Float32Array.of(decay)]], [call.done]);
}

function logits(
  { net }: EngineOptions,
  { evaluation }: TrainingGraph,
  session: Session,
  images: Uint8Array,
): Float32Array {
  const imageSize = sizeOf(net.input);
  if (images.length % imageSize !== 0) {
    throw new UserError(`${images.length} bytes are no whole number of images: net ${net.name} takes [${net.input}].`);
  }
  const count = images.length / imageSize;
  const results = new Float32Array(count * net.classes);
  const padded = new Uint8Array(evaluatedAtOnce * imageSize);
  for (let first = 0; first < count; first += evaluatedAtOnce) {
    const size = Math.min(evaluatedAtOnce, count - first);
    const given = images.subarray(first * imageSize, (first + size) * imageSize);
    if (size < evaluatedAtOnce) padded.set(given);
    const [computed] = session.run([[evaluation.images, size < evaluatedAtOnce ? padded : given]], [evaluation.logits]);
    results.set(computed!.subarray(0, size * net.classes), first * net.classes);
  }
  return results;
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
  const kernels = process.env.TF_ENABLE_ONEDNN_OPTS === '0' ? 'without oneDNN' : 'oneDNN';
  return `TensorFlow ${version}, CPU, ${threads} ${threads === 1 ? 'thread' : 'threads'}, ${kernels}`;
}
