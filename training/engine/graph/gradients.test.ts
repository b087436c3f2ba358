import fc from 'fast-check';
import { beforeAll, describe, expect, it, test } from 'vitest';
import { sizeOf } from '#models/size-of.ts';
import { random } from '../../random/random.ts';
import { loadTensorFlow, type TensorFlow } from '../tensorflow.ts';
import { Graph, type Shape, type Value } from './builder/graph.ts';
import { gradients } from './gradients.ts';
import { elu, gelu, relu, silu } from './operations/activations.ts';
import { add, cast, divide, mean, multiply, subtract, sum } from './operations/arithmetic.ts';
import { averagePooling } from './operations/average-pooling.ts';
import { normalizeBatch } from './operations/batch-normalization.ts';
import { convolutionOfBiased } from './operations/biased-convolution.ts';
import { channelPadding } from './operations/channel-padding.ts';
import { addBias, convolution } from './operations/convolution.ts';
import { crossEntropy } from './operations/cross-entropy.ts';
import { dropout } from './operations/dropout.ts';
import { globalPooling } from './operations/global-pooling.ts';
import { matmul } from './operations/matmul.ts';
import { maxPooling } from './operations/max-pooling.ts';
import { normalizeImages } from './operations/normalize-images.ts';
import { pad, reshape } from './operations/shape.ts';
import type { ConvolutionOptions } from './operations/sliding.ts';
import { openSession } from './session.ts';

type Tfjs = TensorFlow['tf'];
type Tensor = ReturnType<Tfjs['tensor']>;

let tensorflow: TensorFlow;
beforeAll(async () => {
  tensorflow = await loadTensorFlow();
});

/** A function of tensors, twice: as we build it, and as TensorFlow.js does it op by op. */
interface Case {
  readonly shapes: readonly Shape[];
  readonly build: (graph: Graph, ...inputs: Value[]) => Value;
  readonly eager: (tf: Tfjs, ...inputs: Tensor[]) => Tensor;
  /** Has kinks: values stay away from each other and from zero. */
  /** Of the values, as a share of the largest one; gradients may be ten times as far off. @default 1e-5 */
  readonly tolerance?: number;
  readonly kinked?: boolean;
}

const runs = 25;
/** Where XLA compiles a function for every shape. */
const compiledRuns = 8;
const small = (max: number) => fc.integer({ min: 1, max });
const padding = fc.constantFrom('same' as const, 'valid' as const);

const pooling = fc
  .record({
    ...{ batch: small(3), height: small(9), width: small(9), channels: small(3) },
    ...{ size: small(3), stride: small(3), padding },
  })
  .filter(({ height, width, size, padding }) => padding === 'same' || size <= Math.min(height, width));

