import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseLayersModel, UnsupportedModel } from './model/layers-model.ts';
import { lowerModel } from './model/lower.ts';
import { difference, open, pictures, reference, type Saved, save } from './reference.fixture.ts';

const lowered = ({ modelJson, weightsBin }: Saved) => lowerModel(parseLayersModel(modelJson, weightsBin));

/** Weights that leave numbers of about the size that they had. */
function layersFrom(seed: number) {
  let count = 0;
  const random = (stddev: number) => tf.initializers.randomNormal({ stddev, seed: seed * 1000 + count++ });
  return {
    convolution: (
      from: tf.SymbolicTensor,
      filters: number,
      kernelSize = 3,
      padding: 'same' | 'valid' = 'same',
      strides = 1,
    ) => {
      const stddev = 1 / kernelSize / Math.sqrt(from.shape[3]!);
      const kernelInitializer = random(stddev);
      return apply(
        tf.layers.conv2d({ filters, kernelSize, padding, strides, kernelInitializer, useBias: false }),
        from,
      );
    },
    normalization: (from: tf.SymbolicTensor) => {
      const movingVarianceInitializer = tf.initializers.randomUniform({ minval: 0.5, maxval: 2, seed });
      const initializers = {
        betaInitializer: random(0.1),
        movingMeanInitializer: random(0.1),
        movingVarianceInitializer,
      };
      return apply(tf.layers.batchNormalization(initializers), from);
    },
    dense: (from: tf.SymbolicTensor, units: number) =>
      apply(tf.layers.dense({ units, kernelInitializer: random(0.1) }), from),
  };
}

const activation = (name: 'relu' | 'gelu', from: tf.SymbolicTensor) =>
  apply(tf.layers.activation({ activation: name as 'relu' }), from);
const sum = (...from: tf.SymbolicTensor[]) => tf.layers.add().apply(from) as tf.SymbolicTensor;
const flatten = (from: tf.SymbolicTensor) => apply(tf.layers.flatten(), from);
const apply = (layer: tf.layers.Layer, from: tf.SymbolicTensor) => layer.apply(from) as tf.SymbolicTensor;

/** A shortcut with padded channels, as training exports it: a 1x1 convolution that takes every second pixel. */
function padded(from: tf.SymbolicTensor, filters: number): tf.SymbolicTensor {
  const kernelInitializer = tf.initializers.identity({});
  const channels = from.shape[3]!;
  const kernel = Float32Array.from({ length: channels * filters }, (_, index) =>
    Math.floor(index / filters) === index % filters ? 1 : 0,
  );
  kernelInitializer.apply = () => tf.tensor4d(kernel, [1, 1, channels, filters]);
  return apply(tf.layers.conv2d({ filters, kernelSize: 1, strides: 2, kernelInitializer, useBias: false }), from);
}

function pooled(from: tf.SymbolicTensor, kind: string): tf.SymbolicTensor {
  if (kind === 'none') return from;
  if (kind === 'average') return apply(tf.layers.averagePooling2d({ poolSize: 3, strides: 2, padding: 'same' }), from);
  if (kind === 'max') return apply(tf.layers.maxPooling2d({ poolSize: 2 }), from);
  return apply(tf.layers.maxPooling2d({ poolSize: 3, strides: 2 }), from);
}

/** What a block of a residual network may be; each reads the picture before it more than once. */
const block = fc.record({
  kind: fc.constantFrom('after', 'before', 'projection', 'branches', 'itself', 'smaller'),
  filters: fc.constantFrom(3, 8, 16, 20),
  function: fc.constantFrom('relu' as const, 'gelu' as const),
  pooling: fc.constantFrom('none', 'none', 'max', 'average', 'overlapping'),
});

