import type { Activation, Convolution, Layer, Net } from './net.ts';
import { shapesOf } from './shapes.ts';

/** What may be changed of any net; `default` leaves it as the net has it. */
export interface NetChanges {
  readonly activation: 'default' | Activation['function'];
  /** The rate of every dropout layer, in [0, 1); a net without any gets one before its last dense layer. 0 is for none. */
  readonly dropout: 'default' | number;
  /** Whether convolutions are followed by batch normalization, in place of a bias; the whitening one never is. */
  readonly batchNormalization: 'default' | 'on' | 'off';
  /** What the logits are multiplied by. */
  readonly logitScale: 'default' | number;
}

/** A layer that names what it reads, so that others can be put in or taken out. */
type LinkedLayer = Layer & { readonly inputs: readonly string[] };

/** A net with other activations, dropout, batch normalization or scale of its logits; the same net where nothing is changed. */
export function changedNet(net: Net, { activation, dropout, batchNormalization, logitScale }: NetChanges): Net {
  let layers: readonly LinkedLayer[] = shapesOf(net).map(({ layer, inputs }) => ({ ...layer, inputs }));
  const original = layers;
  if (activation !== 'default') layers = withActivation(layers, activation);
  if (batchNormalization === 'on') layers = withBatchNormalization(layers);
  if (batchNormalization === 'off') layers = withoutBatchNormalization(layers);
  if (dropout !== 'default') layers = withDropout(layers, dropout);
  if (logitScale !== 'default') layers = withLogitScale(layers, logitScale);
  return layers === original ? net : { ...net, layers: layers.map(unlinked) };
}

function withActivation(layers: readonly LinkedLayer[], to: Activation['function']): LinkedLayer[] {
  const names = new Map<string, string>();
  const changed = layers.map((layer) => {
    if (layer.kind !== 'activation') return layer;
    const name = layer.name.replace(layer.function, to);
    names.set(layer.name, name);
    return { ...layer, name, function: to };
  });
  return readingOthers(changed, names);
}

function withBatchNormalization(layers: readonly LinkedLayer[]): readonly LinkedLayer[] {
  const normalized = new Set(normalizedConvolutions(layers).map(({ name }) => name));
  return layers
    .filter(({ kind, name }) => kind === 'convolution' && !normalized.has(name))
    .reduce((changed, layer) => {
      if (layer.kind !== 'convolution' || layer.init === 'whitening') return changed;
      const norm = { kind: 'batch-normalization', momentum: 0.9, epsilon: 1e-5, scale: true } as const;
      const bare = changed.map((each) => (each.name === layer.name ? { ...layer, bias: false } : each));
      return after(bare, layer.name, { ...norm, name: `${layer.name}-norm` });
    }, layers);
}

function withoutBatchNormalization(layers: readonly LinkedLayer[]): LinkedLayer[] {
  const normalized = normalizedConvolutions(layers);
  const biased = layers.map((layer) =>
    normalized.some(({ name }) => name === layer.name) ? { ...layer, bias: true } : layer,
  );
  return without(biased as LinkedLayer[], ({ kind }) => kind === 'batch-normalization');
}

/** The convolutions that a batch normalization reads, directly or after a pooling. */
function normalizedConvolutions(layers: readonly LinkedLayer[]): Convolution[] {
  const byName = new Map(layers.map((layer) => [layer.name, layer]));
  const sourceOf = ({ inputs }: LinkedLayer): LinkedLayer => {
    const source = byName.get(inputs[0]!)!;
    return source.kind === 'max-pooling' || source.kind === 'average-pooling' ? sourceOf(source) : source;
  };
  return layers.flatMap((layer) => {
    if (layer.kind !== 'batch-normalization') return [];
    const source = sourceOf(layer);
    return source.kind === 'convolution' ? [source] : [];
  });
}

function withDropout(layers: readonly LinkedLayer[], rate: number): readonly LinkedLayer[] {
  if (rate === 0) return without(layers, ({ kind }) => kind === 'dropout');
  if (layers.some(({ kind }) => kind === 'dropout')) {
    return layers.map((layer) => (layer.kind === 'dropout' ? { ...layer, rate } : layer));
  }
  const head = layers.findLast(({ kind }) => kind === 'dense')!;
  return after(layers, head.inputs[0]!, { kind: 'dropout', name: `${head.name}-dropout`, rate });
}

function withLogitScale(layers: readonly LinkedLayer[], by: number): LinkedLayer[] {
  const last = layers.at(-1)!;
  const body = last.kind === 'scale' ? layers.slice(0, -1) : layers;
  const name = last.kind === 'scale' ? last.name : 'scaled-logits';
  return [...body, { kind: 'scale', name, by, inputs: [body.at(-1)!.name] }];
}

/** Puts a layer after another one; those that read that one read the new one. */
function after(layers: readonly LinkedLayer[], name: string, added: Layer): LinkedLayer[] {
  return readingOthers(layers, new Map([[name, added.name]])).flatMap((layer) =>
    layer.name === name ? [layer, { ...added, inputs: [name] }] : [layer],
  );
}

/** Takes layers out; those that read one of them read what it read. */
function without(layers: readonly LinkedLayer[], isRemoved: (layer: Layer) => boolean): LinkedLayer[] {
  const sources = new Map<string, string>();
  for (const layer of layers) {
    if (isRemoved(layer)) sources.set(layer.name, sources.get(layer.inputs[0]!) ?? layer.inputs[0]!);
  }
  return readingOthers(
    layers.filter((layer) => !isRemoved(layer)),
    sources,
  );
}

function readingOthers(layers: readonly LinkedLayer[], others: ReadonlyMap<string, string>): LinkedLayer[] {
  return layers.map((layer) => ({ ...layer, inputs: layer.inputs.map((name) => others.get(name) ?? name) }));
}

/** As nets are written: a layer that reads the one before it does not say so. */
function unlinked({ inputs, ...layer }: LinkedLayer, index: number, layers: readonly LinkedLayer[]): Layer {
  const isPlain = index === 0 || (inputs.length === 1 && inputs[0] === layers[index - 1]!.name);
  return (isPlain ? layer : { ...layer, inputs }) as Layer;
}