describe('the value and the gradients are those of TensorFlow.js, and of finite differences:', () => {
  property(
    'convolution',
    fc
      .record({
        batch: small(3),
        height: small(9),
        width: small(9),
        channels: small(4),
        filters: small(5),
        kernel: small(3),
        stride: small(3),
        padding,
      })
      .filter((shape) => shape.padding === 'same' || shape.kernel <= Math.min(shape.height, shape.width)),
    ({ batch, height, width, channels, filters, kernel, stride, padding }) => ({
      shapes: [
        [batch, height, width, channels],
        [kernel, kernel, channels, filters],
      ],
      build: (graph, images, weights) => convolution(graph, images!, weights!, { stride, padding }),
      eager: (tf, images, weights) => eagerConvolution(tf, images!, weights!, { stride, padding }),
    }),
  );

  it('a kernel of one pixel that skips pixels has the same gradient every time', () => {
    const [batch, size, channels, filters] = [3, 6, 2, 3];
    const shapes = [
      [batch, size, size, channels],
      [1, 1, channels, filters],
    ];
    const build: Case['build'] = (graph, images, weights) =>
      convolution(graph, images!, weights!, { stride: 2, padding: 'same' });
    const [images, weights] = shapes.map((shape, index) => values(sizeOf(shape), 1, index, false));
    const upstreamOf = (shape: Shape) => values(sizeOf(shape), 1, 10, false);
    const expected = Array.from({ length: channels * filters }, (_, index) => {
      const [channel, filter] = [Math.floor(index / filters), index % filters];
      const upstream = upstreamOf([batch, size / 2, size / 2, filters]);
      return upstream.reduce((total, slope, at) => {
        if (at % filters !== filter) return total;
        const pixel = Math.floor(at / filters);
        const [row, column] = [Math.floor(pixel / 3), pixel % 3]; // of all images, one below the other
        return total + slope * images![(2 * row * size + 2 * column) * channels + channel]!;
      }, 0);
    });
    withGraph({ shapes, build }, upstreamOf, (evaluate) => {
      for (let time = 0; time < 20; time++)
        expectClose(evaluate([images!, weights!]).gradients[1]!, Float32Array.from(expected), 1e-4);
    });
  });

  property(
    'convolution whose kernel gets its gradient by products',
    fc
      .record({
        ...{ batch: small(3), height: small(9), width: small(9), channels: small(4), filters: small(5) },
        ...{ kernel: small(4), padding },
      })
      .filter((shape) => shape.padding === 'same' || shape.kernel <= Math.min(shape.height, shape.width)),
    ({ batch, height, width, channels, filters, kernel, padding }) => ({
      shapes: [
        [batch, height, width, channels],
        [kernel, kernel, channels, filters],
      ],
      build: (graph, images, weights) =>
        convolution(graph, images!, weights!, { stride: 1, padding, kernelGradient: () => 'products' }),
      eager: (tf, images, weights) => tf.conv2d(images as never, weights as never, 1, padding),
    }),
  );

  property(
    "convolution by Winograd's method",
    fc
      .record({
        ...{ batch: small(3), height: small(17), width: small(17), channels: small(4), filters: small(5), padding },
      })
      .filter((shape) => shape.padding === 'same' || Math.min(shape.height, shape.width) >= 3),
    ({ batch, height, width, channels, filters, padding }) => ({
      shapes: [
        [batch, height, width, channels],
        [3, 3, channels, filters],
      ],
      build: (graph, images, weights) =>
        convolution(graph, images!, weights!, { stride: 1, padding, winograd: () => true }),
      tolerance: 2e-4, // what nine points leave of float32
      eager: (tf, images, weights) => tf.conv2d(images as never, weights as never, 1, padding),
    }),
  );

  property(
    'convolution of a fixed value with a bias, activated',
    fc
      .record({
        activation: fc.constantFrom('gelu' as const, 'silu' as const),
        batch: small(3),
        size: small(7),
        channels: small(4),
        filters: small(5),
        kernel: small(3),
        stride: small(2),
        padding,
      })
      .filter((shape) => shape.padding === 'same' || shape.kernel <= shape.size),
    ({ activation, batch, size, channels, filters, kernel, stride, padding }) => {
      const shape = [batch, size, size, channels] as const;
      const fixed = values(sizeOf(shape), 3, 0, false);
      const apply = { gelu: eagerGelu, silu: eagerSilu }[activation];
      return {
        shapes: [[channels], [kernel, kernel, channels, filters]],
        build: (graph, bias, weights) =>
          convolutionOfBiased(graph, {
            fixed: graph.constant({ type: 'float32', shape, values: fixed }),
            bias: bias!,
            activation,
            kernel: weights!,
            stride,
            padding,
          }),
        eager: (tf, bias, weights) => {
          const hidden = apply(tf, tf.add(tf.tensor(fixed, [...shape]), bias!));
          return eagerConvolution(tf, hidden, weights!, { stride, padding });
        },
      };
    },
    compiledRuns,
  );

  property('max-pooling', pooling, ({ batch, height, width, channels, size, stride, padding }) => ({
    shapes: [[batch, height, width, channels]],
    build: (graph, images) => maxPooling(graph, images!, { size, stride, padding }),
    eager: (tf, images) => tf.maxPool(images as never, size, stride, padding),
    kinked: true,
  }));

  property('average pooling', pooling, ({ batch, height, width, channels, size, stride, padding }) => ({
    shapes: [[batch, height, width, channels]],
    build: (graph, images) => averagePooling(graph, images!, { size, stride, padding }),
    eager: (tf, images) => tf.avgPool(images as never, size, stride, padding),
  }));

  const imageShape = fc.record({ batch: small(3), height: small(9), width: small(9), channels: small(3) });
  property('global average pooling', imageShape, ({ batch, height, width, channels }) => ({
    shapes: [[batch, height, width, channels]],
    build: (graph, images) => globalPooling(graph, images!, 'average'),
    eager: (tf, images) => tf.mean(images!, [1, 2]),
  }));

  property('global max-pooling', imageShape, ({ batch, height, width, channels }) => ({
    shapes: [[batch, height, width, channels]],
    build: (graph, images) => globalPooling(graph, images!, 'max'),
    eager: (tf, images) => tf.max(images!, [1, 2]),
    kinked: true,
  }));

  property(
    'channel padding',
    // With neither it is the image itself.
    fc
      .record({ shape: imageShape, stride: small(3), added: fc.nat({ max: 3 }) })
      .filter(({ stride, added }) => stride > 1 || added > 0),
    ({ shape: { batch, height, width, channels }, stride, added }) => ({
      shapes: [[batch, height, width, channels]],
      build: (graph, images) => channelPadding(graph, images!, { filters: channels + added, stride }),
      // The first pixel of windows as large as the stride: an average pooling of windows of one pixel.
      eager: (tf, images) =>
        tf.pad(tf.avgPool(images as never, 1, stride, 'same') as Tensor, [
          [0, 0],
          [0, 0],
          [0, 0],
          [0, added],
        ]),
    }),
  );

  property(
    'batch normalization',
    // Two values a channel are normalized to ±1 whatever they are, so that the gradient is nothing but rounding.
    fc
      .record({ batch: small(3), height: small(5), width: small(5), channels: small(4) })
      .filter(({ batch, height, width }) => batch * height * width > 3),
    ({ batch, height, width, channels }) => ({
      shapes: [[batch, height, width, channels], [channels], [channels]],
      build: (graph, images, gamma, beta) => {
        const zeros = graph.constant({ type: 'float32', shape: [channels], values: new Float32Array(channels) });
        const statistics = { movingMean: zeros, movingVariance: zeros };
        const options = { gamma: gamma!, beta: beta!, ...statistics, epsilon: 1e-3, momentum: 0.9 };
        return normalizeBatch(graph, images!, options).normalized;
      },
      eager: (tf, images, gamma, beta) => {
        const moments = tf.moments(images!, [0, 1, 2]);
        return tf.batchNorm(
          images as never,
          moments.mean as never,
          moments.variance as never,
          beta as never,
          gamma as never,
          1e-3,
        );
      },
    }),
  );

  property('bias', fc.record({ batch: small(3), size: small(5), channels: small(5) }), ({ batch, size, channels }) => ({
    shapes: [[batch, size, size, channels], [channels]],
    build: (graph, value, bias) => addBias(graph, value!, bias!),
    eager: (tf, value, bias) => tf.add(value!, bias!),
  }));

  property('matrix product', fc.record({ n: small(5), k: small(7), m: small(6) }), ({ n, k, m }) => ({
    shapes: [
      [n, k],
      [k, m],
    ],
    build: (graph, one, other) => matmul(graph, one!, other!),
    eager: (tf, one, other) => tf.matMul(one!, other!),
  }));

  const anyShape = fc.array(small(4), { minLength: 1, maxLength: 4 });
  property('ReLU', anyShape, (shape) => ({
    shapes: [shape],
    build: (graph, x) => relu(graph, x!),
    eager: (tf, x) => tf.relu(x!),
    kinked: true,
  }));
  property('ELU', anyShape, (shape) => ({
    shapes: [shape],
    build: (graph, x) => elu(graph, x!),
    eager: (tf, x) => tf.elu(x!),
  }));
  property(
    'GELU',
    anyShape,
    (shape) => ({
      shapes: [shape],
      build: (graph, x) => gelu(graph, x!),
      eager: (tf, x) => eagerGelu(tf, x!),
    }),
    compiledRuns,
  );
  property(
    'SiLU',
    anyShape,
    (shape) => ({
      shapes: [shape],
      build: (graph, x) => silu(graph, x!),
      eager: (tf, x) => eagerSilu(tf, x!),
    }),
    compiledRuns,
  );

  property('sums, differences and products, broadcast', fc.record({ n: small(4), m: small(4) }), ({ n, m }) => ({
    shapes: [[n, m], [m], [n, 1], []],
    build: (graph, a, b, c, d) => {
      const product = multiply(graph, subtract(graph, a!, b!), add(graph, c!, 2));
      return subtract(graph, 1, divide(graph, multiply(graph, product, d!), 3));
    },
    eager: (tf, a, b, c, d) => tf.sub(1, tf.div(tf.mul(tf.mul(tf.sub(a!, b!), tf.add(c!, 2)), d!), 3)),
  }));

  property('a value that is used twice', anyShape, (shape) => ({
    shapes: [shape],
    build: (graph, x) => multiply(graph, x!, add(graph, x!, multiply(graph, x!, 3))),
    eager: (tf, x) => tf.mul(x!, tf.mul(x!, 4)),
  }));

  property('mean and sum', anyShape, (shape) => ({
    shapes: [shape],
    build: (graph, x) => add(graph, mean(graph, multiply(graph, x!, x!)), sum(graph, x!)),
    eager: (tf, x) => tf.add(tf.mean(tf.square(x!)), tf.sum(x!)),
  }));

  property(
    'padding and reshaping',
    fc.record({ n: small(4), m: small(4), before: fc.nat({ max: 2 }), after: fc.nat({ max: 2 }) }),
    ({ n, m, before, after }) => ({
      shapes: [[n, m]],
      build: (graph, x) =>
        reshape(
          graph,
          pad(graph, x!, [
            [before, after],
            [0, before],
          ]),
          [(n + before + after) * (m + before)],
        ),
      eager: (tf, x) =>
        tf.reshape(
          tf.pad(x!, [
            [before, after],
            [0, before],
          ]),
          [-1],
        ),
    }),
  );

  property(
    'cross-entropy with smoothed labels',
    fc.record({ batch: small(5), classes: fc.integer({ min: 2, max: 11 }), smoothing: fc.constantFrom(0, 0.1, 0.5) }),
    ({ batch, classes, smoothing }) => {
      const indices = Int32Array.from({ length: batch }, (_, image) => (image * 7) % classes);
      return {
        shapes: [[batch, classes]],
        build: (graph, logits) => {
          const labels = graph.constant({ type: 'int32', shape: [batch], values: indices });
          return crossEntropy(graph, logits!, labels, smoothing);
        },
        eager: (tf, logits) => {
          const hot = tf.cast(tf.oneHot(tf.tensor1d(indices, 'int32'), classes), 'float32');
          const smooth = tf.add(tf.mul(hot, 1 - smoothing), smoothing / classes);
          return tf.neg(tf.sum(tf.mul(smooth, tf.logSoftmax(logits!)), 1));
        },
      };
    },
  );
});

