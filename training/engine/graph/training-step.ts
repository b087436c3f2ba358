import { weightSpecs } from '../../nets/shapes.ts';
import type { ParameterGroup } from '../../recipe/optimizer.ts';
import type { Precision } from '../../recipe/precision.ts';
import type { EngineOptions } from '../engine.ts';
import { trainedNets } from '../engine-options.ts';
import { isStill, netOfBatchStatistics } from '../still.ts';
import type { Graph, Value, Variable } from './builder/graph.ts';
import { gradients } from './gradients.ts';
import { trainingNetwork } from './network.ts';
import { add, cast, divide, mean, multiply, subtract, sum } from './operations/arithmetic.ts';
import { crossEntropy } from './operations/cross-entropy.ts';
import { gather } from './operations/gather.ts';
import { reduceImages } from './operations/reduce-images.ts';
import { adamw } from './optimizers/adamw.ts';
import { type Lookahead, lookahead } from './optimizers/lookahead.ts';
import { muon } from './optimizers/muon.ts';
import type { GraphOptimizer } from './optimizers/optimizer.ts';
import { sgd } from './optimizers/sgd.ts';

/** The inputs of a step. */
export interface StepInputs {
  /** `[B, H, W, C]` uint8 */
  readonly images: Value;
  /** `[B]` uint8 */
  readonly labels: Value;
  /** `[]` int32 */
  readonly step: Value;
  /** A scalar `[]` for each group. */
  readonly learningRates: ReadonlyMap<string, Value>;
}

/**
 * The mean loss of the batch, available once the weights are updated: of a step of all groups, then of one without each of the
 * freezable sets.
 */
export type Steps = readonly [Value, ...Value[]];

/** A weight or running statistic, by its name. */
export type Variables = (name: string) => Variable;

/** The parts of training in one graph; in a function's graph the variables refer to the same ones. */
interface Training {
  readonly weights: readonly Variable[];
  readonly variables: Variables;
  /** The optimizers' slots. */
  readonly slots: readonly Variable[];
  /** By `trainedNets`. */
  readonly steps: readonly Steps[];
}

export function addTraining(graph: Graph, options: EngineOptions, precision: Precision, inputs: StepInputs): Training {
  const { weights, variables } = addWeights(graph, options);
  const optimizers = options.groups.map((group) => ({ group, optimizer: optimizerOf(graph, group, variables) }));
  const steps = trainedNets(options).map((net, index) => {
    if (index === 0) return addSteps(graph, options, precision, inputs, variables, optimizers);
    return graph.scope(`at_${net.input[0]}`, () => {
      const images = reduceImages(graph, inputs.images, net.input);
      return addSteps(graph, { ...options, net }, precision, { ...inputs, images }, variables, optimizers);
    });
  });
  return { weights, variables, slots: optimizers.flatMap(({ optimizer }) => optimizer.slots), steps };
}

export function addWeights(graph: Graph, { net }: EngineOptions): Pick<Training, 'weights' | 'variables'> {
  const weights = weightSpecs(net).map(({ name, shape }) => graph.variable(name, shape));
  const byName = new Map(weights.map((variable) => [variable.name, variable]));
  return { weights, variables: (name) => byName.get(name) ?? graph.fail(`Unknown weight ${name}.`) };
}

/** Averages the trained weights and the running statistics; does nothing without lookahead or average. */
export function addLookahead(
  graph: Graph,
  { net, groups, lookahead: isMet, average: isFollowed }: EngineOptions,
  variables: Variables,
): { readonly averaged: readonly Variable[]; readonly ahead: Lookahead } {
  const trained = new Set(groups.flatMap(({ weights }) => weights));
  const names = weightSpecs(net).flatMap(({ name, role }) =>
    role.startsWith('moving-') || trained.has(name) ? [name] : [],
  );
  const averaged = isMet || isFollowed ? names.map(variables) : [];
  return { averaged, ahead: lookahead(graph, averaged) };
}

