import type { EngineOptions, ParameterGroup } from '../engine.ts';
import { weightSpecs } from '../nets/shapes.ts';
import { adamw } from '../optimizers/adamw.ts';
import { type Lookahead, lookahead } from '../optimizers/lookahead.ts';
import type { GraphOptimizer } from '../optimizers/optimizer.ts';
import { sgd } from '../optimizers/sgd.ts';
import { gradients } from './gradients.ts';
import { Graph, type Value, type Variable } from './graph.ts';
import { inferenceNetwork, trainingNetwork } from './network.ts';
import { mean, sum } from './operations/arithmetic.ts';
import { crossEntropy } from './operations/cross-entropy.ts';

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
  readonly inputs: { readonly images: Value; readonly labels: Value; readonly step: Value };
  readonly learningRates: ReadonlyMap<string, Value>;
  /** The mean loss of the batch, had once the weights are updated; with all groups, and without the freezable ones. */
  readonly steps: { readonly whole: Value; readonly frozen: Value | undefined };
  readonly lookahead: { readonly decay: Value; readonly done: Value } | undefined;
  readonly evaluation: { readonly images: Value; readonly logits: Value };
}

/**
 * Builds the graph that an engine runs.
 *
 * @param compileFunctions fuse elementwise work by XLA
 */
export function buildTrainingGraph(options: EngineOptions, compileFunctions: boolean): TrainingGraph {
  const { net, batchSize, seed, groups, freezable = [] } = options;
  const graph = new Graph({ compileFunctions });
  const specs = weightSpecs(net);
  const weights = specs.map(({ name, shape }) => graph.variable(name, shape));
  const byName = new Map(weights.map((variable) => [variable.name, variable]));
  const variables = (name: string) => byName.get(name) ?? graph.fail(`There is no weight ${name}.`);

  const inputs = {
    images: graph.placeholder('images', [batchSize, ...net.input], 'uint8'),
    labels: graph.placeholder('labels', [batchSize], 'uint8'),
    step: graph.placeholder('step', [], 'int32'),
  };
  const learningRates = new Map(groups.map(({ name }) => [name, graph.placeholder(`learning_rate/${name}`, [])]));
  const optimizers = new Map(groups.map((group) => [group, optimizerOf(graph, group, variables)]));

  const trained = new Set(groups.flatMap((group) => group.weights));
  const network = trainingNetwork(graph, net, inputs.images, variables, trained, { seed, step: inputs.step });
  const losses = graph.scope('loss', () => crossEntropy(graph, network.logits, inputs.labels, options.labelSmoothing));
  const [meanLoss, summedLoss] = graph.scope('loss', () => [mean(graph, losses), sum(graph, losses)]);
  const differentiated = options.reduction === 'mean' ? meanLoss : summedLoss;

  const stepOf = (name: string, trained: readonly ParameterGroup[]): Value => {
    const names = trained.flatMap((group) => group.weights);
    const slopes = gradients(
      graph,
      differentiated,
      names.map((weight) => variables(weight).value),
    );
    const byWeight = new Map(names.map((weight, index) => [weight, slopes[index]!]));
    const updates = trained.flatMap((group) => {
      const ofGroup = group.weights.map((weight) => byWeight.get(weight)!);
      return optimizers.get(group)!.update(ofGroup, learningRates.get(group.name)!);
    });
    const statistics = network.statistics.map(({ variable, next }) => graph.assign(variable, next));
    return graph.after(name, meanLoss, [...updates, ...statistics]);
  };
  const whole = stepOf('step', groups);
  const kept = groups.filter(({ name }) => !freezable.includes(name));
  const frozen = freezable.length > 0 ? stepOf('frozen_step', kept) : undefined;

  const slots = [...optimizers.values()].flatMap((optimizer) => optimizer.slots);
  const averaged = specs.filter(
    ({ name, role }) => role.startsWith('moving-') || groups.some(({ weights }) => weights.includes(name)),
  );
  const fast = averaged.map(({ name }) => variables(name));
  const ahead = options.lookahead ? lookahead(graph, fast) : undefined;

  const images = graph.placeholder('evaluated_images', [evaluatedAtOnce, ...net.input], 'uint8');
  const evaluation = {
    images,
    logits: graph.scope('evaluation', () => inferenceNetwork(graph, net, images, variables)),
  };

  return {
    graph,
    weights,
    state: [...weights, ...slots, ...(ahead?.slow ?? [])],
    slow: ahead?.slow.map((variable, index) => ({ variable, of: fast[index]! })) ?? [],
    inputs,
    learningRates,
    steps: { whole, frozen },
    lookahead: ahead && lookaheadCall(graph, ahead),
    evaluation,
  };
}

function optimizerOf(
  graph: Graph,
  { name, weights, optimizer }: ParameterGroup,
  variables: (name: string) => Variable,
): GraphOptimizer {
  const trained = weights.map(variables);
  switch (optimizer.kind) {
    case 'sgd':
      return sgd(graph, trained, optimizer);
    case 'adamw':
      return adamw(graph, name, trained, optimizer);
  }
}

function lookaheadCall(graph: Graph, { update }: Lookahead): { decay: Value; done: Value } {
  const decay = graph.placeholder('lookahead_decay', []);
  return { decay, done: graph.after('lookahead', decay, update(decay)) };
}