describe.each([
  ['bfloat16', 0.02],
  ['float16', 0.003],
] as const)('in %s the value and the gradients are those of float32, to within %d:', (type, most) => {
  type Build = Case['build'];
  const images = [3, 7, 6, 5] as const;
  const sliding = { stride: 2, padding: 'same' } as const;
  const inBrief = (graph: Graph, value: Value) => cast(graph, value, type);
  test.each<[name: string, shapes: readonly Shape[], build: Build, kinked?: boolean]>([
    ['convolution', [images, [3, 3, 5, 8]], (graph, x, kernel) => convolution(graph, x!, kernel!, sliding)],
    [
      'convolution whose kernel gets its gradient by products',
      [images, [3, 3, 5, 8]],
      (graph, x, kernel) =>
        convolution(graph, x!, kernel!, { stride: 1, padding: 'same', kernelGradient: () => 'products' }),
    ],
    ['bias', [images, [5]], (graph, x, bias) => addBias(graph, x!, bias!)],
    [
      'convolution of a fixed value with a bias, activated',
      [[5], [2, 2, 5, 8]],
      (graph, bias, kernel) => {
        const fixed = graph.constant({ type: 'float32', shape: images, values: values(630, 3, 0, false) });
        const operands = {
          fixed: cast(graph, fixed, bias!.type),
          bias: bias!,
          kernel: kernel!,
          activation: 'gelu',
        } as const;
        return convolutionOfBiased(graph, { ...operands, ...sliding });
      },
    ],
    ['max-pooling', [[2, 5, 4, 3]], (graph, x) => maxPooling(graph, x!, { size: 2, padding: 'same' }), true],
    [
      'overlapping max-pooling',
      [[2, 5, 4, 3]],
      (graph, x) => maxPooling(graph, x!, { size: 3, stride: 2, padding: 'same' }),
      true,
    ],
    ['average pooling', [images], (graph, x) => averagePooling(graph, x!, { size: 3, stride: 2, padding: 'same' })],
    ['global average pooling', [images], (graph, x) => globalPooling(graph, x!, 'average')],
    ['global max-pooling', [[2, 5, 4, 3]], (graph, x) => globalPooling(graph, x!, 'max'), true],
    ['channel padding', [images], (graph, x) => channelPadding(graph, x!, { filters: 8, stride: 2 })],
    ['sum', [images, images], (graph, x, y) => add(graph, x!, y!)],
    [
      'matrix product',
      [
        [9, 24],
        [24, 10],
      ],
      (graph, one, other) => matmul(graph, one!, other!),
    ],
    ['ReLU', [[9, 12]], (graph, x) => relu(graph, x!), true],
    ['ELU', [[9, 12]], (graph, x) => elu(graph, x!)],
    ['GELU', [[9, 12]], (graph, x) => gelu(graph, x!)],
    ['SiLU', [[9, 12]], (graph, x) => silu(graph, x!)],
    ['scaling', [[9, 12]], (graph, x) => multiply(graph, x!, 1 / 9)],
    ['dropout', [[9, 12]], (graph, x) => dropout(graph, x!, 0.3, graph.integers([1, 2]))],
    [
      'padding and reshaping',
      [[9, 12]],
      (graph, x) =>
        reshape(
          graph,
          pad(graph, x!, [
            [1, 2],
            [0, 1],
          ]),
          [12 * 13],
        ),
    ],
    [
      'batch normalization',
      [images, [5], [5]],
      (graph, x, gamma, beta) => {
        const zeros = graph.constant({ type: 'float32', shape: [5], values: new Float32Array(5) });
        const statistics = { movingMean: zeros, movingVariance: zeros, epsilon: 1e-3, momentum: 0.9 };
        const parameters = { gamma: cast(graph, gamma!, 'float32'), beta: cast(graph, beta!, 'float32') };
        return normalizeBatch(graph, x!, { ...parameters, ...statistics }).normalized;
      },
    ],
  ])('%s', (_, shapes, build, kinked = false) => {
    const upstreamOf = (shape: Shape) => values(sizeOf(shape), 5, 10, false);
    const inputs = shapes.map((shape, index) => values(sizeOf(shape), 5, index, kinked));
    const brief: Build = (graph, ...given) =>
      cast(graph, build(graph, ...given.map((value) => inBrief(graph, value))), 'float32');
    const [exact, rounded] = [build, brief].map((each) =>
      withGraph({ shapes, build: each }, upstreamOf, (evaluate) => evaluate(inputs)),
    );
    for (const [index, one] of [exact!.value, ...exact!.gradients].entries()) {
      const other = [rounded!.value, ...rounded!.gradients][index]!;
      const error = Math.hypot(...one.map((value, at) => value - other[at]!)) / Math.hypot(...one);
      expect(error, index === 0 ? 'value' : `gradient by input ${index - 1}`).toBeLessThan(most);
    }
  });
});

