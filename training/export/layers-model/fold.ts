import type { NamedTensor } from '../../nets/named-tensor.ts';
import type { Activation, BatchNormalization, Convolution, Dense, MaxPooling, Net } from '../../nets/net.ts';
import { shapesOf } from '../../nets/shapes.ts';

/** A layer of a net as it is served: with its weights, and with what need not be computed apart folded into it. */
export type ServedLayer =
  | Product
  | Normalizing
  | { readonly kind: 'activation'; readonly name: string; readonly function: Activation['function'] }
  | { readonly kind: 'max-pooling'; readonly name: string; readonly layer: MaxPooling }
  | { readonly kind: 'flatten'; readonly name: string };

/** A convolution or a dense layer. */
interface Product {
  readonly kind: 'product';
  readonly name: string;
  readonly layer: Convolution | Dense;
  /** `[kernel, kernel, in, filters]` or `[in, units]` */
  readonly kernel: Float32Array;
  readonly bias: Float32Array | undefined;
  readonly activation: Activation['function'] | undefined;
}

/** `gamma (x - mean) / √(variance + epsilon) + beta`, per channel. */
interface Normalizing {
  readonly kind: 'normalizing';
  readonly name: string;
  readonly mean: Float32Array;
  readonly variance: Float32Array;
  readonly epsilon: number;
  readonly gamma: Float32Array | undefined;
  readonly beta: Float32Array | undefined;
}

/**
 * A net without what only training needs, and with as few layers as give the same logits:
 *
 * - dropout is left out;
 * - batch normalization and scaling are multiplied into the convolution or dense layer before them. Max pooling between
 *   the two is no hindrance where no factor is negative: the largest value stays the largest;
 * - an activation becomes part of the convolution or dense layer right before it.
 *
 * The normalization of the images stays a layer of its own: 'same' padding pads normalised images with zeros, and zero is
 * not black.
 *
 * @param weights every weight of the net
 */
export function foldNet(net: Net, weights: readonly NamedTensor[]): readonly ServedLayer[] {
  const data = new Map(weights.map((weight) => [weight.name, weight.data]));
  const weight = (name: string) => data.get(name)!;
  const served: ServedLayer[] = [];
  for (const { layer, input } of shapesOf(net)) {
    const { name } = layer;
    switch (layer.kind) {
      case 'normalization':
        served.push({
          kind: 'normalizing',
          name,
          mean: Float32Array.from(layer.mean, (mean) => 255 * mean),
          variance: Float32Array.from(layer.deviation, (deviation) => (255 * deviation) ** 2),
          epsilon: 0,
          gamma: undefined,
          beta: undefined,
        });
        break;
      case 'convolution':
      case 'dense': {
        const bias = layer.bias ? weight(`${name}/bias`) : undefined;
        served.push({ kind: 'product', name, layer, kernel: weight(`${name}/kernel`), bias, activation: undefined });
        break;
      }
      case 'batch-normalization': {
        const normalizing = normalizingOf(layer, weight);
        if (!foldBack(served, affineOf(normalizing))) served.push(normalizing);
        break;
      }
      case 'scale':
        if (!foldBack(served, { factor: () => layer.by, offset: () => 0 })) {
          served.push(scalingOf(name, layer.by, input.at(-1)!));
        }
        break;
      case 'activation': {
        const before = served.at(-1);
        if (before?.kind === 'product' && before.activation === undefined) {
          served[served.length - 1] = { ...before, activation: layer.function };
        } else {
          served.push({ kind: 'activation', name, function: layer.function });
        }
        break;
      }
      case 'max-pooling':
        served.push({ kind: 'max-pooling', name, layer });
        break;
      case 'flatten':
        served.push({ kind: 'flatten', name });
        break;
      case 'dropout':
        break;
    }
  }
  return served;
}

/** What is done to each channel: `factor x + offset`. */
interface Affine {
  readonly factor: (channel: number) => number;
  readonly offset: (channel: number) => number;
}

/** @returns whether there was a product to fold it into, with nothing in between that forbids it */
function foldBack(served: ServedLayer[], affine: Affine): boolean {
  let at = served.length - 1;
  let pooled = false;
  // Scaling is the same for all channels, and batch normalization never follows a flatten layer.
  for (; served[at]?.kind === 'max-pooling' || served[at]?.kind === 'flatten'; at--) {
    pooled ||= served[at]!.kind === 'max-pooling';
  }
  const product = served[at];
  if (product?.kind !== 'product' || product.activation !== undefined) return false;
  const outputs = product.layer.kind === 'dense' ? product.layer.units : product.layer.filters;
  const factors = Float64Array.from({ length: outputs }, (_, channel) => affine.factor(channel));
  const offsets = Float64Array.from({ length: outputs }, (_, channel) => affine.offset(channel));
  if (pooled && factors.some((factor) => factor < 0)) return false;
  const kernel = product.kernel.map((value, index) => value * factors[index % outputs]!);
  const bias = offsets.map((offset, channel) => (product.bias?.[channel] ?? 0) * factors[channel]! + offset);
  const hasBias = product.bias !== undefined || offsets.some((offset) => offset !== 0);
  served[at] = { ...product, kernel, bias: hasBias ? Float32Array.from(bias) : undefined };
  return true;
}

function affineOf({ mean, variance, epsilon, gamma, beta }: Normalizing): Affine {
  const factor = (channel: number) => (gamma?.[channel] ?? 1) / Math.sqrt(variance[channel]! + epsilon);
  return { factor, offset: (channel) => (beta?.[channel] ?? 0) - mean[channel]! * factor(channel) };
}

function normalizingOf(
  { name, epsilon, scale }: BatchNormalization,
  weight: (name: string) => Float32Array,
): Normalizing {
  return {
    kind: 'normalizing',
    name,
    mean: weight(`${name}/moving_mean`),
    variance: weight(`${name}/moving_variance`),
    epsilon,
    gamma: scale ? weight(`${name}/gamma`) : undefined,
    beta: weight(`${name}/beta`),
  };
}

/** Multiplication by a constant, written as a normalization. */
function scalingOf(name: string, by: number, channels: number): Normalizing {
  return {
    kind: 'normalizing',
    name,
    mean: new Float32Array(channels),
    variance: new Float32Array(channels).fill(1),
    epsilon: 0,
    gamma: new Float32Array(channels).fill(by),
    beta: undefined,
  };
}
