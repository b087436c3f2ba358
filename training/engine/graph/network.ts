import { sizeOf } from '#models/size-of.ts';
import type { Activation, BatchNormalization, Convolution, Dropout, Layer, Net } from '../../nets/net.ts';
import { shapesOf } from '../../nets/shapes.ts';
import { purpose, random } from '../../random/random.ts';
import type { Precision } from '../../recipe/precision.ts';
import type { EngineOptions } from '../engine.ts';
import { isStill } from '../still.ts';
import type { Graph, Value, Variable } from './builder/graph.ts';
import { fasterKernelGradient } from './kernel-gradient-form.ts';
import { elu, gelu, relu, silu } from './operations/activations.ts';
import { add, cast, multiply, toFloat } from './operations/arithmetic.ts';
import { averagePooling } from './operations/average-pooling.ts';
import { normalizeBatch, normalizeByRunningStatistics } from './operations/batch-normalization.ts';
import { convolutionOfBiased, isSmooth, type SmoothActivation } from './operations/biased-convolution.ts';
import { channelPadding } from './operations/channel-padding.ts';
import { addBias, convolution } from './operations/convolution.ts';
import { dropout } from './operations/dropout.ts';
import { globalPooling } from './operations/global-pooling.ts';
import { matmul } from './operations/matmul.ts';
import { maxPooling } from './operations/max-pooling.ts';
import { normalizeImages } from './operations/normalize-images.ts';
import { reshape, stack } from './operations/shape.ts';
import type { ConvolutionOptions } from './operations/sliding.ts';
import { processors } from './precision.ts';
import { isWinogradFaster, isWinogradFasterForward } from './winograd-choice.ts';

/** A weight or running statistic, by its name. */
type Variables = (name: string) => Variable;

interface NetworkOptions {
  /** `[N, H, W, C]` uint8 */
  readonly images: Value;
  readonly variables: Variables;
  readonly convolutions?: EngineOptions['convolutions'] | undefined;
}

interface TrainingOptions extends NetworkOptions {
  /** Type of the values between the layers; weights, running statistics and logits are float32. */
  readonly precision: Precision;
  readonly filterGradient?: EngineOptions['filterGradient'] | undefined;
  /** Names of the weights that gradients are computed for. */
  readonly trained: ReadonlySet<string>;
  /** With the step, keys dropout. */
  readonly seed: number;
  /** `[]` int32 */
  readonly step: Value;
}

interface TrainingNetwork {
  /** `[N, classes]` */
  readonly logits: Value;
  /** The running statistics after this batch. */
  readonly statistics: readonly { readonly variable: Variable; readonly next: Value }[];
}

/** The net in training: normalized by the batch's statistics, with dropout. */
export function trainingNetwork(graph: Graph, net: Net, options: TrainingOptions): TrainingNetwork {
  const { variables, trained } = options;
  const isKept = isStill(trained);
  const statistics: { variable: Variable; next: Value }[] = [];
  const logits = network(graph, net, options, {
    precision: options.precision,
    kernelGradient: options.filterGradient === 'auto' ? fasterKernelGradient(processors()) : undefined,
    winograd: options.convolutions === 'winograd' ? isWinogradFaster : undefined,
    start: frozenStart(net, trained),
    normalize(layer, value) {
      if (isKept(layer)) return normalizeByRunningStatistics(graph, value, parameters(graph, layer, variables));
      const [movingMean, movingVariance] = runningStatistics(layer, variables);
      const batch = normalizeBatch(graph, value, {
        ...parameters(graph, layer, variables),
        momentum: layer.momentum,
      });
      statistics.push({ variable: movingMean, next: batch.movingMean });
      statistics.push({ variable: movingVariance, next: batch.movingVariance });
      return batch.normalized;
    },
    dropOut(layer, value) {
      const key = random(options.seed, purpose.dropout, net.layers.indexOf(layer)).integer(2 ** 31);
      const constant = graph.constant({ type: 'int32', shape: [], values: Int32Array.of(key) });
      return dropout(graph, value, layer.rate, stack(graph, [constant, options.step]));
    },
  });
  return { logits, statistics };
}