describe('where TensorFlow.js is not an independent reference:', () => {
  it('max-pooling passes the gradient to the first of equal values', () => {
    fc.assert(
      fc.property(pooling, fc.nat(), ({ batch, height, width, channels, size, stride, padding }, seed) => {
        const shape = [batch, height, width, channels] as const;
        const draw = random(seed);
        const images = Float32Array.from({ length: sizeOf(shape) }, () => draw.integer(3) - 1);
        const build: Case['build'] = (graph, x) => maxPooling(graph, x!, { size, stride, padding });
        const upstreamOf = (pooled: Shape) => values(sizeOf(pooled), seed, 10, false);
        withGraph({ shapes: [shape], build }, upstreamOf, (evaluate) => {
          const { value, gradients } = evaluate([images]);
          const expected = pooledPlainly(
            images,
            shape,
            { size, stride, padding },
            values(value.length, seed, 10, false),
          );
          expect(value).toEqual(expected.value);
          expectClose(gradients[0]!, expected.gradient, 1e-6);
        });
      }),
      { numRuns: runs },
    );
  });

  it('activations far from zero, and at it, have the slope that they tend to', () => {
    const at = [-1e4, -100, -20, 0, 20, 100, 1e4];
    const slopes = { relu: [0, 1], elu: [1, 1], gelu: [0.5, 1], silu: [0.5, 1] } as const;
    for (const [name, apply] of Object.entries({ relu, elu, gelu, silu })) {
      const [atZero, above] = slopes[name as keyof typeof slopes];
      const build: Case['build'] = (graph, x) => apply(graph, x!);
      const { value, gradients } = withGraph({ shapes: [[at.length]], build }, ones, (evaluate) =>
        evaluate([Float32Array.from(at)]),
      );
      const below = name === 'elu' ? -1 : 0;
      expectClose(
        value,
        Float32Array.from(at, (x) => (x > 0 ? x : x && below)),
        1e-6,
      );
      expectClose(
        gradients[0]!,
        Float32Array.from(at, (x) => (x === 0 ? atZero : Number(x > 0) * above)),
        1e-6,
      );
    }
  });

  it('cross-entropy of logits that no exponential can hold is finite, and right', () => {
    const logits = [1e4, 0, -1e4, -1e4, 1e4, 0, 300, 300, 300];
    const build: Case['build'] = (graph, x) => {
      const labels = graph.constant({ type: 'int32', shape: [3], values: Int32Array.of(0, 0, 1) });
      return crossEntropy(graph, x!, labels, 0);
    };
    const { value, gradients } = withGraph({ shapes: [[3, 3]], build }, ones, (evaluate) =>
      evaluate([Float32Array.from(logits)]),
    );
    expectClose(value, Float32Array.of(0, 2e4, Math.log(3)), 1e-6);
    expectClose(gradients[0]!, Float32Array.of(0, 0, 0, -1, 1, 0, 1 / 3, -2 / 3, 1 / 3), 1e-6);
  });

  it('batch normalization of one value a channel is its offset, and passes nothing on', () => {
    const build: Case['build'] = (graph, images, gamma, beta) => {
      const zeros = graph.constant({ type: 'float32', shape: [2], values: new Float32Array(2) });
      const statistics = { movingMean: zeros, movingVariance: zeros, epsilon: 1e-12, momentum: 0.9 };
      return normalizeBatch(graph, images!, { gamma: gamma!, beta: beta!, ...statistics }).normalized;
    };
    const inputs = [Float32Array.of(5, -3), Float32Array.of(2, 2), Float32Array.of(0.5, 0.25)];
    const { value, gradients } = withGraph({ shapes: [[1, 1, 1, 2], [2], [2]], build }, ones, (evaluate) =>
      evaluate(inputs),
    );
    expect([...value]).toEqual([0.5, 0.25]);
    expect(gradients.map((gradient) => [...gradient].map(Math.abs))).toEqual([
      [0, 0],
      [0, 0],
      [1, 1],
    ]);
  });

  it('images of bytes are normalized per channel', () => {
    fc.assert(
      fc.property(small(3), small(5), small(4), fc.nat(), (batch, side, channels, seed) => {
        const shape = [batch, side, side, channels];
        const draw = random(seed);
        const bytes = Uint8Array.from({ length: sizeOf(shape) }, () => draw.integer(256));
        const statistic = () => Array.from({ length: channels }, () => 0.1 + draw.uniform());
        const [mean, deviation] = [statistic(), statistic()];
        const graph = new Graph({ compileFunctions: true });
        const images = graph.placeholder('images', shape, 'uint8');
        const normalized = normalizeImages(graph, images, { mean, deviation });
        const session = openSession(tensorflow, graph);
        try {
          const [found] = session.run([[images, bytes]], [normalized]);
          const expected = Float32Array.from(
            bytes,
            (byte, at) => (byte / 255 - mean[at % channels]!) / deviation[at % channels]!,
          );
          expectClose(found!, expected, 1e-6);
        } finally {
          session.dispose();
        }
      }),
      { numRuns: compiledRuns },
    );
  });

  it('dropout of anything multiplies it and its gradient by the same numbers, zero or one by what is kept', () => {
    fc.assert(
      fc.property(
        fc.array(small(4), { minLength: 1, maxLength: 4 }),
        fc.constantFrom(0.1, 0.3, 0.5, 0.9),
        fc.nat(),
        fc.boolean(),
        (shape, rate, seed, compileFunctions) => {
          const input = values(sizeOf(shape), seed, 0, false);
          const upstream = values(sizeOf(shape), seed, 10, false);
          const build: Case['build'] = (graph, x) => dropout(graph, x!, rate, graph.integers([seed, 3]));
          withGraph(
            { shapes: [shape], build },
            () => upstream,
            (evaluate) => {
              const { value, gradients } = evaluate([input]);
              const kept = value.map((each) => (each === 0 ? 0 : 1 / (1 - rate)));
              expectClose(
                value,
                input.map((each, at) => each * kept[at]!),
                1e-6,
              );
              expectClose(
                gradients[0]!,
                upstream.map((each, at) => each * kept[at]!),
                1e-6,
              );
            },
            { compileFunctions },
          );
        },
      ),
      { numRuns: compiledRuns },
    );
  });
});

