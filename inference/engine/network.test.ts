import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sizeOf } from '#models/size-of.ts';
import { awkward, classicNets } from '#training/export/export.fixture.ts';
import { exportLayersModel } from '#training/export/layers-model/export.ts';
import { airbenchNet } from '#training/nets/airbench.ts';
import { initializeWeights } from '#training/nets/initialize.ts';
import { anyNet, everything, everythingBranched, largerNets, trainedWeights } from '#training/nets/net.fixture.ts';
import type { Net } from '#training/nets/net.ts';
import { seedNet } from '#training/nets/seed.ts';
import { tinyNet } from '#training/nets/tiny.ts';
import { countUnbatched } from './memory/batching.ts';
import { parseLayersModel, UnsupportedModel } from './model/layers-model.ts';
import { lowerModel } from './model/lower.ts';
import { difference, load, open, reference, save, testImages } from './reference.fixture.ts';

test.each([
  ...[seedNet, tinyNet, airbenchNet([16, 24, 40]), everything, everythingBranched, awkward].map((net) => ({
    net,
    count: 11,
  })),
  ...[...classicNets, ...largerNets].map((net) => ({ net, count: 2 })),
])('$net.name, as training exports it, returns the logits of TensorFlow.js', async ({ net, count }) => {
  await expectReference(net, 3, count);
});

test('any net, as training exports it, returns the logits of TensorFlow.js', async () => {
  await fc.assert(fc.asyncProperty(anyNet, fc.nat(1000), fc.integer({ min: 1, max: 10 }), expectReference), {
    numRuns: 120,
  });
});

async function expectReference(net: Net, seed: number, count: number) {
  const saved = exportLayersModel(net, trainedWeights(net, seed));
  const images = testImages(count, sizeOf(net.input), seed);
  const model = await load(saved);
  const expected = reference(model, images, net.input);
  model.dispose();
  expect(difference((await open(saved)).logits(images), expected)).toBeLessThan(2e-5);
}

const activation = fc.constantFrom('linear', 'relu', 'gelu', 'elu', 'swish');
const layer = fc.oneof(
  fc.record({
    kind: fc.constant('convolution' as const),
    filters: fc.integer({ min: 1, max: 36 }),
    kernelSize: fc.integer({ min: 1, max: 5 }),
    strides: fc.constantFrom(1, 1, 1, 2),
    padding: fc.constantFrom('same' as const, 'valid' as const),
    useBias: fc.boolean(),
    activation,
  }),
  fc.record({
    ...{ kind: fc.constant('convolution' as const), filters: fc.constantFrom(16, 24, 32), kernelSize: fc.constant(3) },
    ...{ strides: fc.constant(1), padding: fc.constantFrom('same' as const, 'valid' as const) },
    ...{ useBias: fc.boolean(), activation },
  }),
  fc.record({
    kind: fc.constant('pool' as const),
    function: fc.constantFrom('max' as const, 'average' as const),
    poolSize: fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })),
    strides: fc.option(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })), { nil: undefined }),
    padding: fc.constantFrom('same' as const, 'valid' as const),
  }),
  fc.record({ kind: fc.constant('normalization' as const), center: fc.boolean(), scale: fc.boolean() }),
  fc.record({ kind: fc.constant('activation' as const), activation }),
);

test('any chain of layers returns the logits of TensorFlow.js', async () => {
  // Every unit is far below zero, so that the logits are GELU's tail.
  const silent = {
    ...{ size: { height: 8, width: 16 }, channels: 4 as const, layers: [], images: 1, seed: 3 },
    end: 'flatten' as const,
    hidden: { units: 3, activation: 'gelu' as const },
  };
  const nets = fc.record({
    size: fc.record({ height: fc.integer({ min: 5, max: 19 }), width: fc.integer({ min: 5, max: 19 }) }),
    channels: fc.constantFrom(1, 3, 4),
    layers: fc.array(layer, { maxLength: 5 }),
    end: fc.constantFrom('flatten' as const, 'flatten' as const, 'max' as const, 'average' as const),
    hidden: fc.option(fc.record({ units: fc.integer({ min: 1, max: 20 }), activation }), { nil: undefined }),
    images: fc.integer({ min: 1, max: 19 }),
    seed: fc.nat(1000),
  });
  await fc.assert(
    fc.asyncProperty(nets, async ({ size: { height, width }, channels, layers, end, hidden, images, seed }) => {
      const random = () => tf.initializers.randomNormal({ stddev: 0.3, seed });
      const spread = () => tf.initializers.randomUniform({ minval: 0.5, maxval: 2, seed });
      const model = tf.sequential();
      model.add(tf.layers.rescaling({ scale: 1 / 255, offset: -0.4, inputShape: [height, width, channels] }));
      for (const { kind, ...options } of layers) {
        const [, rows, columns] = model.outputs[0]!.shape as [null, number, number, number];
        const fits = (height: number, width = height) => height <= rows && width <= columns;
        if (kind === 'convolution' && 'kernelSize' in options && fits(options.kernelSize)) {
          const config = { ...options, kernelInitializer: random(), biasInitializer: random() };
          model.add(tf.layers.conv2d(config as Parameters<typeof tf.layers.conv2d>[0]));
        } else if (kind === 'pool' && 'poolSize' in options && fits(...options.poolSize)) {
          const { function: name, poolSize, strides = poolSize, padding } = options;
          const pooling = name === 'max' ? tf.layers.maxPooling2d : tf.layers.averagePooling2d;
          model.add(pooling({ poolSize, strides, padding }));
        } else if (kind === 'normalization') {
          const initializers = { gammaInitializer: random(), betaInitializer: random() };
          const statistics = { movingMeanInitializer: random(), movingVarianceInitializer: spread() };
          model.add(tf.layers.batchNormalization({ ...options, ...initializers, ...statistics }));
        } else if (kind === 'activation') {
          model.add(tf.layers.activation(options as Parameters<typeof tf.layers.activation>[0]));
        }
      }
      if (end === 'flatten') model.add(tf.layers.flatten());
      else model.add(end === 'max' ? tf.layers.globalMaxPooling2d({}) : tf.layers.globalAveragePooling2d({}));
      model.add(tf.layers.dropout({ rate: 0.5 }));
      if (hidden) {
        model.add(
          tf.layers.dense({ ...hidden, kernelInitializer: random(), biasInitializer: random() } as Parameters<
            typeof tf.layers.dense
          >[0]),
        );
      }
      model.add(tf.layers.dense({ units: 7, kernelInitializer: random() }));
      const pixels = testImages(images, height * width * channels, seed);
      const expected = reference(model, pixels, [height, width, channels]);
      const found = (await open(await save(model))).logits(pixels);
      expect(difference(found, expected)).toBeLessThan(2e-5);
      model.dispose();
    }),
    { numRuns: 120, examples: [[silent]] },
  );
});