/**
 * The net in use: normalized by the running statistics, without dropout.
 *
 * @returns `[N, classes]`
 */
export function inferenceNetwork(graph: Graph, net: Net, options: NetworkOptions): Value {
  return network(graph, net, options, {
    precision: 'float32',
    winograd: options.convolutions === 'winograd' ? isWinogradFasterForward : undefined,
    normalize: (layer, value) =>
      normalizeByRunningStatistics(graph, value, parameters(graph, layer, options.variables)),
    dropOut: (_, value) => value,
  });
}

/** What differs between training and use. */
interface Mode {
  readonly precision: Precision;
  readonly kernelGradient?: ConvolutionOptions['kernelGradient'];
  readonly winograd: ConvolutionOptions['winograd'];
  /** Layers that have a faster way to the same gradients. */
  readonly start?: FrozenStart | undefined;
  normalize(layer: BatchNormalization, value: Value): Value;
  dropOut(layer: Dropout, value: Value): Value;
}

/** A layer, the values that it reads, and the value that it makes, by name. */
interface Node {
  readonly layer: Layer;
  readonly inputs: readonly string[];
  readonly output: string;
}

/** Follows the images from layer to layer; values are known by the names of the layers that make them. */
function network(graph: Graph, net: Net, { images, variables }: NetworkOptions, mode: Mode): Value {
  const { start } = mode;
  const values = new Map<string, Value>();
  for (const { layer, inputs, output } of pooledFirst(nodesOf(net))) {
    if (start !== undefined && (layer === start.fixed || layer === start.activation)) continue; // part of `start.next`
    const [first = images, ...others] = (layer === start?.next ? [start.input] : inputs).map(
      (name) => values.get(name)!,
    );
    const value =
      start !== undefined && layer === start.next
        ? applyStart(graph, start, first, { variables, mode })
        : graph.scope(layer.name, () => applyLayer(graph, layer, [first, ...others], variables, mode));
    values.set(output, value);
  }
  return toFloat(graph, values.get(net.layers.at(-1)!.name)!);
}

function nodesOf(net: Net): Node[] {
  return shapesOf(net).map(({ layer, inputs }) => ({ layer, inputs, output: layer.name }));
}

/**
 * The same net with some layers in another order: where an activation that never falls comes before max-pooling, and nothing
 * else reads it, they change places. The largest value of a window stays the largest, and the activation and its gradient
 * pass over a quarter of the values.
 */
function pooledFirst(nodes: readonly Node[]): Node[] {
  const reordered = [...nodes];
  for (const [index, node] of nodes.entries()) {
    const { layer, inputs, output } = node;
    if (layer.kind !== 'activation' || (layer.function !== 'relu' && layer.function !== 'elu')) continue;
    const readers = readersOf(nodes, output);
    const [reader] = readers;
    if (readers.length !== 1 || reader?.layer.kind !== 'max-pooling') continue;
    reordered[index] = { ...reader, inputs, output };
    reordered[nodes.indexOf(reader)] = { ...node, inputs: [output], output: reader.output };
  }
  return reordered;
}

function readersOf(nodes: readonly Node[], name: string): Node[] {
  return nodes.filter(({ inputs }) => inputs.includes(name));
}

/** How airbench's net begins: of the first convolution nothing is trained but its bias. */
interface FrozenStart {
  /** The value that `fixed` reads. */
  readonly input: string;
  readonly fixed: Convolution;
  readonly activation: Activation;
  readonly smooth: SmoothActivation;
  readonly next: Convolution;
}