/** The forward pass, a step that trains all groups, and one for each freezable set that leaves its groups as they are. */
function addSteps(
  graph: Graph,
  options: EngineOptions,
  precision: Precision,
  inputs: StepInputs,
  variables: Variables,
  optimizers: readonly { readonly group: ParameterGroup; readonly optimizer: GraphOptimizer }[],
): Steps {
  const { net, batchSize, seed, freezable = [], labelSmoothing, classWeights, reduction } = options;
  const { images, labels, step, learningRates } = inputs;
  // float16 has no numbers below 6e-8. An image's own gradients fit its range, their share of a mean may not.
  const isOfSum = reduction === 'sum' || precision === 'float16';
  const addPass = (active: typeof optimizers) => {
    const trained = new Set(active.flatMap(({ group }) => group.weights));
    const { logits, statistics } = trainingNetwork(graph, net, {
      ...{ images, variables, trained, seed, step },
      ...{ precision, filterGradient: options.filterGradient, convolutions: options.convolutions },
    });
    return graph.scope('loss', () => {
      const unweighted = crossEntropy(graph, logits, labels, labelSmoothing); // [B]
      const losses =
        classWeights === undefined ? unweighted : multiply(graph, unweighted, weightsOf(graph, classWeights, labels));
      return { meanLoss: mean(graph, losses), summedLoss: sum(graph, losses), statistics };
    });
  };
  const pass = addPass(optimizers);
  const asReduced = (slope: Value) => (isOfSum && reduction === 'mean' ? divide(graph, slope, batchSize) : slope);

  const addStep = (name: string, active: typeof optimizers, { meanLoss, summedLoss, statistics } = pass) => {
    const differentiated = isOfSum ? summedLoss : meanLoss;
    const values = active.map(({ group }) => group.weights.map((weight) => variables(weight).value));
    const slopes = gradients(graph, differentiated, values.flat()).map(asReduced);
    const updates = active.flatMap(({ group, optimizer }) =>
      optimizer.update(slopes.splice(0, group.weights.length), learningRates.get(group.name)!),
    );
    const observed = statistics.map(({ variable, next }) => graph.assign(variable, next));
    return graph.after(name, meanLoss, [...updates, ...observed]);
  };
  // Steps whose batch normalizations do the same share the forward pass.
  const stillOf = (active: typeof optimizers) => {
    const isKept = isStill(new Set(active.flatMap(({ group }) => group.weights)));
    return net.layers.flatMap((layer) => (layer.kind === 'batch-normalization' && isKept(layer) ? [layer.name] : []));
  };
  const still = stillOf(optimizers).length;
  return [
    addStep('step', optimizers),
    ...freezable.map((set) => {
      const active = optimizers.filter(({ group }) => !set.includes(group.name));
      if (stillOf(active).length === still) return addStep('frozen_step', active);
      return graph.scope('still', () => addStep('frozen_step', active, addPass(active)));
    }),
  ];
}

/**
 * The running statistics moved towards those of a batch at the present weights.
 *
 * @param share `[]`
 */
export function addObservation(
  graph: Graph,
  { net, groups, seed, convolutions }: EngineOptions,
  precision: Precision,
  { images, step, share }: Pick<StepInputs, 'images' | 'step'> & { readonly share: Value },
  variables: Variables,
): Value {
  const trained = new Set(groups.flatMap(({ weights }) => weights));
  const { statistics } = trainingNetwork(graph, netOfBatchStatistics(net), {
    ...{ images, variables, trained, seed, step, precision, convolutions },
    filterGradient: 'convolution', // There are none.
  });
  const moved = statistics.map(({ variable, next }) => {
    const kept = multiply(graph, variable.value, subtract(graph, 1, share));
    return graph.assign(variable, add(graph, kept, multiply(graph, next, share)));
  });
  return graph.after('observed', share, moved);
}

/** What each image counts in the loss. @returns `[B]` */
function weightsOf(graph: Graph, classWeights: readonly number[], labels: Value): Value {
  const values = Float32Array.from(classWeights);
  const table = graph.constant({ type: 'float32', shape: [values.length], values });
  return gather(graph, table, cast(graph, labels, 'int64'));
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
