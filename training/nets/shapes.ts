import { UserError } from '#errors/user-error.ts';
import { sizeOf } from '#models/size-of.ts';
import type { Layer, Net } from './net.ts';

/** Without the batch: `[H, W, C]` of an image or feature map, `[units]` of a vector. */
export type Shape = readonly number[];

/** One layer of a checked net, with what flows into it and out of it. */
export interface ShapedLayer {
  readonly layer: Layer;
  /** Names of the layers that it reads; none for the first layer, which reads the images. */
  readonly inputs: readonly string[];
  /** Shape of each input; they are all the same. */
  readonly input: Shape;
  readonly output: Shape;
}

/** One weight or running statistic of a net. */
export interface WeightSpec {
  /** `<layer>/<role>`, as in Keras: `conv1/kernel`, `norm1/moving_variance`. */
  readonly name: string;
  readonly shape: Shape;
  readonly role: 'kernel' | 'bias' | 'gamma' | 'beta' | 'moving-mean' | 'moving-variance';
  /** The layer's name. */
  readonly layer: string;
  /** False for running statistics and whitening kernels. */
  readonly trainable: boolean;
}

/** A net's description contradicts itself; the message names the layer and the numbers. */
export class InvalidNet extends UserError {
  override readonly name = 'InvalidNet';
  /** The invalid layer; absent where the net as a whole is invalid. */
  readonly layer: string | undefined;

  constructor(net: Net, layer: string | undefined, reason: string) {
    super(layer === undefined ? `Net ${net.name}: ${reason}` : `Net ${net.name}, layer ${layer}: ${reason}`);
    this.layer = layer;
  }
}

/**
 * Checks a net's description and follows an image through it.
 *
 * @returns every layer, in order
 * @throws {InvalidNet} the first contradiction, named by its layer and its numbers
 */
export function shapesOf(net: Net): readonly ShapedLayer[] {
  checkNet(net);
  const shaped = follow(net);
  const { layer: last, output } = shaped.at(-1)!;
  if (output.length !== 1 || output[0] !== net.classes) {
    throw new InvalidNet(
      net,
      last.name,
      `returns ${show(output)} for an image; the last layer must return [${net.classes}], one logit per class.`,
    );
  }
  const read = new Set(shaped.flatMap(({ inputs }) => inputs));
  const dead = shaped.find(({ layer }) => layer !== last && !read.has(layer.name))?.layer.name;
  if (dead !== undefined) throw new InvalidNet(net, dead, 'no layer reads its output; remove it or connect it.');
  return shaped;
}

/** Follows an image through layers, wherever they end. @throws {InvalidNet} a layer does not fit what it is given */
function follow(net: Net): readonly ShapedLayer[] {
  const shaped = new Map<string, ShapedLayer>();
  for (const [index, layer] of net.layers.entries()) {
    const invalid = (reason: string) => new InvalidNet(net, layer.name, reason);
    const inputs = inputsOf(net, index, invalid);
    const input = commonShape(inputs, shaped, invalid) ?? net.input;
    shaped.set(layer.name, { layer, inputs, input, output: outputOf(layer, input, invalid, index) });
  }
  return [...shaped.values()];
}

/**
 * A net for the same images, reduced to another size: with the same weights, since a kernel slides over feature maps of any size.
 * A pooling over the whole feature map stays one.
 *
 * @param side height and width of the reduced images
 * @throws {InvalidNet} the images are not square, a window no longer fits, or a weight would have another shape
 */
export function resizedNet(net: Net, side: number): Net {
  const [height, width, channels] = net.input;
  if (height !== width) throw new InvalidNet(net, undefined, `images of ${height}x${width} are not square.`);
  const layers: Layer[] = [];
  const resized: Net = { ...net, input: [side, side, channels], layers };
  for (const { layer, inputs, input } of shapesOf(net)) {
    const isPooling = layer.kind === 'max-pooling' || layer.kind === 'average-pooling';
    if (isPooling && layer.size === input[0] && layer.size === input[1]) {
      const before = follow(resized).find((each) => each.layer.name === inputs[0])!;
      layers.push({ ...layer, size: before.output[0]! });
    } else layers.push(layer);
  }
  const shapes = new Map(weightSpecs(net).map(({ name, shape }) => [name, shape]));
  const other = weightSpecs(resized).find(({ name, shape }) => shape.join() !== shapes.get(name)!.join());
  if (other === undefined) return resized;
  throw new InvalidNet(
    net,
    other.layer,
    `has a weight for each pixel of its input, so that images of ${side}x${side} do not fit it.`,
  );
}