/** @returns `undefined` where a net begins otherwise, or other layers read the values in between */
function frozenStart(net: Net, trained: ReadonlySet<string>): FrozenStart | undefined {
  const nodes = nodesOf(net);
  const [input, fixed, activation, next] = nodes.map(({ layer }) => layer);
  if (fixed?.kind !== 'convolution' || activation?.kind !== 'activation' || next?.kind !== 'convolution')
    return undefined;
  const isOnlyReader = (index: number) =>
    readersOf(nodes, nodes[index - 1]!.output).every((each) => each === nodes[index]);
  if (!isOnlyReader(2) || !isOnlyReader(3)) return undefined;
  if (trained.has(`${fixed.name}/kernel`) || !trained.has(`${fixed.name}/bias`)) return undefined;
  if (!isSmooth(activation.function)) return undefined;
  return { input: input!.name, fixed, activation, smooth: activation.function, next };
}

function applyStart(
  graph: Graph,
  start: FrozenStart,
  value: Value,
  { variables, mode }: { readonly variables: Variables; readonly mode: Mode },
): Value {
  const { fixed, smooth, next } = start;
  const weight = (layer: Layer, role: string) => cast(graph, variables(`${layer.name}/${role}`).value, value.type);
  const whitened = graph.scope(fixed.name, () =>
    convolution(graph, value, weight(fixed, 'kernel'), slidingOf(fixed, mode)),
  );
  return graph.scope(next.name, () => {
    const operands = {
      fixed: whitened,
      bias: weight(fixed, 'bias'),
      activation: smooth,
      kernel: weight(next, 'kernel'),
    };
    const convolved = convolutionOfBiased(graph, { ...operands, ...slidingOf(next, mode) });
    return next.bias ? addBias(graph, convolved, weight(next, 'bias')) : convolved;
  });
}

function slidingOf({ stride = 1, padding }: Convolution, { kernelGradient, winograd }: Mode): ConvolutionOptions {
  return { stride, padding, kernelGradient, winograd };
}

function applyLayer(
  graph: Graph,
  layer: Layer,
  [value, ...others]: readonly [Value, ...Value[]],
  variables: Variables,
  mode: Mode,
): Value {
  const weight = (role: string) => cast(graph, variables(`${layer.name}/${role}`).value, value.type);
  const withBias = (product: Value, { bias }: { bias: boolean }) =>
    bias ? addBias(graph, product, weight('bias')) : product;
  switch (layer.kind) {
    case 'normalization':
      return normalizeImages(graph, value, layer, mode.precision);
    case 'convolution':
      return withBias(convolution(graph, value, weight('kernel'), slidingOf(layer, mode)), layer);
    case 'batch-normalization':
      return mode.normalize(layer, value);
    case 'activation':
      return activations[layer.function](graph, value);
    case 'max-pooling':
      return maxPooling(graph, value, layer);
    case 'average-pooling':
      return averagePooling(graph, value, layer);
    case 'global-pooling':
      return globalPooling(graph, value, layer.function);
    case 'channel-padding':
      return channelPadding(graph, value, layer);
    case 'add':
      return others.reduce((sum, other) => add(graph, sum, other), value);
    case 'dropout':
      return mode.dropOut(layer, value);
    case 'flatten': {
      const [batch = 0, ...rest] = value.shape;
      return reshape(graph, value, [batch, sizeOf(rest)]);
    }
    case 'dense':
      return withBias(matmul(graph, value, weight('kernel')), layer);
    case 'scale':
      return multiply(graph, value, layer.by);
  }
}

const activations: Readonly<Record<Activation['function'], (graph: Graph, value: Value) => Value>> = {
  relu,
  gelu,
  elu,
  silu,
};

function parameters(graph: Graph, layer: BatchNormalization, variables: Variables) {
  const [movingMean, movingVariance] = runningStatistics(layer, variables);
  const channels = movingMean.shape;
  const ones = () =>
    graph.constant({ type: 'float32', shape: channels, values: new Float32Array(sizeOf(channels)).fill(1) });
  return {
    gamma: layer.scale ? variables(`${layer.name}/gamma`).value : ones(),
    beta: variables(`${layer.name}/beta`).value,
    movingMean: movingMean.value,
    movingVariance: movingVariance.value,
    epsilon: layer.epsilon,
  };
}

function runningStatistics({ name }: BatchNormalization, variables: Variables): [Variable, Variable] {
  return [variables(`${name}/moving_mean`), variables(`${name}/moving_variance`)];
}