test.each<Net>([seedNet, tinyNet, airbenchNet([16, 24, 40])])(
  '$name returns identical logits for an image alone and in a batch, each time',
  async (net) => {
    const images = testImages(17, 3072, 5);
    const network = await open(exportLayersModel(net, initializeWeights(net, { seed: 3, images })));
    const all = network.logits(images);
    for (let image = 0; image < 17; image++) {
      const single = network.logits(images.subarray(image * 3072, (image + 1) * 3072));
      expect(single).toEqual(all.subarray(image * 10, image * 10 + 10));
    }
    expect(network.logits(images)).toEqual(all);
  },
);

test.each([
  { net: seedNet, unbatched: ['conv1', 'pool1', 'conv2', 'pool2'] },
  {
    net: airbenchNet([64, 256, 256]),
    unbatched: ['whiten', 'whiten/gelu', 'group1-conv1', 'group1-pool', 'group1-gelu1'],
  },
])('images go through $net.name one by one while feature maps are larger than weights', ({ net, unbatched }) => {
  const { modelJson, weightsBin } = exportLayersModel(
    net,
    initializeWeights(net, { seed: 3, images: testImages(1, 3072, 5) }),
  );
  const model = lowerModel(parseLayersModel(modelJson, weightsBin));
  expect(model.operations.slice(0, countUnbatched(model)).map(({ name }) => name)).toEqual(unbatched);
});

test('answering allocates no memory', async () => {
  const images = testImages(9, 3072, 5);
  const network = await open(exportLayersModel(seedNet, initializeWeights(seedNet, { seed: 3, images })));
  const before = network.bytes;
  for (let run = 0; run < 20; run++) network.logits(images);
  expect(network.bytes).toBe(before);
});

test.each([
  [
    'another kind of layer',
    (model: tf.Sequential) => model.add(tf.layers.upSampling2d({ size: [2, 2] })),
    /UpSampling2D/,
  ],
  [
    'channels first',
    (model: tf.Sequential) => model.add(tf.layers.averagePooling2d({ poolSize: 2, dataFormat: 'channelsFirst' })),
    /data_format/,
  ],
  [
    'strides that differ by direction in a convolution',
    (model: tf.Sequential) => model.add(tf.layers.conv2d({ filters: 1, kernelSize: 3, strides: [1, 2] })),
    /strides or dilation_rate/,
  ],
  [
    'an unknown activation',
    (model: tf.Sequential) => model.add(tf.layers.conv2d({ filters: 1, kernelSize: 1, activation: 'tanh' })),
    /activation tanh/,
  ],
  [
    'dilation',
    (model: tf.Sequential) => model.add(tf.layers.conv2d({ filters: 1, kernelSize: 2, dilationRate: 2 })),
    /dilation_rate/,
  ],
  ['no logits', () => {}, /ends in a feature map/],
])('refuses a model with %s, by name', async (_, change, message) => {
  const model = tf.sequential({ layers: [tf.layers.rescaling({ scale: 1, inputShape: [8, 8, 3] })] });
  change(model);
  const saved = await save(model);
  const error = await open(saved).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(UnsupportedModel);
  expect((error as Error).message).toMatch(message);
});

test('refuses truncated weights', async () => {
  const images = testImages(1, 3072, 5);
  const { modelJson, weightsBin } = exportLayersModel(seedNet, initializeWeights(seedNet, { seed: 3, images }));
  await expect(open({ modelJson, weightsBin: weightsBin.subarray(0, weightsBin.length - 4) })).rejects.toThrow(
    /end within dense2/,
  );
});