describe.each([true, false])('dropout, functions compiled: %s', (compileFunctions) => {
  const dropOut = (rate: number, key: readonly [number, number], shape: Shape = [40, 50]) => {
    const input = new Float32Array(sizeOf(shape)).fill(1);
    const build: Case['build'] = (graph, x) => dropout(graph, x!, rate, graph.integers(key));
    const { value, gradients } = withGraph(
      { shapes: [shape], build },
      () => input,
      (evaluate) => evaluate([input]),
      { compileFunctions },
    );
    return { value, gradient: gradients[0]! };
  };

  it('drops its share, scales up the rest, and passes the gradient through the same holes', () => {
    const { value, gradient } = dropOut(0.25, [1, 2]);
    const dropped = value.filter((each) => each === 0).length / value.length;
    expect(Math.abs(dropped - 0.25)).toBeLessThan(0.05); // 5 standard deviations
    expect(new Set(value)).toEqual(new Set([0, Math.fround(1 / 0.75)]));
    expect(gradient).toEqual(value);
  });

  it('depends on both halves of its key and on nothing else', () => {
    const { value } = dropOut(0.5, [1, 2]);
    expect(dropOut(0.5, [1, 2]).value).toEqual(value);
    expect(dropOut(0.5, [1, 3]).value).not.toEqual(value);
    expect(dropOut(0.5, [2, 2]).value).not.toEqual(value);
  });

  it('drops each place without regard to its neighbours, to the step before and to other keys', () => {
    const count = 2 ** 16;
    const signs = (key: readonly [number, number]) => dropOut(0.5, key, [count]).value.map((each) => each - 1);
    const one = signs([12345, 6]);
    const correlation = (other: Float32Array) => dot(one, other) / count;
    const shifted = (by: number) => one.map((_, place) => one[(place + by) % count]!);
    const others = [
      ...[1, 2, 3, 32, 64, 1024, 4096].map(shifted),
      signs([12345, 7]),
      signs([12346, 6]),
      signs([6, 12345]),
    ];
    for (const other of others) expect(Math.abs(correlation(other))).toBeLessThan(5 / Math.sqrt(count));
  });
});

