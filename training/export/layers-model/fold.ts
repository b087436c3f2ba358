import type { NamedTensor } from '../../nets/named-tensor.ts';
import type {
  Activation,
  AveragePooling,
  BatchNormalization,
  Convolution,
  Dense,
  GlobalPooling,
  MaxPooling,
  Net,
} from '../../nets/net.ts';
import { type ShapedLayer, shapesOf } from '../../nets/shapes.ts';

/** A layer of a net as it is served: with its weights, and with the layers that are folded into it. */
export type ServedLayer = (
  | Product
  | ServedNormalization
  | { readonly kind: 'scaling'; readonly by: number }
  | { readonly kind: 'activation'; readonly function: Activation['function'] }
  | { readonly kind: 'pooling'; readonly layer: MaxPooling | AveragePooling }
  | { readonly kind: 'global-pooling'; readonly function: GlobalPooling['function'] }
  | { readonly kind: 'add' }
  | { readonly kind: 'flatten' }
) & {
  readonly name: string;
  /** Names of the served layers that it reads; none for the first, which reads the images. */
  readonly inputs: readonly string[];
};

/** A convolution, a dense layer, or a padded shortcut as the 1x1 convolution that it equals. */
interface Product {
  readonly kind: 'product';
  readonly layer: Dense | Pick<Convolution, 'kind' | 'filters' | 'kernel' | 'stride' | 'padding'>;
  /** `[kernel, kernel, in, filters]` or `[in, units]`. */
  readonly kernel: Pick<NamedTensor, 'shape' | 'data'>;
  readonly bias: Float32Array | undefined;
  readonly activation: Activation['function'] | undefined;
}

/** `gamma (x - mean) / √(variance + epsilon) + beta`, per channel. */
interface ServedNormalization {
  readonly kind: 'normalization';
  readonly mean: Float32Array;
  readonly variance: Float32Array;
  readonly epsilon: number;
  readonly gamma: Float32Array | undefined;
  readonly beta: Float32Array | undefined;
}

/**
 * A net with as few layers as give the same logits:
 *
 * - dropout is left out: what reads it reads its input;
 * - batch normalization and scaling are multiplied into the convolution or dense layer before them, through pooling too. Max
 *   pooling allows that where no factor is negative: the largest value stays the largest;
 * - an activation becomes part of the convolution or dense layer right before it.
 *
 * A layer is folded only into one whose output nothing else reads. The normalization of the images stays a separate layer:
 * 'same' padding pads normalised images with zeros, and zero is not black.
 *
 * @param weights every weight of the net
 * @returns each layer after those that it reads; the last one returns the logits
 */
export function foldNet(net: Net, weights: readonly NamedTensor[]): readonly ServedLayer[] {
  const tensors = new Map(weights.map((weight) => [weight.name, weight]));
  const layers = shapesOf(net);
  const folding = new Folding(layers);
  for (const shaped of layers) folding.add(shaped, (role) => tensors.get(`${shaped.layer.name}/${role}`)!);
  return folding.served;
}

/** A weight of the layer at hand. */
type WeightOf = (role: string) => NamedTensor;

/** What is done to each channel: `factor x + offset`. */
interface Affine {
  readonly factor: (channel: number) => number;
  readonly offset: (channel: number) => number;
}

class Folding {
  readonly #served = new Map<string, ServedLayer>();
  /** By layer of the net: the served layer that computes its output. */
  readonly #sources = new Map<string, string>();
  /** By served layer: how many others read its output. */
  readonly #readers: Map<string, number>;

  constructor(layers: readonly ShapedLayer[]) {
    this.#readers = countReaders(layers);
  }

  get served(): readonly ServedLayer[] {
    return [...this.#served.values()];
  }

  add({ layer, inputs: read, input }: ShapedLayer, weight: WeightOf): void {
    const { name } = layer;
    const inputs = read.map((each) => this.#sources.get(each)!);
    const common = { name, inputs };
    const from = inputs[0]!;
    switch (layer.kind) {
      case 'normalization':
        this.#serve({
          ...common,
          kind: 'normalization',
          mean: Float32Array.from(layer.mean, (mean) => 255 * mean),
          variance: Float32Array.from(layer.deviation, (deviation) => (255 * deviation) ** 2),
          epsilon: 0,
          gamma: undefined,
          beta: undefined,
        });
        break;
      case 'convolution':
      case 'dense': {
        const bias = layer.bias ? weight('bias').data : undefined;
        this.#serve({ ...common, kind: 'product', layer, kernel: weight('kernel'), bias, activation: undefined });
        break;
      }
      case 'channel-padding': {
        const { filters, stride } = layer;
        const kernel = identityKernel(input.at(-1)!, filters);
        const convolution = { kind: 'convolution', filters, kernel: 1, stride, padding: 'valid' } as const;
        this.#serve({ ...common, kind: 'product', layer: convolution, kernel, bias: undefined, activation: undefined });
        break;
      }
      case 'batch-normalization': {
        const normalization = normalizationOf(layer, weight);
        if (!this.#multiply(name, from, affineOf(normalization))) this.#serve({ ...common, ...normalization });
        break;
      }
      case 'scale':
        if (!this.#multiply(name, from, { factor: () => layer.by, offset: () => 0 })) {
          this.#serve({ ...common, kind: 'scaling', by: layer.by });
        }
        break;
      case 'activation': {
        const product = this.#openProduct(from);
        if (product) {
          this.#served.set(from, { ...product, activation: layer.function });
          this.#fold(name, from);
        } else {
          this.#serve({ ...common, kind: 'activation', function: layer.function });
        }
        break;
      }
      case 'max-pooling':
      case 'average-pooling':
        this.#serve({ ...common, kind: 'pooling', layer });
        break;
      case 'global-pooling':
        this.#serve({ ...common, kind: 'global-pooling', function: layer.function });
        break;
      case 'add':
      case 'flatten':
        this.#serve({ ...common, kind: layer.kind });
        break;
      case 'dropout':
        this.#sources.set(name, from);
        break;
    }
  }

  #serve(layer: ServedLayer): void {
    this.#served.set(layer.name, layer);
    this.#sources.set(layer.name, layer.name);
  }