test('any residual network gives what TensorFlow.js gives', async () => {
  const nets = fc.record({
    size: fc.integer({ min: 6, max: 17 }),
    /** Whether the image itself is read twice. */
    startsAtImage: fc.boolean(),
    blocks: fc.array(block, { minLength: 1, maxLength: 3 }),
    end: fc.constantFrom('flatten', 'flatten and convolution', 'max', 'average'),
    images: fc.integer({ min: 1, max: 10 }),
    seed: fc.nat(1000),
  });
  await fc.assert(
    fc.asyncProperty(nets, async ({ size, startsAtImage, blocks, end, images, seed }) => {
      const { convolution, normalization, dense } = layersFrom(seed);
      const input = tf.input({ shape: [size, size, 3] });
      let x = apply(tf.layers.rescaling({ scale: 1 / 255, offset: -0.4 }), input);
      if (!startsAtImage) x = convolution(x, 16);
      for (const { kind, filters, function: name, pooling } of blocks) {
        const channels = x.shape[3]!;
        if (kind === 'after') {
          const inner = activation(name, normalization(convolution(x, filters)));
          x = activation(name, sum(normalization(convolution(inner, channels)), x));
        } else if (kind === 'before') {
          x = sum(x, convolution(activation(name, normalization(x)), channels));
        } else if (kind === 'projection') {
          x = sum(activation(name, convolution(x, filters)), normalization(convolution(x, filters, 1)));
        } else if (kind === 'branches') {
          x = sum(convolution(x, filters, 5), convolution(x, filters, 3), activation(name, convolution(x, filters, 1)));
        } else if (kind === 'smaller') {
          const inner = normalization(convolution(x, channels + 3, 3, 'same', 2));
          x = activation(name, normalization(sum(inner, padded(x, channels + 3))));
        } else {
          x = sum(x, x, activation(name, x));
        }
        if (x.shape[1]! >= 4) x = pooled(x, pooling);
      }
      // A dense layer and a convolution read the same picture: one wants zeros around it, the other no gaps.
      const globalPooling = end === 'max' ? tf.layers.globalMaxPooling2d : tf.layers.globalAveragePooling2d;
      const logits = dense(end.startsWith('flatten') ? flatten(x) : apply(globalPooling({}), x), 7);
      const output = end === 'flatten and convolution' ? sum(logits, dense(flatten(convolution(x, 5)), 7)) : logits;
      const model = tf.model({ inputs: input, outputs: output });
      const pixels = pictures(images, size * size * 3, seed);
      const expected = reference(model, pixels, [size, size, 3]);
      const found = (await open(await save(model))).logits(pixels);
      expect(difference(found, expected)).toBeLessThan(2e-5);
      model.dispose();
    }),
    { numRuns: 60 },
  );
});

test('normalizations and rectifiers after a product cost nothing', async () => {
  const { convolution, normalization, dense } = layersFrom(1);
  const input = tf.input({ shape: [8, 8, 3] });
  const x = activation('relu', normalization(convolution(apply(tf.layers.rescaling({ scale: 0.1 }), input), 8)));
  const y = sum(x, activation('relu', normalization(convolution(x, 8))));
  const output = apply(tf.layers.rescaling({ scale: 0.125 }), dense(flatten(y), 4));
  const { operations } = lowered(await save(tf.model({ inputs: input, outputs: output })));
  expect(operations.map(({ kind }) => kind)).toEqual(['convolution', 'convolution', 'sum', 'dense']);
});

test('what two read is left as it is', async () => {
  const { convolution, normalization, dense } = layersFrom(1);
  const input = tf.input({ shape: [8, 8, 3] });
  const x = convolution(input, 8);
  const output = dense(flatten(sum(x, activation('relu', normalization(x)))), 4);
  const { operations } = lowered(await save(tf.model({ inputs: input, outputs: output })));
  expect(operations.map(({ kind }) => kind)).toEqual(['convolution', 'affine', 'activation', 'sum', 'dense']);
});

test.each([
  [
    'two inputs',
    () => {
      const inputs = [tf.input({ shape: [4, 4, 3] }), tf.input({ shape: [4, 4, 3] })];
      return tf.model({ inputs, outputs: layersFrom(1).dense(flatten(sum(...inputs)), 2) });
    },
    /2 inputs and 1 outputs/,
  ],
  [
    'a layer that is used twice',
    () => {
      const [input, shared] = [tf.input({ shape: [4, 4, 3] }), tf.layers.conv2d({ filters: 3, kernelSize: 1 })];
      return tf.model({ inputs: input, outputs: layersFrom(1).dense(flatten(apply(shared, apply(shared, input))), 2) });
    },
    /is used 2 times/,
  ],
  [
    'branches that are joined otherwise',
    () => {
      const input = tf.input({ shape: [4, 4, 3] });
      const joined = tf.layers.concatenate().apply([input, layersFrom(1).convolution(input, 2)]) as tf.SymbolicTensor;
      return tf.model({ inputs: input, outputs: layersFrom(1).dense(flatten(joined), 2) });
    },
    /Concatenate.* reads 2 layers/,
  ],
] as const)('refuses a graph with %s, by name', async (_, build, message) => {
  const saved = await save(build());
  const error = await open(saved).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(UnsupportedModel);
  expect((error as Error).message).toMatch(message);
});