describe('differentiation', () => {
  const graphOf = () => new Graph({ compileFunctions: false });

  it('computes only the gradients that are asked for', () => {
    const graph = graphOf();
    const images = graph.placeholder('images', [2, 8, 8, 3]);
    const [frozen, trained] = [graph.placeholder('frozen', [3, 3, 3, 4]), graph.placeholder('trained', [3, 3, 4, 5])];
    const options = { stride: 1, padding: 'same' } as const;
    const hidden = convolution(graph, images, frozen, options);
    gradients(graph, sum(graph, convolution(graph, hidden, trained, options)), [trained]);
    const made = graph.operations.map(({ op }) => op);
    expect(made.filter((op) => op === 'Conv2DBackpropFilter')).toHaveLength(1);
    expect(made).not.toContain('Conv2DBackpropInput');
  });

  it('names a weight that the result does not depend on', () => {
    const graph = graphOf();
    const [used, unused] = [graph.placeholder('used', [2]), graph.placeholder('unused', [2])];
    expect(() => gradients(graph, sum(graph, used), [used, unused])).toThrow('Sum:0 does not depend on unused:0.');
  });

  it('names an operation that has no gradient', () => {
    const graph = graphOf();
    const x = graph.placeholder('x', [2]);
    const ratio = graph.scope('ratio', () => divide(graph, 1, x));
    expect(() => gradients(graph, sum(graph, ratio), [x])).toThrow(
      /^ratio\/RealDiv \(RealDiv\) has no gradient .* input 1/,
    );
  });
});

