import { UserError } from '#errors/user-error.ts';
import { sizeOf } from '#models/size-of.ts';
import { purpose, type Random, random } from '../random/random.ts';
import type { NamedTensor } from './named-tensor.ts';
import type { Convolution, Dense, Net } from './net.ts';
import { type ShapedLayer, shapesOf, type WeightSpec, weightSpecs } from './shapes.ts';
import { whiteningKernel } from './whitening.ts';

interface InitializeOptions {
  readonly seed: number;
  /** `[N, H, W, C]` uint8: the images that will be trained on; needed by a whitening layer, which uses the first 5,000. */
  readonly images?: Uint8Array;
  /** Give the weights of this layer only. @default all */
  readonly layer?: string;
}

/**
 * The weights that a net starts with, in the order of `weightSpecs`. Each has its own random stream: changing one layer
 * leaves the weights of the others as they were.
 *
 * @throws {InvalidNet} the description contradicts itself
 * @throws {UserError} a layer is initialized by whitening and there are no images, or they do not have the net's size
 */
export function initializeWeights(net: Net, { seed, images, layer }: InitializeOptions): NamedTensor[] {
  const layers = new Map(shapesOf(net).map((shaped) => [shaped.layer.name, shaped]));
  return weightSpecs(net).flatMap((spec, index) => {
    if (layer !== undefined && spec.layer !== layer) return [];
    const draw = random(seed, purpose.weights, index);
    return { name: spec.name, shape: spec.shape, data: initial(net, layers.get(spec.layer)!, spec, draw, images) };
  });
}

function initial(
  net: Net,
  { layer, input }: ShapedLayer,
  spec: WeightSpec,
  draw: Random,
  images: Uint8Array | undefined,
): Float32Array {
  const length = sizeOf(spec.shape);
  if (layer.kind !== 'convolution' && layer.kind !== 'dense') {
    const value = spec.role === 'gamma' || spec.role === 'moving-variance' ? 1 : 0;
    return new Float32Array(length).fill(value);
  }
  const window = layer.kind === 'convolution' ? layer.kernel ** 2 : 1;
  const fanIn = window * input.at(-1)!;
  if (spec.role === 'bias') {
    // Keras and He et al. start a bias at zero, PyTorch within 1 / √fan-in.
    return layer.init === 'glorot-uniform' || layer.init === 'he-normal'
      ? new Float32Array(length)
      : uniform(draw, length, 1 / Math.sqrt(fanIn));
  }
  switch (layer.init) {
    case 'glorot-uniform':
      return uniform(draw, length, Math.sqrt(6 / (fanIn + window * spec.shape.at(-1)!)));
    case 'he-normal': {
      const deviation = Math.sqrt(2 / fanIn);
      return Float32Array.from({ length }, () => draw.normal() * deviation);
    }
    case 'fan-in-uniform':
      return uniform(draw, length, 1 / Math.sqrt(fanIn));
    case 'dirac':
      return dirac(uniform(draw, length, 1 / Math.sqrt(fanIn)), spec.shape);
    case 'whitening':
      return whiteningKernel(net, imagesOf(net, layer, images), layer.kernel, layer.filters);
  }
}

/** Uniform in [-bound, bound). */
function uniform(draw: Random, length: number, bound: number): Float32Array {
  return Float32Array.from({ length }, () => (draw.uniform() * 2 - 1) * bound);
}

/** Makes the first filters pass their channels on unchanged: filter c gives channel c, for as many channels as there are. */
function dirac(values: Float32Array, [size = 0, , channels = 0, filters = 0]: readonly number[]): Float32Array {
  // 'same' padding puts the smaller half of an even window before the pixel.
  const before = Math.floor((size - 1) / 2);
  const middle = before * size + before;
  for (let at = 0; at < values.length; at++) {
    const filter = at % filters;
    const channel = Math.floor(at / filters) % channels;
    const position = Math.floor(at / (filters * channels));
    if (filter < channels) values[at] = channel === filter && position === middle ? 1 : 0;
  }
  return values;
}

function imagesOf(net: Net, layer: Convolution | Dense, images: Uint8Array | undefined): Uint8Array {
  if (images === undefined || images.length === 0 || images.length % sizeOf(net.input) !== 0) {
    throw new UserError(
      `Net ${net.name}, layer ${layer.name}: whitening needs training images of ${net.input.join('x')} bytes each, ` +
        `but was given ${images?.length ?? 0} bytes.`,
    );
  }
  return images;
}
