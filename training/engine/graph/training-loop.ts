import { numbersPerTransform } from '../../data/augment.ts';
import type { Precision } from '../../recipe/precision.ts';
import type { EngineOptions, ResidentImages } from '../engine.ts';
import type { Graph, Value, Variable } from './builder/graph.ts';
import { labelType } from './labels.ts';
import { add, cast, isLess } from './operations/arithmetic.ts';
import { gather } from './operations/gather.ts';
import { reshape, slice, stack } from './operations/shape.ts';
import { transformImages } from './operations/transform-images.ts';
import { addLookahead, addTraining, addWeights, type Steps } from './training-step.ts';

/** The most steps of a call: its inputs have room for this many plans. */
export const stepsAtOnce = 256;

/** Many steps in one call, on images that stay where the graph is computed. */
export interface TrainingLoop {
  /** `[N H W, C]` uint8: by pixel. */
  readonly pixels: Variable;
  /** `[N]` uint8, or int32 for more than 256 classes */
  readonly labels: Variable;
  readonly inputs: {
    /** `[]` int32: how many steps. */
    readonly count: Value;
    /** `[]` int32: the number of the first one. */
    readonly first: Value;
    /**
     * `[stepsAtOnce, 1 + n, B]` float32: for each step which images, and the n numbers of their transforms. As float32,
     * which is exact for whole numbers to 2²⁴, they are moved to a GPU once a call.
     */
    readonly plans: Value;
    /** `[stepsAtOnce, groups]` float32 */
    readonly learningRates: Value;
    /** `[stepsAtOnce]` float32: decays of the slow average; negative after steps without an update of it. */
    readonly lookaheads: Value;
  };
  /** `[stepsAtOnce]` float32: the mean loss of each batch, available after the last step. */
  readonly losses: readonly Steps[];
}

export function addTrainingLoop(
  graph: Graph,
  options: EngineOptions,
  precision: Precision,
  resident: ResidentImages,
): TrainingLoop {
  const { batchSize, groups, freezable = [], resolutions = [] } = options;
  return graph.scope('loop', () => {
    const inputs = {
      count: graph.placeholder('count', [], 'int32'),
      first: graph.placeholder('first', [], 'int32'),
      plans: graph.placeholder('plans', [stepsAtOnce, 1 + numbersPerTransform(resident.augmentation), batchSize]),
      learningRates: graph.placeholder('learning_rates', [stepsAtOnce, groups.length]),
      lookaheads: graph.placeholder('lookaheads', [stepsAtOnce]),
    };
    const start = graph.constant({ type: 'int32', shape: [], values: Int32Array.of(0) });
    const none = graph.constant({ type: 'float32', shape: [stepsAtOnce], values: new Float32Array(stepsAtOnce) });
    const { count, first, plans, learningRates, lookaheads } = inputs;
    const given: State = [start, none, count, first, plans, learningRates, lookaheads];
    const loop = (kind: number, resolution?: number) =>
      graph.loop(resolution === undefined ? `steps_${kind}` : `steps_${kind}_at_${resolution}`, given, {
        condition: (index, _, steps) => isLess(index.operation.graph, index, steps),
        body: (...state) => round(options, precision, resident, { kind, resolution }, state),
      })[1]!;
    const loops = (resolution?: number): Steps => [
      loop(0, resolution),
      ...freezable.map((_, set) => loop(set + 1, resolution)),
    ];
    return {
      ...residentVariables(graph, options, resident),
      inputs,
      losses: [loops(), ...resolutions.map(loops)],
    };
  });
}

function residentVariables(graph: Graph, { net }: EngineOptions, { count }: ResidentImages) {
  const [height, width, channels] = net.input;
  return {
    pixels: graph.variable('resident/pixels', [count * height * width, channels], 'uint8'),
    labels: graph.variable('resident/labels', [count], labelType(net.classes)),
  };
}

type State = readonly [
  index: Value,
  losses: Value,
  count: Value,
  first: Value,
  plans: Value,
  learningRates: Value,
  lookaheads: Value,
];

/** One step of a loop, in the graph of its body. */
function round(
  options: EngineOptions,
  precision: Precision,
  resident: ResidentImages,
  { kind, resolution }: { readonly kind: number; readonly resolution: number | undefined },
  state: State,
): State {
  const { net, groups } = options;
  const [index, losses, count, first, plans, learningRates, lookaheads] = state;
  const { graph } = index.operation;
  const { pixels, labels } = residentVariables(graph, options, resident);

  const [planned, ...numbers] = rows(graph, takeAt(graph, plans, index));
  const image = cast(graph, planned!, 'int64');
  const rates = rows(graph, takeAt(graph, learningRates, index));
  // The other resolutions have loops of their own.
  const alone = { ...options, resolutions: resolution === undefined ? [] : [resolution] };
  const { steps } = addTraining(graph, alone, precision, {
    images: transformImages(graph, {
      pixels,
      size: net.input,
      augmentation: resident.augmentation,
      image,
      numbers,
    }),
    labels: gather(graph, labels, image),
    step: add(graph, first, index),
    learningRates: new Map(groups.map(({ name }, group) => [name, rates[group]!])),
  });
  const loss = steps.at(-1)![kind]!;
  const one = graph.constant({ type: 'int32', shape: [], values: Int32Array.of(1) });
  const next = graph.after('next', add(graph, index, one), [loss.operation]);
  return [
    options.lookahead || options.average
      ? updateSlowAverage(graph, options, takeAt(graph, lookaheads, index), next)
      : next,
    setAt(graph, losses, index, loss),
    count,
    first,
    plans,
    learningRates,
    lookaheads,
  ];
}

/** @returns `next`, after the slow average and, for lookahead, the weights */
function updateSlowAverage(graph: Graph, options: EngineOptions, decay: Value, next: Value): Value {
  const isDue = isLess(graph, graph.scalar(-0.5), decay);
  return graph.when('lookahead', isDue, [next, decay], (given, by) => {
    const inner = given.operation.graph;
    const { ahead } = addLookahead(inner, options, addWeights(inner, options).variables);
    return inner.after('met', given, options.lookahead ? ahead.update(by) : ahead.follow(by));
  });
}

/** @returns the slice of `values` at an index of its first axis */
function takeAt(graph: Graph, values: Value, index: Value): Value {
  const [, ...rest] = values.shape;
  const zero = graph.constant({ type: 'int32', shape: [], values: Int32Array.of(0) });
  const begin = stack(graph, [index, ...rest.map(() => zero)]);
  return reshape(graph, slice(graph, values, begin, [1, ...rest]), rest);
}

/** The parts of a value along its first axis. */
function rows(graph: Graph, value: Value): Value[] {
  const [count = 0, ...rest] = value.shape;
  return Array.from({ length: count }, (_, row) => {
    const begin = graph.integers([row, ...rest.map(() => 0)]);
    return reshape(graph, slice(graph, value, begin, [1, ...rest]), rest);
  });
}

function setAt(graph: Graph, values: Value, index: Value, value: Value): Value {
  return graph.value({
    op: 'TensorScatterUpdate',
    inputs: [values, reshape(graph, index, [1, 1]), reshape(graph, value, [1])],
    shape: values.shape,
    attributes: { T: { type: values.type }, Tindices: { type: 'int32' } },
  });
}
