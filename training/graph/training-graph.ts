import type { EngineOptions, ParameterGroup } from '../engine.ts';
import type { Net } from '../nets/net.ts';
import { weightSpecs } from '../nets/shapes.ts';
import { adamw } from '../optimizers/adamw.ts';
import { type Lookahead, lookahead } from '../optimizers/lookahead.ts';
import { muon } from '../optimizers/muon.ts';
import type { GraphOptimizer } from '../optimizers/optimizer.ts';
import { sgd } from '../optimizers/sgd.ts';
import { gradients } from './gradients.ts';
import { Graph, type Value, type Variable } from './graph.ts';
import { inferenceNetwork, trainingNetwork } from './network.ts';
import { mean, sum } from './operations/arithmetic.ts';
import { crossEntropy } from './operations/cross-entropy.ts';
import type { Precision } from './precision.ts';

/** Images a call when the net is evaluated; what is left over is padded to it, so that one shape is compiled. */
export const evaluatedAtOnce = 250;

/** A graph, and what is fed to it and fetched from it. */
export interface TrainingGraph {
  readonly graph: Graph;
  readonly weights: readonly Variable[];
  /** The weights and all that the optimizers remember. */
  readonly state: readonly Variable[];
  /** The slow averages, each with what it is the average of; none without lookahead. */
  readonly slow: readonly { readonly variable: Variable; readonly of: Variable }[];
  readonly inputs: {
    readonly images: Value;
    readonly labels: Value;
    readonly step: Value;
    /** By group. */
    readonly learningRates: ReadonlyMap<string, Value>;
  };
  /** The mean loss of the batch, had once the weights are updated; with all groups, and without the freezable ones. */
  readonly steps: { readonly whole: Value; readonly frozen: Value | undefined };
  readonly lookahead: { readonly decay: Value; readonly done: Value } | undefined;
  readonly evaluation: { readonly images: Value; readonly logits: Value };
}

interface DeviceOptions {
  readonly compileFunctions: boolean;
  readonly precision: Precision;
}

type Inputs = TrainingGraph['inputs'];
type Variables = (name: string) => Variable;

/**
 * Builds the graph that an engine runs.
 *
 * @param device.compileFunctions fuse elementwise work by XLA
 */
export function buildTrainingGraph(options: EngineOptions, device: DeviceOptions): TrainingGraph {
  const { net, batchSize, groups } = options;
  const graph = new Graph(device);
  const weights = weightSpecs(net).map(({ name, shape }) => graph.variable(name, shape));
  const byName = new Map(weights.map((variable) => [variable.name, variable]));
  const variables = (name: string) => byName.get(name) ?? graph.fail(`There is no weight ${name}.`);

  const inputs: Inputs = {
    images: graph.placeholder('images', [batchSize, ...net.input], 'uint8'),
    labels: graph.placeholder('labels', [batchSize], 'uint8'),
    step: graph.placeholder('step', [], 'int32'),
    learningRates: new Map(groups.map(({ name }) => [name, graph.placeholder(`learning_rate/${name}`, [])])),
  };
  const optimizers = groups.map((group) => ({ group, optimizer: optimizerOf(graph, group, variables) }));
  const steps = addSteps(graph, options, device.precision, inputs, variables, optimizers);
  const fast = options.lookahead ? averaged(options).map(variables) : [];
  const ahead = lookahead(graph, fast);
  const slots = optimizers.flatMap(({ optimizer }) => optimizer.slots);

  return {
    graph,
    weights,
    state: [...weights, ...slots, ...ahead.slow],
    slow: ahead.slow.map((variable, index) => ({ variable, of: fast[index]! })),
    inputs,
    steps,
    lookahead: options.lookahead ? lookaheadCall(graph, ahead) : undefined,
    evaluation: addEvaluation(graph, net, variables),
  };
}

/** The forward pass, and a step that trains all groups and one that leaves the freezable ones as they are. */
function addSteps(
  graph: Graph,
  options: EngineOptions,
  precision: Precision,
  inputs: Inputs,
  variables: Variables,
  optimizers: readonly { readonly group: ParameterGroup; readonly optimizer: GraphOptimizer }[],
): TrainingGraph['steps'] {
  const { net, seed, groups, freezable = [], labelSmoothing, reduction } = options;
  const { images, labels, step, learningRates } = inputs;
  const trained = new Set(groups.flatMap(({ weights }) => weights));
  const { logits, statistics } = trainingNetwork(graph, net, {
    ...{ images, variables, trained, seed, step },
    precision,
  });
  const [meanLoss, summedLoss] = graph.scope('loss', () => {
    const losses = crossEntropy(graph, logits, labels, labelSmoothing); // [B]
    return [mean(graph, losses), sum(graph, losses)];
  });
  const differentiated = reduction === 'mean' ? meanLoss : summedLoss;

  const addStep = (name: string, active: typeof optimizers) => {
    const values = active.map(({ group }) => group.weights.map((weight) => variables(weight).value));
    const slopes = gradients(graph, differentiated, values.flat());
    const updates = active.flatMap(({ group, optimizer }) =>
      optimizer.update(slopes.splice(0, group.weights.length), learningRates.get(group.name)!),
    );
    const observed = statistics.map(({ variable, next }) => graph.assign(variable, next));
    return graph.after(name, meanLoss, [...updates, ...observed]);
  };
  const unfrozen = optimizers.filter(({ group }) => !freezable.includes(group.name));
  return {
    whole: addStep('step', optimizers),
    frozen: freezable.length > 0 ? addStep('frozen_step', unfrozen) : undefined,
  };
}

/** What lookahead averages: what is trained, and the running statistics. */
function averaged({ net, groups }: EngineOptions): string[] {
  const trained = new Set(groups.flatMap(({ weights }) => weights));
  return weightSpecs(net).flatMap(({ name, role }) => (role.startsWith('moving-') || trained.has(name) ? [name] : []));
}

function addEvaluation(graph: Graph, net: Net, variables: Variables): TrainingGraph['evaluation'] {
  const images = graph.placeholder('evaluated_images', [evaluatedAtOnce, ...net.input], 'uint8');
  return { images, logits: graph.scope('evaluation', () => inferenceNetwork(graph, net, { images, variables })) };
}

function optimizerOf(graph: Graph, { name, weights, optimizer }: ParameterGroup, variables: Variables): GraphOptimizer {
  const trained = weights.map(variables);
  switch (optimizer.kind) {
    case 'sgd':
      return sgd(graph, trained, optimizer);
    case 'adamw':
      return adamw(graph, name, trained, optimizer);
    case 'muon':
      return muon(graph, trained, optimizer);
  }
}

function lookaheadCall(graph: Graph, { update }: Lookahead): { decay: Value; done: Value } {
  const decay = graph.placeholder('lookahead_decay', []);
  return { decay, done: graph.after('lookahead', decay, update(decay)) };
}
