import * as tf from '@tensorflow/tfjs-core';
import { type LayersModel, loadLayersModel } from '@tensorflow/tfjs-layers';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { sizeOf } from '#models/size-of.ts';
import { onWasm, startWasm } from '../../engine/eager/wasm.ts';
import { airbenchNet } from '../../nets/airbench.ts';
import type { NamedTensor } from '../../nets/named-tensor.ts';
import {
  anyNet,
  everything,
  everythingBranched,
  largerNets,
  noiseBatch,
  trainedWeights,
} from '../../nets/net.fixture.ts';
import type { Layer, Net } from '../../nets/net.ts';
import { seedNet } from '../../nets/seed.ts';
import { tinyNet } from '../../nets/tiny.ts';
import { awkward, classicNets, expectClose, logitsOf } from '../export.fixture.ts';
import { exportLayersModel } from './export.ts';

beforeAll(async () => {
  await startWasm();
  await tf.setBackend('wasm');
});

describe('what a stock tf.loadLayersModel loads returns the logits of the engine', () => {
  test.each(
    [
      seedNet,
      tinyNet,
      airbenchNet([8, 16, 24]),
      everything,
      everythingBranched,
      awkward,
      ...classicNets,
      ...largerNets,
    ].map((net) => [net.name, net] as const),
  )('%s', async (_, net) => {
    await expectSameLogits(net, trainedWeights(net, 3), 5);
  });

  test('any net', async () => {
    await fc.assert(
      fc.asyncProperty(anyNet, fc.nat(), async (net, seed) => {
        await expectSameLogits(net, trainedWeights(net, seed), 3);
      }),
      { numRuns: 80 },
    );
  });
});

describe('the files', () => {
  const net = airbenchNet([8, 16, 24]);
  const { modelJson, weightsBin } = exportLayersModel(net, trainedWeights(net, 1));
  const { modelTopology, weightsManifest, ...rest } = parse(modelJson);

  test('are in the format of tf.LayersModel.save', () => {
    expect(rest).toEqual({ format: 'layers-model', generatedBy: 'cifar10', convertedBy: null });
    expect(weightsManifest).toHaveLength(1);
    const [{ paths, weights }] = weightsManifest as [ManifestGroup];
    expect(paths).toEqual(['weights.bin']);
    const values = weights.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
    expect(weightsBin.length).toBe(4 * values);
    expect(modelTopology.config.layers[0]!.config.batch_input_shape).toEqual([null, 32, 32, 3]);
  });

  test('are the same every time', () => {
    const again = exportLayersModel(net, trainedWeights(net, 1));
    expect(Buffer.compare(again.modelJson, modelJson)).toBe(0);
    expect(Buffer.compare(again.weightsBin, weightsBin)).toBe(0);
  });

  test('layers have the names of the net', () => {
    const names = net.layers.map(({ name }) => name);
    for (const { config } of modelTopology.config.layers) expect(names).toContain(config.name);
  });

  test.each([everythingBranched, awkward])('describe a graph as TensorFlow.js itself does: $name', async (branched) => {
    const weights = trainedWeights(branched, 1);
    const written = parse(exportLayersModel(branched, weights).modelJson).modelTopology;
    const model = await load(branched, weights);
    const saved = model.toJSON(undefined, false) as unknown as ModelJson['modelTopology'];
    model.dispose();
    const { layers, ...graph } = written.config;
    const { layers: savedLayers, ...savedGraph } = saved.config;
    expect({ ...written, config: graph }).toEqual({ ...saved, config: savedGraph });
    // TensorFlow.js orders layers by their distance to the output, and adds the options' defaults.
    expect(layers).toHaveLength(savedLayers.length);
    for (const layer of layers) {
      const same = savedLayers.find(({ config }) => config.name === layer.config.name)!;
      expect(same).toMatchObject(layer);
    }
  });
});