/** The names of the layers that a layer reads. @throws {InvalidNet} one is unknown or comes later, or their number is wrong */
function inputsOf(net: Net, index: number, invalid: (reason: string) => InvalidNet): readonly string[] {
  const { kind, inputs } = net.layers[index]!;
  if (index === 0) {
    if (inputs !== undefined) throw invalid('reads the images; the first layer takes no inputs.');
    return [];
  }
  if (inputs === undefined) return [net.layers[index - 1]!.name];
  const earlier = net.layers.slice(0, index).map(({ name }) => name);
  const unknown = inputs.find((name) => !earlier.includes(name));
  if (unknown !== undefined)
    throw invalid(`reads ${JSON.stringify(unknown)}, which is not the name of a layer before it.`);
  if (kind === 'add' ? inputs.length < 2 : inputs.length !== 1) {
    throw invalid(`reads ${inputs.length} layers; it must read ${kind === 'add' ? 'two or more' : 'one'}.`);
  }
  return inputs;
}

/** @returns `undefined` without inputs @throws {InvalidNet} two inputs have different shapes */
function commonShape(
  inputs: readonly string[],
  shaped: ReadonlyMap<string, ShapedLayer>,
  invalid: (reason: string) => InvalidNet,
): Shape | undefined {
  const [first, ...rest] = inputs;
  if (first === undefined) return undefined;
  const { output } = shaped.get(first)!;
  const other = rest.find((name) => shaped.get(name)!.output.join() !== output.join());
  if (other !== undefined) {
    throw invalid(
      `adds ${first} ${show(output)} and ${other} ${show(shaped.get(other)!.output)}; their shapes must be equal.`,
    );
  }
  return output;
}

/**
 * Every weight and running statistic of a net, in the order of its layers.
 *
 * @throws {InvalidNet} as `shapesOf`
 */
export function weightSpecs(net: Net): readonly WeightSpec[] {
  return shapesOf(net).flatMap(weightsOfLayer);
}

function weightsOfLayer({ layer, input }: ShapedLayer): WeightSpec[] {
  const spec = (role: WeightSpec['role'], shape: Shape, trainable = true): WeightSpec => ({
    name: `${layer.name}/${role.replace('-', '_')}`,
    shape,
    role,
    layer: layer.name,
    trainable,
  });
  const channels = input.at(-1) ?? 0;
  switch (layer.kind) {
    case 'convolution': {
      const shape = [layer.kernel, layer.kernel, channels, layer.filters];
      const kernel = spec('kernel', shape, layer.init !== 'whitening');
      return layer.bias ? [kernel, spec('bias', [layer.filters])] : [kernel];
    }
    case 'dense': {
      const kernel = spec('kernel', [channels, layer.units]);
      return layer.bias ? [kernel, spec('bias', [layer.units])] : [kernel];
    }
    case 'batch-normalization':
      return [
        ...(layer.scale ? [spec('gamma', [channels])] : []),
        spec('beta', [channels]),
        spec('moving-mean', [channels], false),
        spec('moving-variance', [channels], false),
      ];
    default:
      return [];
  }
}

function checkNet(net: Net): void {
  const [height, width, channels] = net.input;
  if (net.input.length !== 3 || ![height, width, channels].every(isCount)) {
    throw new InvalidNet(
      net,
      undefined,
      `input is ${show(net.input)}; it must be [height, width, channels], each 1 or more.`,
    );
  }
  if (!isCount(net.classes) || net.classes < 2 || net.classes > 65_536) {
    throw new InvalidNet(net, undefined, `classes is ${net.classes}; it must be a whole number from 2 to 65536.`);
  }
  if (net.layers[0]?.kind !== 'normalization') {
    throw new InvalidNet(
      net,
      net.layers[0]?.name,
      'the first layer must be of kind normalization: images come as 0–255.',
    );
  }
  const names = new Set<string>();
  for (const { name } of net.layers) {
    if (!/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(name)) {
      throw new InvalidNet(net, JSON.stringify(name), 'a name is made of letters, digits, "_", "." and "-".');
    }
    if (names.has(name)) throw new InvalidNet(net, name, 'two layers have this name; names must be unique.');
    names.add(name);
  }
}

