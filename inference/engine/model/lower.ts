import { fuse } from './fuse.ts';
import { type ModelLayer, type ParsedModel, UnsupportedModel, type Weight } from './layers-model.ts';
import {
  type Activation,
  type Affine,
  type Extent,
  IMAGE,
  type LoweredModel,
  type Operation,
  type Padding,
  type Pooling,
  type Shape,
} from './operation.ts';

/**
 * The layers as operations of this engine: names and options of the file format are left behind here.
 *
 * @throws {UnsupportedModel} a layer, or one of its options, is not known
 */
export function lowerModel({ input: [height, width, channels], layers, output }: ParsedModel): LoweredModel {
  const input = { height, width, channels };
  const operations: Operation[] = [];
  /** What each layer gives: some compute nothing, and give what they read. */
  const values = new Map<string, Value>();
  for (const layer of layers) {
    const read = layer.inputs.map((name) => values.get(name)!);
    let value = read[0] ?? { name: IMAGE, shape: input };
    for (const lowered of lowerLayer(layer, read.length > 1 ? read.map(({ shape }) => shape) : [value.shape])) {
      operations.push({ ...lowered, inputs: read.length > 1 ? read.map(({ name }) => name) : [value.name] });
      value = { name: lowered.name, shape: lowered.output };
    }
    values.set(layer.name, value);
  }
  const { name, shape } = values.get(output)!;
  if (shape.height !== 1 || shape.width !== 1) throw new UnsupportedModel('it ends in a picture, not in logits');
  if (name !== operations.at(-1)?.name)
    throw new UnsupportedModel(`${name} gives the logits, and is not the last layer`);
  const plain = { scale: Array(channels).fill(1), shift: Array(channels).fill(0) };
  return fuse({ input, preparation: plain, operations, classes: shape.channels });
}

interface Value {
  readonly name: string;
  readonly shape: Shape;
}

/** An operation that does not know yet what it reads. */
type Lowered = Operation extends infer Each ? (Each extends Operation ? Omit<Each, 'inputs'> : never) : never;

function lowerLayer(layer: ModelLayer, shapes: readonly Shape[]): Lowered[] {
  const { kind, name, config } = layer;
  if (kind === 'Add') return [sum(layer, shapes)];
  const [shape] = shapes as [Shape];
  if (shapes.length > 1) throw new UnsupportedModel(`layer ${name} (${kind}) reads ${shapes.length} layers`);
  switch (kind) {
    case 'InputLayer':
    case 'Dropout':
      return [];
    case 'Flatten':
      // Rows of pixels of channels are one row of numbers already.
      return [];
    case 'Rescaling':
      return [
        {
          ...{ kind: 'affine', name, output: shape },
          scale: Array(shape.channels).fill(numberOf(layer, 'scale', 1)),
          shift: Array(shape.channels).fill(numberOf(layer, 'offset', 0)),
        },
      ];
    case 'BatchNormalization':
      return [{ kind: 'affine', name, output: shape, ...normalization(layer, shape) }];
    case 'Conv2D':
      return convolution(layer, shape);
    case 'MaxPooling2D':
    case 'AveragePooling2D':
      return [pooling(layer, shape)];
    case 'GlobalMaxPooling2D':
    case 'GlobalAveragePooling2D':
      return [globalPooling(layer, shape)];
    case 'Dense':
      return dense(layer, shape);
    case 'Activation':
      return activation(layer, shape);
    default:
      throw new UnsupportedModel(
        `layer ${name} is of the kind ${kind}${config.activation ? ` (${config.activation})` : ''}`,
      );
  }
}

function normalization(layer: ModelLayer, { height, width, channels }: Shape): Pick<Affine, 'scale' | 'shift'> {
  const epsilon = numberOf(layer, 'epsilon', 1e-3);
  const known = layer.weights.get('moving_mean')?.data.length ?? channels;
  // Flattened, a feature map has a mean and a variance for each of its values.
  if (known !== channels && known !== height * width * channels)
    throw unknown(layer, `${known} statistics after ${channels} channels`);
  const vector = (name: string, otherwise: number) =>
    Array.from(layer.weights.get(name)?.data ?? new Float32Array(known).fill(otherwise));
  const [gamma, beta] = [vector('gamma', 1), vector('beta', 0)];
  const [mean, variance] = [vector('moving_mean', 0), vector('moving_variance', 1)];
  const scale = gamma.map((factor, channel) => factor / Math.sqrt(variance[channel]! + epsilon));
  return { scale, shift: beta.map((offset, channel) => offset - mean[channel]! * scale[channel]!) };
}

function convolution(layer: ModelLayer, shape: Shape): Lowered[] {
  const kernel = weightOf(layer, 'kernel');
  const [rows, columns, inputs, filters] = kernel.shape as [number, number, number, number];
  const [stride, strideX] = pairOf(layer, 'strides');
  const [dilation, dilationX] = pairOf(layer, 'dilation_rate');
  if (stride !== strideX || dilation !== 1 || dilationX !== 1) throw unknown(layer, 'strides or dilation_rate');
  if (inputs !== shape.channels) throw unknown(layer, `${inputs} channels after ${shape.channels}`);
  checkChannelsLast(layer);
  const { height, width, padding } = windows(layer, shape, { height: rows, width: columns }, square(stride));
  const output = { height, width, channels: filters };
  const { isRectified, after } = activationOf(layer, output);
  const bias = biasOf(layer, filters);
  return [{ kind: 'convolution', name: layer.name, stride, padding, kernel, bias, isRectified, output }, ...after];
}

