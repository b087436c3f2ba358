import { sha256Of } from '#models/manifest.ts';
import { encodeSafetensors } from '#models/safetensors.ts';
import type { NamedTensor } from '../nets/named-tensor.ts';
import type { ChannelPadding, Layer, Net } from '../nets/net.ts';
import { type ShapedLayer, shapesOf } from '../nets/shapes.ts';
import { encodeHdf5 } from './hdf5/encode.ts';
import type { Dataset, Group } from './hdf5/hdf5.ts';
import { functionalConfig, isChain, type KerasLayer, unusedName } from './keras-topology.ts';
import { metadataOf, orderedWeights, type TrainedNet } from './trained-net.ts';

/**
 * Writes a trained net as Keras's `model.save('model.h5')` does: the whole model, which `keras.models.load_model` reads
 * without any other code. It takes RGB of 0–255, `[N, H, W, C]` float32, and returns logits `[N, classes]`.
 *
 * Every layer is there, dropout and batch normalization included, so that it can be trained further. The description is
 * in attributes of the root, with a digest of the weights.
 *
 * @returns the file; the same net and weights give the same bytes
 * @throws {InvalidNet} the net contradicts itself
 * @throws {UserError} the weights are not the net's
 */
export function encodeKeras(trained: TrainedNet): Uint8Array {
  const { net } = trained;
  const weights = orderedWeights(trained);
  const { model, layerNames } = modelOf(net);
  const groups = layerNames.map((layer) => weights.filter(({ name }) => name.startsWith(`${layer}/`)));
  const writer = { keras_version: '3.0.0', backend: 'tensorflow' };
  return encodeHdf5({
    attributes: new Map(
      Object.entries({
        ...writer,
        model_config: JSON.stringify(model),
        ...metadataOf(trained),
        weights_sha256: digestOf(groups.flat()),
      }),
    ),
    children: new Map([
      [
        'model_weights',
        {
          attributes: new Map(Object.entries({ ...writer, layer_names: layerNames })),
          children: new Map(layerNames.map((name, index) => [name, layerGroup(name, groups[index]!)])),
        },
      ],
    ]),
  });
}

/** Digest of names, shapes and values, in the order of the file. */
export function digestOf(weights: readonly NamedTensor[]): string {
  return sha256Of(encodeSafetensors({ tensors: weights }));
}

/** Keras finds a layer's weights by their order alone; a weight `conv1/kernel` lies in a second group `conv1`. */
function layerGroup(layer: string, weights: readonly NamedTensor[]): Group {
  const datasets = weights.map(({ name, shape, data }): [string, Dataset] => [
    name.slice(layer.length + 1),
    { shape, data },
  ]);
  const inner: Group = { attributes: new Map(), children: new Map(datasets) };
  return {
    attributes: new Map([['weight_names', weights.map(({ name }) => name)]]),
    children: new Map(weights.length === 0 ? [] : [[layer, inner]]),
  };
}

/** The model's configuration, and its layers in the order in which Keras looks for their weights. */
function modelOf(net: Net): { model: unknown; layerNames: readonly string[] } {
  const names = new Set(net.layers.map(({ name }) => name));
  const layers = shapesOf(net).flatMap((shaped) => kerasLayers(shaped, names));
  if (isChain(layers)) {
    // `batch_input_shape` is Keras 2's name for it; Keras 3 knows both names.
    const config = { name: 'images', batch_input_shape: [null, ...net.input], dtype: 'float32' };
    const configs = layers.map(({ class_name, config }) => ({ class_name, config }));
    const model = {
      class_name: 'Sequential',
      config: { name: net.name, layers: [{ class_name: 'InputLayer', config }, ...configs] },
    };
    return { model, layerNames: layers.map(({ config }) => config.name) };
  }
  const layerNames = inKerasOrder(layers).map(({ config }) => config.name);
  return { model: { class_name: 'Functional', config: functionalConfig(net, layers) }, layerNames };
}

/**
 * The order in which Keras keeps the layers of a graph, whatever their order in the configuration: the farther from the output,
 * the earlier; at the same distance, as a depth-first search from the output meets them.
 *
 * @see https://github.com/keras-team/keras/blob/master/keras/src/ops/function.py (`map_graph`)
 */
