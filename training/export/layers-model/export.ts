import type { NamedTensor } from '../../nets/named-tensor.ts';
import type { Activation, Net } from '../../nets/net.ts';
import { functionalConfig, isChain, type KerasLayer } from '../keras-topology.ts';
import { orderedWeights } from '../trained-net.ts';
import { foldNet, type ServedLayer } from './fold.ts';

/** The two files of a TensorFlow.js LayersModel. */
interface LayersModelFiles {
  readonly modelJson: Uint8Array;
  /** Every weight, float32, little-endian, in the order of `weightsManifest`. */
  readonly weightsBin: Uint8Array;
}

/** The name of the weights file in `model.json`. */
const weightsFile = 'weights.bin';

/** TensorFlow.js and Keras both have these, and both mean the exact GELU. */
const activationNames: Readonly<Record<Activation['function'], string>> = {
  relu: 'relu',
  gelu: 'gelu',
  elu: 'elu',
  silu: 'swish',
};

/**
 * Writes a net as `tf.LayersModel.save` does: `tf.loadLayersModel` loads it without any other code. A net without branches is
 * a Sequential model, any other a Functional one.
 *
 * The model takes RGB of 0–255, `[N, H, W, C]` float32, and returns logits `[N, classes]`. Layers have their names in the net;
 * what only training needs is left out, and layers are folded together where that is possible (`fold.ts`).
 *
 * @throws {InvalidNet} the net contradicts itself
 * @throws {UserError} the weights are not the net's
 */
export function exportLayersModel(net: Net, weights: readonly NamedTensor[]): LayersModelFiles {
  const layers = foldNet(net, orderedWeights({ net, weights })).map(kerasLayer);
  const tensors = layers.flatMap((layer) => layer.weights);
  const model = {
    modelTopology: {
      ...(isChain(layers) ? sequential(net, layers) : functional(net, layers)),
      keras_version: 'tfjs-layers 4.22.0',
      backend: 'tensor_flow.js',
    },
    format: 'layers-model',
    generatedBy: 'cifar10',
    convertedBy: null,
    weightsManifest: [
      {
        paths: [weightsFile],
        weights: tensors.map(({ name, shape }) => ({ name, shape, dtype: 'float32' })),
      },
    ],
  };
  return {
    modelJson: new TextEncoder().encode(`${JSON.stringify(model, undefined, 1)}\n`),
    weightsBin: Buffer.concat(tensors.map(({ data }) => littleEndian(data))),
  };
}

function sequential({ name, input }: Net, layers: readonly KerasLayer[]) {
  const configs = layers.map(({ class_name, config }, index) => {
    // The first layer of a sequential model says what the model takes.
    const batch = index === 0 ? { batch_input_shape: [null, ...input], dtype: 'float32' } : {};
    return { class_name, config: { ...config, ...batch } };
  });
  return { class_name: 'Sequential', config: { name, layers: configs } };
}

function functional(net: Net, layers: readonly KerasLayer[]) {
  return { class_name: 'Model', config: functionalConfig(net, layers) };
}

interface WeightedLayer extends KerasLayer {
  /** In Keras's order. */
  readonly weights: readonly NamedTensor[];
}

function kerasLayer(served: ServedLayer): WeightedLayer {
  return { inputs: served.inputs, ...describe(served) };
}

function describe(served: ServedLayer): Omit<WeightedLayer, 'inputs'> {
  const { name } = served;
  switch (served.kind) {
    case 'product': {
      const { layer, kernel, bias, activation } = served;
      const common = {
        name,
        trainable: true,
        use_bias: bias !== undefined,
        activation: activation === undefined ? 'linear' : activationNames[activation],
      };
      return {
        ...(layer.kind === 'dense'
          ? { class_name: 'Dense', config: { ...common, units: layer.units } }
          : {
              class_name: 'Conv2D',
              config: {
                ...common,
                filters: layer.filters,
                kernel_size: [layer.kernel, layer.kernel],
                strides: [layer.stride ?? 1, layer.stride ?? 1],
                padding: layer.padding,
                data_format: 'channels_last',
                dilation_rate: [1, 1],
              },
            }),
        weights: [{ name: `${name}/kernel`, ...kernel }, ...vector(`${name}/bias`, bias)],
      };
    }
    case 'normalization': {
      const { epsilon, gamma, beta, mean, variance } = served;
      return {
        class_name: 'BatchNormalization',
        config: { name, trainable: false, axis: -1, epsilon, center: beta !== undefined, scale: gamma !== undefined },
        weights: [
          ...vector(`${name}/gamma`, gamma),
          ...vector(`${name}/beta`, beta),
          ...vector(`${name}/moving_mean`, mean),
          ...vector(`${name}/moving_variance`, variance),
        ],
      };
    }
    case 'scaling':
      return { class_name: 'Rescaling', config: { name, scale: served.by, offset: 0 }, weights: [] };
    case 'activation':
      return { class_name: 'Activation', config: { name, activation: activationNames[served.function] }, weights: [] };
    case 'pooling': {
      const { kind, size, stride = size, padding } = served.layer;
      return {
        class_name: kind === 'max-pooling' ? 'MaxPooling2D' : 'AveragePooling2D',
        config: { name, pool_size: [size, size], strides: [stride, stride], padding, data_format: 'channels_last' },
        weights: [],
      };
    }
    case 'global-pooling':
      return {
        class_name: served.function === 'max' ? 'GlobalMaxPooling2D' : 'GlobalAveragePooling2D',
        config: { name, data_format: 'channels_last' },
        weights: [],
      };
    case 'add':
      return { class_name: 'Add', config: { name }, weights: [] };
    case 'flatten':
      return { class_name: 'Flatten', config: { name, data_format: 'channels_last' }, weights: [] };
  }
}

function vector(name: string, data: Float32Array | undefined): NamedTensor[] {
  return data === undefined ? [] : [{ name, shape: [data.length], data }];
}

function littleEndian(values: Float32Array): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  values.forEach((value, index) => {
    view.setFloat32(index * 4, value, true);
  });
  return bytes;
}