describe('folding', () => {
  const served = (net: Net, weights = trainedWeights(net, 1)) => {
    const { layers } = parse(exportLayersModel(net, weights).modelJson).modelTopology.config;
    return layers.map(({ config: { name, activation } }) => (activation ? `${name} ${activation}` : name));
  };
  const conv: Layer = {
    kind: 'convolution',
    name: 'conv',
    filters: 4,
    kernel: 3,
    padding: 'same',
    bias: false,
    init: 'dirac',
  };
  const pool: Layer = { kind: 'max-pooling', name: 'pool', size: 2, padding: 'valid' };
  const norm: Layer = { kind: 'batch-normalization', name: 'norm', momentum: 0.9, epsilon: 1e-3, scale: true };
  const relu: Layer = { kind: 'activation', name: 'relu', function: 'relu' };
  const half: Layer = { kind: 'scale', name: 'half', by: 0.5 };
  const drop: Layer = { kind: 'dropout', name: 'drop', rate: 0.5 };
  const head: Layer = { kind: 'dense', name: 'head', units: 4, bias: true, init: 'glorot-uniform' };
  const netOf = (...layers: Layer[]): Net => ({
    name: 'folding',
    input: [6, 6, 3],
    classes: 4,
    layers: [everything.layers[0]!, ...layers, { kind: 'flatten', name: 'flatten' }, head],
  });
  const withGamma = (net: Net, gamma: number[]) =>
    trainedWeights(net, 1).map((weight) =>
      weight.name === 'norm/gamma' ? { ...weight, data: Float32Array.from(gamma) } : weight,
    );

  test('airbench: batch normalization goes into the convolution before it, through the pooling too', () => {
    expect(served(airbenchNet([8, 8, 8]))).toEqual([
      'normalize',
      'whiten gelu',
      'group1-conv1 linear',
      'group1-pool',
      'group1-gelu1 gelu',
      'group1-conv2 gelu',
      'group2-conv1 linear',
      'group2-pool',
      'group2-gelu1 gelu',
      'group2-conv2 gelu',
      'group3-conv1 linear',
      'group3-pool',
      'group3-gelu1 gelu',
      'group3-conv2 gelu',
      'pool',
      'flatten',
      'head linear',
    ]);
  });

  test('a negative factor turns largest into smallest: not through pooling', async () => {
    const net = netOf(conv, pool, norm);
    const mixed = withGamma(net, [1, 0.5, -1, 2]);
    expect(served(net, mixed)).toEqual(['normalize', 'conv linear', 'pool', 'norm', 'flatten', 'head linear']);
    await expectSameLogits(net, mixed, 4);
    const positive = withGamma(net, [1, 0.5, 0, 2]);
    expect(served(net, positive)).toEqual(['normalize', 'conv linear', 'pool', 'flatten', 'head linear']);
    await expectSameLogits(net, positive, 4);
    const direct = netOf(conv, norm);
    expect(served(direct, withGamma(direct, [1, 0.5, -1, 2]))).toEqual([
      'normalize',
      'conv linear',
      'flatten',
      'head linear',
    ]);
  });

  test('not past an activation', () => {
    expect(served(netOf(conv, relu, norm))).toEqual(['normalize', 'conv relu', 'norm', 'flatten', 'head linear']);
    expect(served(netOf(conv, relu, half))).toEqual(['normalize', 'conv relu', 'half', 'flatten', 'head linear']);
  });

  test('dropout is left out, and layers are folded past it', () => {
    expect(served(netOf(conv, drop, norm, { ...drop, name: 'drop2' }, relu))).toEqual([
      'normalize',
      'conv relu',
      'flatten',
      'head linear',
    ]);
  });

  describe('with branches', () => {
    const read = (layer: Layer, name: string, ...inputs: string[]): Layer => ({ ...layer, name, inputs }) as Layer;
    const sum = (name: string, ...inputs: string[]): Layer => ({ kind: 'add', name, inputs });
    const conv2 = (...inputs: string[]) => read(conv, 'conv2', ...inputs);
    const average: Layer = { kind: 'average-pooling', name: 'average', size: 2, padding: 'same' };
    const padding: Layer = { kind: 'channel-padding', name: 'padding', filters: 4, stride: 1 };

    test.each<[string, Layer[], string[]]>([
      [
        'a residual block: layers are folded into the convolutions, not into the sum',
        [
          conv,
          norm,
          relu,
          conv2('relu'),
          read(norm, 'norm2', 'conv2'),
          sum('sum', 'norm2', 'relu'),
          read(relu, 'relu2', 'sum'),
        ],
        ['conv relu', 'conv2 linear', 'sum', 'relu2 relu'],
      ],
      [
        'a normalization is not folded into a convolution that something else reads',
        [conv, norm, conv2('conv'), sum('sum', 'conv2', 'norm')],
        ['conv linear', 'norm', 'conv2 linear', 'sum'],
      ],
      [
        'a scale and an activation are not folded into a convolution that something else reads',
        [conv, half, relu, read(relu, 'relu2', 'conv'), sum('sum', 'relu', 'relu2')],
        ['conv linear', 'half', 'relu relu', 'relu2 relu', 'sum'],
      ],
      [
        'an activation is not fused after a folded normalization that something else reads',
        [conv, norm, relu, sum('sum', 'relu', 'norm')],
        ['conv linear', 'relu relu', 'sum'],
      ],
      [
        'a sum that adds a value to itself reads it twice',
        [conv, sum('sum', 'conv', 'conv'), norm],
        ['conv linear', 'sum', 'norm'],
      ],
      [
        'a normalization is not folded through a pooling that something else reads',
        [conv, average, norm, sum('sum', 'average', 'norm')],
        ['conv linear', 'average', 'norm', 'sum'],
      ],
      [
        'a normalization is not folded through a pooling into a convolution that something else reads',
        [
          conv,
          average,
          norm,
          read({ ...average, name: 'average2' }, 'average2', 'conv'),
          sum('sum', 'norm', 'average2'),
        ],
        ['conv linear', 'average', 'norm', 'average2', 'sum'],
      ],
      [
        'what reads a dropout reads its input',
        [conv, drop, norm, relu, read(relu, 'relu2', 'drop'), sum('sum', 'relu', 'relu2')],
        ['conv linear', 'norm', 'relu relu', 'relu2 relu', 'sum'],
      ],
      [
        'a normalization is folded past a dropout that alone reads the convolution',
        [conv, drop, norm, sum('sum', 'norm', 'norm')],
        ['conv linear', 'sum'],
      ],
      [
        'layers are folded into a padded shortcut as into any convolution',
        [padding, norm, relu, sum('sum', 'relu', 'relu')],
        ['padding relu', 'sum'],
      ],
    ])('%s', async (_, layers, expected) => {
      const net = netOf(...layers);
      expect(served(net)).toEqual(['images', 'normalize', ...expected, 'flatten', 'head linear']);
      await expectSameLogits(net, trainedWeights(net, 5), 4);
    });

    test('through average pooling, with any factor', async () => {
      const net = netOf(conv, average, norm);
      const mixed = withGamma(net, [1, 0.5, -1, 2]);
      expect(served(net, mixed)).toEqual(['normalize', 'conv linear', 'average', 'flatten', 'head linear']);
      await expectSameLogits(net, mixed, 4);
    });

    test('through global pooling', async () => {
      const pooled = (by: number, pooling: 'max' | 'average'): Net => ({
        ...netOf(),
        layers: [
          everything.layers[0]!,
          conv,
          { kind: 'global-pooling', name: 'pool', function: pooling },
          { kind: 'scale', name: 'scale', by },
          head,
        ],
      });
      expect(served(pooled(-0.5, 'average'))).toEqual(['normalize', 'conv linear', 'pool', 'head linear']);
      expect(served(pooled(0.5, 'max'))).toEqual(['normalize', 'conv linear', 'pool', 'head linear']);
      expect(served(pooled(-0.5, 'max'))).toEqual(['normalize', 'conv linear', 'pool', 'scale', 'head linear']);
      await expectSameLogits(pooled(-0.5, 'average'), trainedWeights(pooled(-0.5, 'average'), 2), 4);
      await expectSameLogits(pooled(-0.5, 'max'), trainedWeights(pooled(-0.5, 'max'), 2), 4);
    });
  });

  test('the normalization of the images stays, since padding pads with its zeros', () => {
    expect(served(netOf(norm))).toEqual(['normalize', 'norm', 'flatten', 'head linear']);
  });
});