  /** Layer `folded`, which read served layer `into`, is part of it or of a layer before it: `into` returns its output. */
  #fold(folded: string, into: string): void {
    this.#sources.set(folded, into);
    this.#readers.set(into, this.#readers.get(folded)!);
  }

  /** The product with this name, if it has no activation and only the layer at hand reads it. */
  #openProduct(name: string): (ServedLayer & Product) | undefined {
    const layer = this.#served.get(name);
    const isOpen = layer?.kind === 'product' && layer.activation === undefined && this.#readers.get(name) === 1;
    return isOpen ? layer : undefined;
  }

  /**
   * Multiplies layer `folded`, which reads `from`, into the product before it.
   *
   * @returns whether there is such a product, with nothing in between that forbids it
   */
  #multiply(folded: string, from: string, affine: Affine): boolean {
    let at = this.#served.get(from)!;
    let isMaximum = false;
    // Scaling is the same for all channels, and batch normalization never follows a flatten layer.
    for (; isPassable(at); at = this.#served.get(at.inputs[0]!)!) {
      if (this.#readers.get(at.name) !== 1) return false;
      isMaximum ||= takesMaximum(at);
    }
    const product = this.#openProduct(at.name);
    if (product === undefined) return false;
    const outputs = product.kernel.shape.at(-1)!;
    const factors = Float64Array.from({ length: outputs }, (_, channel) => affine.factor(channel));
    const offsets = Float64Array.from({ length: outputs }, (_, channel) => affine.offset(channel));
    if (isMaximum && factors.some((factor) => factor < 0)) return false;
    const { shape, data } = product.kernel;
    const kernel = { shape, data: data.map((value, index) => value * factors[index % outputs]!) };
    const bias = offsets.map((offset, channel) => (product.bias?.[channel] ?? 0) * factors[channel]! + offset);
    const hasBias = product.bias !== undefined || offsets.some((offset) => offset !== 0);
    this.#served.set(at.name, { ...product, kernel, bias: hasBias ? Float32Array.from(bias) : undefined });
    this.#fold(folded, from);
    return true;
  }
}

/** How many layers read each layer's output, and the logits' reader; what reads a dropout reads the dropout's input. */
function countReaders(layers: readonly ShapedLayer[]): Map<string, number> {
  const readers = new Map([[layers.at(-1)!.layer.name, 1]]);
  for (const { layer, inputs } of layers.toReversed()) {
    const count = layer.kind === 'dropout' ? readers.get(layer.name)! : 1;
    for (const name of inputs) readers.set(name, (readers.get(name) ?? 0) + count);
  }
  return readers;
}

/** Whether a factor and an offset per channel can be applied before the layer instead of after it. */
function isPassable({ kind }: ServedLayer): boolean {
  return kind === 'pooling' || kind === 'global-pooling' || kind === 'flatten';
}

/** Only a factor of 0 or more can be applied before it. */
function takesMaximum(layer: ServedLayer): boolean {
  if (layer.kind === 'global-pooling') return layer.function === 'max';
  return layer.kind === 'pooling' && layer.layer.kind === 'max-pooling';
}

/** Filter c returns channel c; filters beyond the channels return 0. */
function identityKernel(channels: number, filters: number): Product['kernel'] {
  const data = new Float32Array(channels * filters);
  for (let channel = 0; channel < channels; channel++) data[channel * filters + channel] = 1;
  return { shape: [1, 1, channels, filters], data };
}

function affineOf({ mean, variance, epsilon, gamma, beta }: ServedNormalization): Affine {
  const factor = (channel: number) => (gamma?.[channel] ?? 1) / Math.sqrt(variance[channel]! + epsilon);
  return { factor, offset: (channel) => (beta?.[channel] ?? 0) - mean[channel]! * factor(channel) };
}

function normalizationOf({ epsilon, scale }: BatchNormalization, weight: WeightOf): ServedNormalization {
  return {
    kind: 'normalization',
    mean: weight('moving_mean').data,
    variance: weight('moving_variance').data,
    epsilon,
    gamma: scale ? weight('gamma').data : undefined,
    beta: weight('beta').data,
  };
}