function sum(layer: ModelLayer, shapes: readonly Shape[]): Lowered {
  const [output] = shapes as [Shape];
  const { height, width, channels } = output;
  for (const shape of shapes) {
    if (shape.height !== height || shape.width !== width || shape.channels !== channels)
      throw unknown(layer, 'inputs of different shapes');
  }
  return { kind: 'sum', name: layer.name, output };
}

function pooling(layer: ModelLayer, shape: Shape): Lowered {
  checkChannelsLast(layer);
  const [rows, columns] = pairOf(layer, 'pool_size');
  const [strideY, strideX] = pairOf(layer, 'strides', [rows, columns]);
  const [size, stride] = [
    { height: rows, width: columns },
    { height: strideY, width: strideX },
  ];
  const { height, width, padding } = windows(layer, shape, size, stride);
  const output = { height, width, channels: shape.channels };
  return { kind: 'pool', name: layer.name, function: poolingFunctionOf(layer), size, stride, padding, output };
}

/** One window, as large as the feature map. */
function globalPooling(layer: ModelLayer, { height, width, channels }: Shape): Lowered {
  checkChannelsLast(layer);
  const size = { height, width };
  return {
    ...{ kind: 'pool', name: layer.name, function: poolingFunctionOf(layer), size, stride: size },
    ...{ padding: { top: 0, left: 0 }, output: { height: 1, width: 1, channels } },
  };
}

function poolingFunctionOf({ kind }: ModelLayer): Pooling['function'] {
  return kind.includes('Average') ? 'average' : 'max';
}

function dense(layer: ModelLayer, { height, width, channels }: Shape): Lowered[] {
  const kernel = weightOf(layer, 'kernel');
  const [inputs, units] = kernel.shape as [number, number];
  if (inputs !== height * width * channels) throw unknown(layer, `${inputs} inputs after ${height * width * channels}`);
  const output = { height: 1, width: 1, channels: units };
  const { isRectified, after } = activationOf(layer, output);
  return [{ kind: 'dense', name: layer.name, kernel, bias: biasOf(layer, units), isRectified, output }, ...after];
}

function activation(layer: ModelLayer, shape: Shape): Lowered[] {
  const known = functionOf(layer);
  return known === undefined ? [] : [{ kind: 'activation', name: layer.name, function: known, output: shape }];
}

/** A rectifier is part of the product before it; another function comes after it. */
function activationOf(layer: ModelLayer, output: Shape): { isRectified: boolean; after: Lowered[] } {
  const known = functionOf(layer);
  if (known === undefined || known === 'relu') return { isRectified: known === 'relu', after: [] };
  return {
    isRectified: false,
    after: [{ kind: 'activation', name: `${layer.name}/${known}`, function: known, output }],
  };
}

/** By the names of Keras and TensorFlow.js; `undefined` for none. */
function functionOf(layer: ModelLayer): Activation | undefined {
  const name = String(layer.config.activation ?? 'linear');
  const known: Record<string, Activation | undefined> = {
    ...{ relu: 'relu', gelu: 'gelu', elu: 'elu', swish: 'silu', silu: 'silu' },
  };
  if (name === 'linear') return undefined;
  if (!known[name]) throw unknown(layer, `activation ${name}`);
  return known[name];
}

/** How many windows there are, and what pads the first. TensorFlow's 'same' pads more at the end where it is uneven. */
function windows(
  layer: ModelLayer,
  { height, width }: Shape,
  size: Extent,
  stride: Extent,
): { height: number; width: number; padding: Padding } {
  const padding = layer.config.padding ?? 'valid';
  if (padding === 'valid') {
    const count = (length: number, window: number, step: number) => Math.floor((length - window) / step) + 1;
    return {
      height: count(height, size.height, stride.height),
      width: count(width, size.width, stride.width),
      padding: { top: 0, left: 0 },
    };
  }
  if (padding !== 'same') throw unknown(layer, `padding ${padding}`);
  const [outRows, outColumns] = [Math.ceil(height / stride.height), Math.ceil(width / stride.width)];
  const before = (length: number, window: number, step: number, count: number) =>
    Math.floor(Math.max(0, (count - 1) * step + window - length) / 2);
  return {
    ...{ height: outRows, width: outColumns },
    padding: {
      top: before(height, size.height, stride.height, outRows),
      left: before(width, size.width, stride.width, outColumns),
    },
  };
}

function square(size: number): Extent {
  return { height: size, width: size };
}

function checkChannelsLast(layer: ModelLayer): void {
  if ((layer.config.data_format ?? 'channels_last') !== 'channels_last') throw unknown(layer, 'data_format');
}

function weightOf(layer: ModelLayer, name: string): Weight {
  const weight = layer.weights.get(name);
  if (!weight) throw new UnsupportedModel(`layer ${layer.name} has no ${name}`);
  return weight;
}

function biasOf(layer: ModelLayer, channels: number): Float32Array {
  return layer.weights.get('bias')?.data ?? new Float32Array(channels);
}

function numberOf(layer: ModelLayer, option: string, otherwise: number): number {
  const value = layer.config[option] ?? otherwise;
  if (typeof value !== 'number') throw unknown(layer, option);
  return value;
}

function pairOf(
  layer: ModelLayer,
  option: string,
  otherwise: readonly [number, number] = [1, 1],
): readonly [number, number] {
  const value = layer.config[option] ?? otherwise;
  if (typeof value === 'number') return [value, value];
  if (!Array.isArray(value) || typeof value[0] !== 'number') throw unknown(layer, option);
  return [value[0], value[1] ?? value[0]];
}

function unknown(layer: ModelLayer, what: string): UnsupportedModel {
  return new UnsupportedModel(`layer ${layer.name} (${layer.kind}) has ${what}, which is not known here`);
}
