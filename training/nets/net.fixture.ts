import fc from 'fast-check';
import { sizeOf } from '#models/size-of.ts';
import type { Batch } from '../data/batch.ts';
import { random } from '../random/random.ts';
import { initializeWeights } from './initialize.ts';
import type { NamedTensor } from './named-tensor.ts';
import type { Layer, Net } from './net.ts';
import { shapesOf } from './shapes.ts';

/** Every kind of layer, each activation, both paddings, a stride; no dropout, whose random numbers differ by engine. */
export const everything: Net = {
  name: 'everything',
  input: [9, 8, 3],
  classes: 5,
  layers: [
    { kind: 'normalization', name: 'normalize', mean: [0.5, 0.4, 0.3], deviation: [0.3, 0.2, 0.25] },
    { kind: 'convolution', name: 'whiten', filters: 10, kernel: 2, padding: 'valid', bias: true, init: 'whitening' },
    { kind: 'activation', name: 'gelu', function: 'gelu' },
    { kind: 'convolution', name: 'conv1', filters: 6, kernel: 3, padding: 'same', bias: false, init: 'dirac' },
    { kind: 'max-pooling', name: 'pool1', size: 2, padding: 'same' },
    { kind: 'batch-normalization', name: 'norm1', momentum: 0.6, epsilon: 1e-5, scale: true },
    { kind: 'activation', name: 'elu', function: 'elu' },
    {
      kind: 'convolution',
      name: 'conv2',
      filters: 8,
      kernel: 3,
      stride: 2,
      padding: 'same',
      bias: false,
      init: 'fan-in-uniform',
    },
    { kind: 'batch-normalization', name: 'norm2', momentum: 0.9, epsilon: 1e-3, scale: false },
    { kind: 'activation', name: 'silu', function: 'silu' },
    { kind: 'flatten', name: 'flatten' },
    { kind: 'dense', name: 'hidden', units: 12, bias: true, init: 'glorot-uniform' },
    { kind: 'activation', name: 'relu', function: 'relu' },
    { kind: 'dense', name: 'head', units: 5, bias: false, init: 'glorot-uniform' },
    { kind: 'scale', name: 'logits', by: 0.5 },
  ],
};

/** `size` images of noise, and labels. */
export function noiseBatch(net: Net, size: number, seed: number): Batch {
  const draw = random(seed);
  const length = size * sizeOf(net.input);
  return {
    images: Uint8Array.from({ length }, () => draw.integer(256)),
    labels: Uint8Array.from({ length: size }, () => draw.integer(net.classes)),
  };
}

/** Initial weights, and statistics as if the net had been trained; a third of the batch normalizations' gammas negative. */
export function trainedWeights(net: Net, seed: number): NamedTensor[] {
  const draw = random(seed, 1);
  const { images } = noiseBatch(net, 20, seed);
  return initializeWeights(net, { seed, images }).map(({ name, shape, data }) => {
    if (/\/(gamma|moving_variance)$/.test(name)) {
      const flip = name.endsWith('gamma') && draw.uniform() < 1 / 3 ? -1 : 1;
      return { name, shape, data: data.map(() => flip * (0.5 + draw.uniform())) };
    }
    return { name, shape, data: /\/(beta|moving_mean)$/.test(name) ? data.map(() => 0.3 * draw.normal()) : data };
  });
}

type Step = (name: string) => Layer;

/** What a net may have before its flatten layer. */
const pictureStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .record({
        filters: fc.integer({ min: 1, max: 6 }),
        kernel: fc.integer({ min: 1, max: 4 }),
        stride: fc.integer({ min: 1, max: 2 }),
        padding: fc.constantFrom('same' as const, 'valid' as const),
        bias: fc.boolean(),
        init: fc.constantFrom('glorot-uniform' as const, 'fan-in-uniform' as const, 'dirac' as const),
      })
      .map(
        (settings) =>
          (name: string): Layer => ({ kind: 'convolution', name, ...settings }),
      ),
  },
  fc
    .record({
      momentum: fc.constantFrom(0.6, 0.99),
      epsilon: fc.constantFrom(1e-12, 1e-3),
      scale: fc.boolean(),
    })
    .map(
      (settings) =>
        (name: string): Layer => ({ kind: 'batch-normalization', name, ...settings }),
    ),
  fc.record({ size: fc.integer({ min: 1, max: 3 }), padding: fc.constantFrom('same' as const, 'valid' as const) }).map(
    (settings) =>
      (name: string): Layer => ({ kind: 'max-pooling', name, ...settings }),
  ),
);

/** What a net may have anywhere. */
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.constantFrom('relu' as const, 'gelu' as const, 'elu' as const, 'silu' as const).map(
    (activation) =>
      (name: string): Layer => ({ kind: 'activation', name, function: activation }),
  ),
  fc.constantFrom(-0.5, 1 / 9, 2).map(
    (by) =>
      (name: string): Layer => ({ kind: 'scale', name, by }),
  ),
  fc.constantFrom(0, 0.3).map(
    (rate) =>
      (name: string): Layer => ({ kind: 'dropout', name, rate }),
  ),
);

const vectorStep: fc.Arbitrary<Step> = fc
  .record({ units: fc.integer({ min: 1, max: 7 }), bias: fc.boolean(), init: fc.constant('glorot-uniform' as const) })
  .map(
    (settings) =>
      (name: string): Layer => ({ kind: 'dense', name, ...settings }),
  );

/** Valid nets: any sequence of layers that fits, layers that do not fit left out. */
export const anyNet: fc.Arbitrary<Net> = fc
  .record({
    height: fc.integer({ min: 3, max: 9 }),
    width: fc.integer({ min: 3, max: 9 }),
    channels: fc.constantFrom(1, 3),
    classes: fc.integer({ min: 2, max: 6 }),
    pictures: fc.array(fc.oneof({ weight: 2, arbitrary: pictureStep }, anyStep), { maxLength: 8 }),
    vectors: fc.array(fc.oneof(vectorStep, anyStep), { maxLength: 4 }),
    after: fc.array(anyStep, { maxLength: 2 }),
  })
  .map(({ height, width, channels, classes, pictures, vectors, after }) => {
    const statistics = { mean: Array(channels).fill(0.45), deviation: Array(channels).fill(0.25) };
    const layers: Layer[] = [{ kind: 'normalization', name: 'normalize', ...statistics }];
    const net: Net = { name: 'any', input: [height, width, channels], classes, layers };
    const head: Step = (name) => ({ kind: 'dense', name, units: classes, bias: true, init: 'glorot-uniform' });
    const flatten: Step = (name) => ({ kind: 'flatten', name });
    for (const step of [...pictures, flatten, ...vectors, head, ...after]) {
      layers.push(step(`layer${layers.length}`));
      if (!fitsSoFar(net)) layers.pop();
    }
    return net;
  });

/** Whether a net is right but for its end. */
function fitsSoFar(net: Net): boolean {
  const flat = net.layers.some(({ kind }) => kind === 'flatten');
  const end: Layer[] = [
    ...(flat ? [] : [{ kind: 'flatten', name: 'end-flatten' } as const]),
    { kind: 'dense', name: 'end', units: net.classes, bias: false, init: 'glorot-uniform' },
  ];
  try {
    shapesOf({ ...net, layers: [...net.layers, ...end] });
    return true;
  } catch {
    return false;
  }
}
