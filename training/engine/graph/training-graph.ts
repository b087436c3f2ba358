import type { Precision } from '../../recipe/precision.ts';
import type { EngineOptions } from '../engine.ts';
import { Graph, type Value, type Variable } from './builder/graph.ts';
import { labelType } from './labels.ts';
import { inferenceNetwork } from './network.ts';
import type { Lookahead } from './optimizers/lookahead.ts';
import { addTrainingLoop, type TrainingLoop } from './training-loop.ts';
import {
  addLookahead,
  addObservation,
  addTraining,
  type StepInputs,
  type Steps,
  type Variables,
} from './training-step.ts';

/**
 * Images of an evaluation call. What is left is padded to the smaller size, so that two shapes are compiled. It is that of the
 * occlusions of an image.
 */
const evaluationSizes = [250, 50];

/** A graph with its inputs and outputs. */
export interface TrainingGraph {
  readonly graph: Graph;
  readonly weights: readonly Variable[];
  /** The weights, the optimizers' slots and the slow averages. */
  readonly state: readonly Variable[];
  /** The slow averages, each with the variable that it averages; none without lookahead. */
  readonly slow: readonly { readonly variable: Variable; readonly of: Variable }[];
  readonly inputs: StepInputs;
  /** By `trainedNets`. */
  readonly steps: readonly Steps[];
  /** Present where a slow average is kept. */
  readonly lookahead: { readonly decay: Value; readonly done: Value } | undefined;
  /** Present where weights are averaged. */
  readonly average: { readonly decay: Value; readonly done: Value } | undefined;
  readonly observation: { readonly share: Value; readonly done: Value } | undefined;
  /** Many steps a call, where the training images are resident. */
  readonly loop: TrainingLoop | undefined;
  /** For several numbers of images, the largest first. */
  readonly evaluations: readonly Evaluation[];
}

export interface Evaluation {
  readonly size: number;
  readonly images: Value;
  readonly logits: Value;
}

interface DeviceOptions {
  readonly compileFunctions: boolean;
  readonly precision: Precision;
}

/**
 * Builds the graph that an engine runs.
 *
 * @param device.compileFunctions fuse elementwise work by XLA
 */
export function buildTrainingGraph(options: EngineOptions, device: DeviceOptions): TrainingGraph {
  const { net, batchSize, groups, resident } = options;
  const graph = new Graph(device);
  const inputs: StepInputs = {
    images: graph.placeholder('images', [batchSize, ...net.input], 'uint8'),
    labels: graph.placeholder('labels', [batchSize], labelType(net.classes)),
    step: graph.placeholder('step', [], 'int32'),
    learningRates: new Map(groups.map(({ name }) => [name, graph.placeholder(`learning_rate/${name}`, [])])),
  };
  const { weights, variables, slots, steps } = addTraining(graph, options, device.precision, inputs);
  const { averaged, ahead } = addLookahead(graph, options, variables);

  return {
    graph,
    weights,
    state: [...weights, ...slots, ...ahead.slow],
    slow: ahead.slow.map((variable, index) => ({ variable, of: averaged[index]! })),
    inputs,
    steps,
    lookahead: options.lookahead || options.average ? slowCall(graph, 'lookahead', ahead.update) : undefined,
    average: options.average ? slowCall(graph, 'average', ahead.follow) : undefined,
    observation: options.average ? addObservationCall(graph, options, device.precision, inputs, variables) : undefined,
    loop: resident && addTrainingLoop(graph, options, device.precision, resident),
    evaluations: evaluationSizes.map((size) => addEvaluation(graph, options, variables, size)),
  };
}

function addEvaluation(
  graph: Graph,
  { net, convolutions }: EngineOptions,
  variables: Variables,
  size: number,
): Evaluation {
  const images = graph.placeholder(`evaluated_images_${size}`, [size, ...net.input], 'uint8');
  const logits = graph.scope(`evaluation_${size}`, () =>
    inferenceNetwork(graph, net, { images, variables, convolutions }),
  );
  return { size, images, logits };
}

function slowCall(graph: Graph, name: string, update: Lookahead['update']): { decay: Value; done: Value } {
  const decay = graph.placeholder(`${name}_decay`, []);
  return { decay, done: graph.after(name, decay, update(decay)) };
}

function addObservationCall(
  graph: Graph,
  options: EngineOptions,
  precision: Precision,
  inputs: StepInputs,
  variables: Variables,
): TrainingGraph['observation'] {
  const share = graph.placeholder('observed_share', []);
  const done = graph.scope('observation', () =>
    addObservation(graph, options, precision, { ...inputs, share }, variables),
  );
  return { share, done };
}