function inKerasOrder(layers: readonly KerasLayer[]): readonly KerasLayer[] {
  const inputs = new Map(layers.map((layer) => [layer.config.name, layer.inputs]));
  const distances = new Map<string, number>();
  for (const layer of layers.toReversed()) {
    const distance = distances.get(layer.config.name) ?? 0;
    for (const input of layer.inputs) distances.set(input, Math.max(distances.get(input) ?? 0, distance + 1));
  }
  const met = new Map<string, number>();
  const meet = (name: string) => {
    if (met.has(name)) return;
    met.set(name, met.size);
    for (const input of inputs.get(name)!) meet(input);
  };
  meet(layers.at(-1)!.config.name);
  const distance = ({ config }: KerasLayer) => distances.get(config.name) ?? 0;
  return layers.toSorted((a, b) => distance(b) - distance(a) || met.get(a.config.name)! - met.get(b.config.name)!);
}

/** A layer in Keras's words: one layer there too, except for a padded shortcut. */
function kerasLayers({ layer, inputs, input }: ShapedLayer, names: ReadonlySet<string>): KerasLayer[] {
  if (layer.kind === 'channel-padding') return paddedShortcut(layer, inputs, input.at(-1)!, names);
  return [{ ...kerasLayer(layer), inputs }];
}

/** Padding in Keras is spatial only, so width and channels change places for it. None of these layers has weights. */
function paddedShortcut(
  { name, filters, stride }: ChannelPadding,
  inputs: readonly string[],
  channels: number,
  names: ReadonlySet<string>,
): KerasLayer[] {
  const window = { pool_size: [1, 1], strides: [stride, stride], padding: 'valid', data_format: 'channels_last' };
  const subsample = { class_name: 'MaxPooling2D', config: window };
  if (filters === channels) return [{ ...subsample, config: { name, ...window }, inputs }];
  const steps = [
    { suffix: 'pixels', ...subsample },
    { suffix: 'channels-before-width', class_name: 'Permute', config: { dims: [1, 3, 2] } },
    {
      suffix: 'padding',
      class_name: 'ZeroPadding2D',
      config: {
        padding: [
          [0, 0],
          [0, filters - channels],
        ],
        data_format: 'channels_last',
      },
    },
    { class_name: 'Permute', config: { dims: [1, 3, 2] } },
  ];
  let from = inputs;
  return steps.map(({ suffix, class_name, config }) => {
    const own = suffix === undefined ? name : unusedName(`${name}-${suffix}`, names);
    const step = { class_name, config: { name: own, ...config }, inputs: from };
    from = [own];
    return step;
  });
}

function kerasLayer(layer: Exclude<Layer, ChannelPadding>): Omit<KerasLayer, 'inputs'> {
  const { name } = layer;
  const featureMap = { name, data_format: 'channels_last' };
  switch (layer.kind) {
    case 'normalization':
      return {
        class_name: 'Normalization',
        config: {
          name,
          axis: -1,
          mean: layer.mean.map((mean) => 255 * mean),
          variance: layer.deviation.map((deviation) => (255 * deviation) ** 2),
        },
      };
    case 'convolution':
      return {
        class_name: 'Conv2D',
        config: {
          ...featureMap,
          filters: layer.filters,
          kernel_size: [layer.kernel, layer.kernel],
          strides: [layer.stride ?? 1, layer.stride ?? 1],
          padding: layer.padding,
          use_bias: layer.bias,
          trainable: layer.init !== 'whitening',
        },
      };
    case 'batch-normalization':
      return {
        class_name: 'BatchNormalization',
        config: { name, axis: -1, momentum: layer.momentum, epsilon: layer.epsilon, center: true, scale: layer.scale },
      };
    case 'activation':
      // Keras's default GELU is the exact one.
      return { class_name: 'Activation', config: { name, activation: layer.function } };
    case 'max-pooling':
    case 'average-pooling': {
      const { size, stride = size, padding } = layer;
      return {
        class_name: layer.kind === 'max-pooling' ? 'MaxPooling2D' : 'AveragePooling2D',
        config: { ...featureMap, pool_size: [size, size], strides: [stride, stride], padding },
      };
    }
    case 'global-pooling':
      return {
        class_name: layer.function === 'max' ? 'GlobalMaxPooling2D' : 'GlobalAveragePooling2D',
        config: featureMap,
      };
    case 'add':
      return { class_name: 'Add', config: { name } };
    case 'dropout':
      return { class_name: 'Dropout', config: { name, rate: layer.rate } };
    case 'flatten':
      return { class_name: 'Flatten', config: featureMap };
    case 'dense':
      return { class_name: 'Dense', config: { name, units: layer.units, use_bias: layer.bias } };
    case 'scale':
      return { class_name: 'Rescaling', config: { name, scale: layer.by, offset: 0 } };
  }
}