function outputOf(layer: Layer, input: Shape, invalid: (reason: string) => InvalidNet, index: number): Shape {
  /** Height, width and channels of the input. */
  const featureMap = (): [number, number, number] => {
    const [height, width, channels] = input;
    if (height === undefined || width === undefined || channels === undefined) {
      throw invalid(
        `takes a feature map [H, W, C] but is given ${show(input)}; it must come before the flatten layer.`,
      );
    }
    return [height, width, channels];
  };
  const count = (what: string, value: number) => {
    if (!isCount(value)) throw invalid(`${what} is ${value}; it must be a whole number, 1 or more.`);
  };
  /** A window slid over height and width. */
  const slide = (what: string, window: number, stride: number, padding: 'same' | 'valid') => {
    const [height, width] = featureMap();
    if (padding === 'same') return [Math.ceil(height / stride), Math.ceil(width / stride)] as const;
    if (window > height || window > width) {
      throw invalid(
        `${what} is ${window}, more than the ${height}x${width} that it is given; make it smaller or pad it "same".`,
      );
    }
    return [Math.floor((height - window) / stride) + 1, Math.floor((width - window) / stride) + 1] as const;
  };

  switch (layer.kind) {
    case 'normalization': {
      if (index !== 0) throw invalid('a normalization is the first layer and no other.');
      const [, , channels] = featureMap();
      for (const [what, values] of [['mean', layer.mean] as const, ['deviation', layer.deviation] as const]) {
        if (values.length !== channels) throw invalid(`${what} has ${values.length} values for ${channels} channels.`);
        if (!values.every(Number.isFinite)) throw invalid(`${what} is ${show(values)}; each value must be a number.`);
      }
      if (layer.deviation.some((value) => value <= 0)) {
        throw invalid(`deviation is ${show(layer.deviation)}; each value must be more than 0.`);
      }
      return input;
    }
    case 'convolution': {
      const [, , channels] = featureMap();
      count('filters', layer.filters);
      count('kernel', layer.kernel);
      count('stride', layer.stride ?? 1);
      if (layer.kernel > 1 && layer.stride !== undefined && layer.stride > layer.kernel) {
        // XNNPACK, in the WebAssembly backend, returns zeros for such a layer.
        throw invalid(`stride is ${layer.stride}, more than the kernel's ${layer.kernel}; it would skip pixels.`);
      }
      if (layer.init === 'whitening') {
        const most = 2 * layer.kernel ** 2 * channels;
        if (index !== 1) throw invalid('whitens images, so it must come right after the normalization.');
        if (layer.filters % 2 !== 0 || layer.filters > most) {
          throw invalid(
            `filters is ${layer.filters}; whitening makes an even number of them, at most ${most} ` +
              `(two for each of the ${layer.kernel}x${layer.kernel}x${channels} values of a patch).`,
          );
        }
      }
      return [...slide('kernel', layer.kernel, layer.stride ?? 1, layer.padding), layer.filters];
    }
    case 'batch-normalization':
      featureMap();
      if (!(layer.momentum >= 0 && layer.momentum < 1)) {
        throw invalid(`momentum is ${layer.momentum}; it must be at least 0 and less than 1.`);
      }
      if (!(layer.epsilon > 0 && layer.epsilon < 1)) {
        throw invalid(`epsilon is ${layer.epsilon}; it must be more than 0 and less than 1.`);
      }
      return input;
    case 'max-pooling':
    case 'average-pooling': {
      const [, , channels] = featureMap();
      count('size', layer.size);
      count('stride', layer.stride ?? layer.size);
      return [...slide('size', layer.size, layer.stride ?? layer.size, layer.padding), channels];
    }
    case 'global-pooling':
      return [featureMap()[2]];
    case 'channel-padding': {
      const [height, width, channels] = featureMap();
      count('filters', layer.filters);
      count('stride', layer.stride);
      if (layer.filters < channels) {
        throw invalid(`filters is ${layer.filters}, less than the ${channels} channels that it is given.`);
      }
      return [Math.ceil(height / layer.stride), Math.ceil(width / layer.stride), layer.filters];
    }
    case 'add':
      return input;
    case 'activation':
      return input;
    case 'dropout':
      if (!(layer.rate >= 0 && layer.rate < 1)) {
        throw invalid(`rate is ${layer.rate}; it must be at least 0 and less than 1.`);
      }
      return input;
    case 'flatten':
      return [sizeOf(featureMap())];
    case 'dense':
      if (input.length !== 1)
        throw invalid(`takes a vector but is given ${show(input)}; put a flatten layer before it.`);
      count('units', layer.units);
      return [layer.units];
    case 'scale':
      if (!Number.isFinite(layer.by) || layer.by === 0)
        throw invalid(`by is ${layer.by}; it must be a number other than 0.`);
      return input;
  }
}

function isCount(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 1;
}

function show(shape: readonly unknown[]): string {
  return `[${shape.join(', ')}]`;
}
