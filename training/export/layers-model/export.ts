import { checkTensors, type NamedTensor } from '../../nets/named-tensor.ts';
import type { Activation, Net } from '../../nets/net.ts';
import { weightSpecs } from '../../nets/shapes.ts';
import { foldNet, type ServedLayer } from './fold.ts';

/** The two files of a TensorFlow.js LayersModel. */
interface LayersModelFiles {
  readonly modelJson: Uint8Array;
  /** Every weight, float32, little-endian, in the order of `weightsManifest`. */
  readonly weightsBin: Uint8Array;
}

/** The name of the weights file in `model.json`. */
const weightsFile = 'weights.bin';

/** As TensorFlow.js and Keras call them: both know these, and both mean the exact GELU. */
const activationNames: Readonly<Record<Activation['function'], string>> = {
  relu: 'relu',
  gelu: 'gelu',
  elu: 'elu',
  silu: 'swish',
};

/**
 * Writes a net as `tf.LayersModel.save` does: what any TensorFlow.js loads with `tf.loadLayersModel`.
 *
 * It takes RGB of 0–255, `[N, H, W, C]` float32, and gives logits `[N, classes]`. Layers are called as in the net; what only
 * training needs is left out, and what can be folded together is (`fold.ts`).
 *
 * @throws {InvalidNet} the net contradicts itself
 * @throws {UserError} the weights are not the net's
 */
export function exportLayersModel(net: Net, weights: readonly NamedTensor[]): LayersModelFiles {
  const expected = new Map(weightSpecs(net).map(({ name, shape }) => [name, shape]));
  checkTensors(`The weights of net ${net.name}`, weights, expected);
  const layers = foldNet(net, weights).map((layer) => kerasLayer(net, layer));
  const [first, ...rest] = layers;
  // The first layer of a sequential model says what the model takes.
  const input = { batch_input_shape: [null, ...net.input], dtype: 'float32' };
  const configs = [{ ...first!, config: { ...first!.config, ...input } }, ...rest];
  const tensors = layers.flatMap((layer) => layer.weights);
  const model = {
    modelTopology: {
      class_name: 'Sequential',
      config: { name: net.name, layers: configs.map(({ class_name, config }) => ({ class_name, config })) },
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

/** A layer's topology, in Keras's words, and its weights in Keras's order. */
interface KerasLayer {
  readonly class_name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly weights: readonly NamedTensor[];
}

function kerasLayer(net: Net, served: ServedLayer): KerasLayer {
  const { name } = served;
  switch (served.kind) {
    case 'product': {
      const { layer, kernel, bias, activation } = served;
      const outputs = layer.kind === 'dense' ? layer.units : layer.filters;
      const shape = weightSpecs(net).find((spec) => spec.name === `${name}/kernel`)!.shape;
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
        weights: [
          { name: `${name}/kernel`, shape, data: kernel },
          ...(bias ? [{ name: `${name}/bias`, shape: [outputs], data: bias }] : []),
        ],
      };
    }
    case 'normalizing': {
      const { epsilon, gamma, beta, mean, variance } = served;
      const vector = (role: string, data: Float32Array | undefined): NamedTensor[] =>
        data ? [{ name: `${name}/${role}`, shape: [data.length], data }] : [];
      return {
        class_name: 'BatchNormalization',
        config: { name, trainable: false, axis: -1, epsilon, center: beta !== undefined, scale: gamma !== undefined },
        weights: [
          ...vector('gamma', gamma),
          ...vector('beta', beta),
          ...vector('moving_mean', mean),
          ...vector('moving_variance', variance),
        ],
      };
    }
    case 'activation':
      return { class_name: 'Activation', config: { name, activation: activationNames[served.function] }, weights: [] };
    case 'max-pooling': {
      const { size, padding } = served.layer;
      const config = { name, pool_size: [size, size], strides: [size, size], padding, data_format: 'channels_last' };
      return { class_name: 'MaxPooling2D', config, weights: [] };
    }
    case 'flatten':
      return { class_name: 'Flatten', config: { name, data_format: 'channels_last' }, weights: [] };
  }
}

function littleEndian(values: Float32Array): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  values.forEach((value, index) => {
    view.setFloat32(index * 4, value, true);
  });
  return bytes;
}