test('weights that are not the net’s are refused', () => {
  const weights = trainedWeights(everything, 1);
  expect(() => exportLayersModel(everything, weights.slice(1))).toThrow('lack whiten/kernel');
  expect(() => exportLayersModel({ ...everything, classes: 9 }, weights)).toThrow('layer logits');
});

interface ManifestGroup {
  readonly paths: string[];
  readonly weights: { name: string; shape: number[]; dtype: 'float32' }[];
}

interface ModelJson {
  readonly modelTopology: {
    readonly config: { readonly layers: { class_name: string; config: Record<string, unknown> & { name: string } }[] };
  };
  readonly weightsManifest: ManifestGroup[];
}

function parse(modelJson: Uint8Array): ModelJson {
  return JSON.parse(new TextDecoder().decode(modelJson));
}

async function load(net: Net, weights: readonly NamedTensor[]): Promise<LayersModel> {
  const { modelJson, weightsBin } = exportLayersModel(net, weights);
  const { modelTopology, weightsManifest } = parse(modelJson);
  const weightData = Uint8Array.from(weightsBin).buffer;
  return loadLayersModel(tf.io.fromMemory({ modelTopology, weightSpecs: weightsManifest[0]!.weights, weightData }));
}

async function expectSameLogits(net: Net, weights: readonly NamedTensor[], count: number) {
  const { images } = noiseBatch(net, count, 9);
  const expected = await logitsOf(net, weights, images);
  const model = await load(net, weights);
  const found = onWasm(() =>
    tf.tidy(() => {
      const pixels = tf.tensor(Float32Array.from(images), [count, ...net.input]);
      return Float32Array.from((model.predict(pixels) as tf.Tensor).dataSync());
    }),
  );
  model.dispose();
  expectClose(found, expected);
}
