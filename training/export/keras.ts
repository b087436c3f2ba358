import { sha256Of } from '#models/manifest.ts';
import { encodeSafetensors } from '#models/safetensors.ts';
import type { NamedTensor } from '../nets/named-tensor.ts';
import type { Layer, Net } from '../nets/net.ts';
import { encodeHdf5 } from './hdf5/encode.ts';
import type { Dataset, Group } from './hdf5/hdf5.ts';
import { metadataOf, orderedWeights, type TrainedNetwork } from './network.ts';

/**
 * A network as Keras's `model.save('model.h5')` writes it: the whole model, which `keras.models.load_model` reads without
 * any code of ours. It takes RGB of 0–255, `[N, H, W, C]` float32, and gives logits `[N, classes]`.
 *
 * Every layer is there, dropout and batch normalization included, so that it can be trained further. The description is
 * in attributes of the root, with a digest of the weights.
 *
 * @returns the file; the same network has the same bytes
 * @throws {InvalidNet} the net contradicts itself
 * @throws {UserError} the weights are not the net's
 */
export function encodeKeras(network: TrainedNetwork): Uint8Array {
  const { net } = network;
  const weights = orderedWeights(network);
  const weightsOf = (layer: string) => weights.filter(({ name }) => name.startsWith(`${layer}/`));
  const writer = { keras_version: '3.0.0', backend: 'tensorflow' };
  return encodeHdf5({
    attributes: new Map(
      Object.entries({
        ...writer,
        model_config: JSON.stringify(modelConfig(net)),
        ...metadataOf(network),
        weights_sha256: digestOf(weights),
      }),
    ),
    children: new Map([
      [
        'model_weights',
        {
          attributes: new Map(Object.entries({ ...writer, layer_names: net.layers.map(({ name }) => name) })),
          children: new Map(net.layers.map(({ name }) => [name, layerGroup(name, weightsOf(name))])),
        },
      ],
    ]),
  });
}

/** Of names, shapes and values, in the order of the layers. */
export function digestOf(weights: readonly NamedTensor[]): string {
  return sha256Of(encodeSafetensors({ tensors: weights }));
}

/** Keras finds the weights of a layer by their number alone; a weight `conv1/kernel` lies in a group `conv1` once more. */
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

function modelConfig(net: Net): unknown {
  // `batch_input_shape` is what Keras 2 calls it; Keras 3 knows both names.
  const config = { name: 'images', batch_input_shape: [null, ...net.input], dtype: 'float32' };
  const layers = [{ class_name: 'InputLayer', config }, ...net.layers.map(layerConfig)];
  return { class_name: 'Sequential', config: { name: net.name, layers } };
}

/** In Keras's words. */
function layerConfig(layer: Layer): { class_name: string; config: Record<string, unknown> } {
  const { name } = layer;
  const picture = { name, data_format: 'channels_last' };
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
          ...picture,
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
      // Keras means the exact GELU.
      return { class_name: 'Activation', config: { name, activation: layer.function } };
    case 'max-pooling': {
      const size = [layer.size, layer.size];
      return {
        class_name: 'MaxPooling2D',
        config: { ...picture, pool_size: size, strides: size, padding: layer.padding },
      };
    }
    case 'dropout':
      return { class_name: 'Dropout', config: { name, rate: layer.rate } };
    case 'flatten':
      return { class_name: 'Flatten', config: picture };
    case 'dense':
      return { class_name: 'Dense', config: { name, units: layer.units, use_bias: layer.bias } };
    case 'scale':
      return { class_name: 'Rescaling', config: { name, scale: layer.by, offset: 0 } };
  }
}