/** TensorFlow's gradient of a kernel of one pixel that skips pixels cannot be trusted: zeros make such a kernel one of four pixels. */
function eagerConvolution(tf: Tfjs, images: Tensor, kernel: Tensor, { stride, padding }: ConvolutionOptions): Tensor {
  if (kernel.shape[0] !== 1 || stride === 1) return tf.conv2d(images as never, kernel as never, stride, padding);
  const around = [
    [0, 1],
    [0, 1],
    [0, 0],
    [0, 0],
  ] as const;
  return tf.conv2d(images as never, tf.pad(kernel, around as never) as never, stride, 'same');
}

function eagerGelu(tf: Tfjs, x: Tensor): Tensor {
  return tf.mul(x, tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5));
}

function eagerSilu(tf: Tfjs, x: Tensor): Tensor {
  return tf.mul(x, tf.sigmoid(x));
}

function property<Shapes>(
  name: string,
  shapes: fc.Arbitrary<Shapes>,
  caseOf: (shapes: Shapes) => Case,
  numRuns = runs,
): void {
  it(name, () => {
    fc.assert(
      fc.property(shapes, fc.nat(), (drawn, seed) => check(caseOf(drawn), seed)),
      { numRuns },
    );
  });
}

function check(testCase: Case, seed: number): void {
  const { tolerance = 1e-5 } = testCase;
  const inputs = testCase.shapes.map((shape, index) => values(sizeOf(shape), seed, index, testCase.kinked === true));
  const upstreamOf = (shape: Shape) => values(sizeOf(shape), seed, 10, false);
  withGraph(testCase, upstreamOf, (evaluate) => {
    const ours = evaluate(inputs);
    const theirs = evaluateEagerly(testCase, inputs, upstreamOf);
    expectClose(ours.value, theirs.value, tolerance);
    for (const [index, gradient] of ours.gradients.entries())
      expectClose(gradient, theirs.gradients[index]!, 10 * tolerance);

    for (const [index, gradient] of ours.gradients.entries()) {
      const slope = slopeAlong(gradient, values(gradient.length, seed, 20 + index, false), (direction, step) => {
        const moved = inputs.map((input, at) =>
          at === index ? input.map((value, j) => value + step * direction[j]!) : input,
        );
        return dot(evaluate(moved).value, theirs.upstream);
      });
      expect(Math.abs(slope.measured - slope.computed), `by input ${index}`).toBeLessThan(slope.tolerance);
    }
  });
}

/**
 * Along the gradient, turned a little at random: the slope there is wrong if any value of the gradient is.
 *
 * @param valueAt the function's value, moved so far in a direction
 */
function slopeAlong(
  gradient: Float32Array,
  turn: Float32Array,
  valueAt: (direction: Float32Array, step: number) => number,
) {
  const norm = Math.hypot(...gradient);
  const direction = gradient.map((value, at) => value / (norm || 1) + (0.3 * turn[at]!) / Math.sqrt(gradient.length));
  // Short of the kinks, and far enough that float32 leaves three digits.
  const step = 0.01 / direction.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  return {
    measured: (valueAt(direction, step) - valueAt(direction, -step)) / (2 * step),
    computed: dot(direction, gradient),
    tolerance: 0.01 * norm + 1e-3,
  };
}

/** Runs `use` on the function's value, and the gradients of its product with `upstream`. */
function withGraph<Result>(
  { shapes, build }: Pick<Case, 'shapes' | 'build'>,
  upstream: (shape: Shape) => Float32Array,
  use: (evaluate: (inputs: readonly Float32Array[]) => { value: Float32Array; gradients: Float32Array[] }) => Result,
  options = { compileFunctions: true },
): Result {
  const graph = new Graph(options);
  const placeholders = shapes.map((shape, index) => graph.placeholder(`input${index}`, shape));
  const value = build(graph, ...placeholders);
  const { shape } = value;
  const weighted = multiply(graph, value, graph.constant({ type: 'float32', shape, values: upstream(shape) }));
  const slopes = gradients(graph, sum(graph, weighted), placeholders);
  const session = openSession(tensorflow, graph);
  try {
    return use((inputs) => {
      const feeds = placeholders.map((each, index) => [each, inputs[index]!] as const);
      const [result, ...computed] = session.run(feeds, [value, ...slopes]);
      return { value: result!, gradients: computed };
    });
  } finally {
    session.dispose();
  }
}

function evaluateEagerly(
  { shapes, eager }: Case,
  inputs: readonly Float32Array[],
  upstreamOf: (shape: Shape) => Float32Array,
) {
  const { tf } = tensorflow;
  return tf.tidy(() => {
    const tensors = inputs.map((input, index) => tf.tensor(input, [...shapes[index]!], 'float32'));
    const value = eager(tf, ...tensors);
    const upstream = upstreamOf(value.shape);
    const slopes = tf.grads((...given: Tensor[]) => eager(tf, ...given))(tensors, tf.tensor(upstream, value.shape));
    return {
      value: value.dataSync() as Float32Array,
      gradients: slopes.map((slope) => slope.dataSync() as Float32Array),
      upstream,
    };
  });
}

/** Max-pooling and its gradient in plain loops, the first of equal values taking all. */
function pooledPlainly(
  images: Float32Array,
  [, height, width, channels]: readonly [number, number, number, number],
  { size, stride, padding }: { readonly size: number; readonly stride: number; readonly padding: 'same' | 'valid' },
  upstream: Float32Array,
) {
  const sides = [height, width].map((length) => {
    if (padding === 'valid') return { count: Math.floor((length - size) / stride) + 1, before: 0 };
    const count = Math.ceil(length / stride);
    return { count, before: Math.max(0, Math.floor(((count - 1) * stride + size - length) / 2)) };
  });
  const [rows, columns] = sides as [(typeof sides)[0], (typeof sides)[0]];
  const value = new Float32Array(upstream.length);
  const gradient = new Float32Array(images.length);
  for (let at = 0; at < value.length; at++) {
    const channel = at % channels;
    const column = Math.floor(at / channels) % columns.count;
    const row = Math.floor(at / (channels * columns.count)) % rows.count;
    const image = Math.floor(at / (channels * columns.count * rows.count));
    let first: number | undefined;
    for (let place = 0; place < size * size; place++) {
      const y = row * stride - rows.before + Math.floor(place / size);
      const x = column * stride - columns.before + (place % size);
      if (y < 0 || y >= height || x < 0 || x >= width) continue;
      const candidate = ((image * height + y) * width + x) * channels + channel;
      if (first === undefined || images[candidate]! > images[first]!) first = candidate;
    }
    value[at] = images[first!]!;
    gradient[first!]! += upstream[at]!;
  }
  return { value, gradient };
}

function ones(shape: Shape): Float32Array {
  return new Float32Array(sizeOf(shape)).fill(1);
}

/** Normal numbers; or, for functions with kinks, multiples of 0.1 in random order, none of them zero. */
function values(count: number, seed: number, stream: number, kinked: boolean): Float32Array {
  const draw = random(seed, stream);
  if (!kinked) return Float32Array.from({ length: count }, () => draw.normal());
  const order = draw.shuffle(Int32Array.from({ length: count }, (_, index) => index));
  return Float32Array.from(order, (place) => 0.1 * (place - count / 2) + 0.05 * (1 + (count % 2)));
}

function dot(one: Float32Array, other: Float32Array): number {
  return one.reduce((total, value, index) => total + value * other[index]!, 0);
}

function expectClose(actual: Float32Array, expected: Float32Array, tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  const scale = 1 + expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  const worst = actual.reduce((largest, value, index) => Math.max(largest, Math.abs(value - expected[index]!)), 0);
  expect(worst / scale).toBeLessThan(tolerance);
}
