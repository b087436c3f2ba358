import fc from 'fast-check';
import { sizeOf } from '#models/size-of.ts';
import type { Batch } from '../data/batch.ts';
import type { ImageSet } from '../data/image-set.ts';
import { random } from '../random/random.ts';
import { airbenchNet } from './airbench.ts';
import { initializeWeights } from './initialize.ts';
import type { NamedTensor } from './named-tensor.ts';
import type { ChannelPadding, Convolution, Layer, Net } from './net.ts';
import { seedNetFor } from './seed.ts';
import { type Shape, shapesOf } from './shapes.ts';
import { tinyNetFor } from './tiny.ts';

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

/**
 * What `everything` leaves out: a feature map that several layers read, sums of two and three, a shortcut with padded channels
 * and one with a projection, average pooling, strided max pooling, both kinds of global pooling, He's initialization.
 */
export const everythingBranched: Net = {
  name: 'everything-branched',
  input: [9, 8, 3],
  classes: 5,
  layers: [
    { kind: 'normalization', name: 'normalize', mean: [0.5, 0.4, 0.3], deviation: [0.3, 0.2, 0.25] },
    { kind: 'convolution', name: 'conv1', filters: 6, kernel: 3, padding: 'same', bias: false, init: 'he-normal' },
    { kind: 'batch-normalization', name: 'norm1', momentum: 0.9, epsilon: 1e-3, scale: true },
    { kind: 'activation', name: 'stem', function: 'elu' },
    { kind: 'max-pooling', name: 'max', size: 3, stride: 2, padding: 'same' }, //                                [5, 4, 6]
    { kind: 'average-pooling', name: 'mean', inputs: ['stem'], size: 3, stride: 2, padding: 'same' }, //         [5, 4, 6]
    { kind: 'add', name: 'pooled', inputs: ['max', 'mean'] },
    { kind: 'convolution', name: 'conv2', filters: 6, kernel: 3, padding: 'same', bias: true, init: 'he-normal' },
    { kind: 'activation', name: 'silu', function: 'silu' },
    { kind: 'add', name: 'identity', inputs: ['silu', 'pooled'] },
    {
      ...{ kind: 'convolution', name: 'conv3', filters: 8, kernel: 3, stride: 2 },
      ...{ padding: 'same', bias: false, init: 'he-normal' },
    }, //                                                                                                        [3, 2, 8]
    { kind: 'batch-normalization', name: 'norm3', momentum: 0.9, epsilon: 1e-3, scale: false },
    { kind: 'channel-padding', name: 'padded', inputs: ['identity'], filters: 8, stride: 2 }, //                 [3, 2, 8]
    {
      ...{ kind: 'convolution', name: 'projected', inputs: ['identity'], filters: 8, kernel: 1, stride: 2 },
      ...{ padding: 'valid', bias: false, init: 'he-normal' },
    }, //                                                                                                        [3, 2, 8]
    { kind: 'add', name: 'three', inputs: ['norm3', 'padded', 'projected'] },
    { kind: 'activation', name: 'gelu', function: 'gelu' },
    { kind: 'average-pooling', name: 'small', size: 2, stride: 1, padding: 'valid' }, //                         [2, 1, 8]
    { kind: 'global-pooling', name: 'average', function: 'average' }, //                                               [8]
    { kind: 'global-pooling', name: 'largest', inputs: ['gelu'], function: 'max' }, //                                 [8]
    { kind: 'add', name: 'features', inputs: ['average', 'largest'] },
    { kind: 'dense', name: 'hidden', units: 12, bias: true, init: 'he-normal' },
    { kind: 'activation', name: 'relu', function: 'relu' },
    { kind: 'dense', name: 'head', units: 5, bias: false, init: 'glorot-uniform' },
    { kind: 'scale', name: 'logits', by: 0.5 },
  ],
};

/** Images of other sizes than CIFAR-10's, of which each net is made: narrow, with few classes. */
export function imagesOf(side: number): ImageSet {
  return { size: [side, side, 3], classes: 4, mean: [0.5, 0.4, 0.3], deviation: [0.3, 0.2, 0.25] };
}

/** The nets of the recipes, narrow, for images of 48x48 and 96x96 pixels, and the one whose first layer changes most at 128x128. */
export const largerNets: readonly Net[] = [
  ...[48, 96].flatMap((side) => [
    { ...airbenchNet([8, 16, 16], imagesOf(side)), name: `airbench of ${side}x${side}` },
    { ...seedNetFor(imagesOf(side)), name: `seed of ${side}x${side}` },
    { ...tinyNetFor(imagesOf(side)), name: `tiny of ${side}x${side}` },
  ]),
  { ...airbenchNet([8, 16, 16], imagesOf(128)), name: 'airbench of 128x128' },
];

/** `size` images of noise, and labels. */
export function noiseBatch(net: Net, size: number, seed: number): Batch {
  const draw = random(seed);
  const length = size * sizeOf(net.input);
  return {
    images: Uint8Array.from({ length }, () => draw.integer(256)),
    labels: Uint8Array.from({ length: size }, () => draw.integer(net.classes)),
  };
}

/** Initial weights, with statistics like those of a trained net; a third of the batch normalizations' gammas are negative. */
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

const anyPadding = fc.constantFrom('same' as const, 'valid' as const);

/** A window of up to 3 pixels, which moves by at most its size. */
const anyWindow = fc.record({ size: fc.integer({ min: 1, max: 3 }), padding: anyPadding }).chain(({ size, padding }) =>
  fc.option(fc.integer({ min: 1, max: size }), { nil: undefined }).map((stride) => ({
    ...{ size, padding },
    ...(stride !== undefined && { stride }),
  })),
);

/** What a net may have before its feature maps become a vector. */
const featureMapStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .record({
        filters: fc.integer({ min: 1, max: 6 }),
        kernel: fc.integer({ min: 1, max: 4 }),
        stride: fc.integer({ min: 1, max: 2 }),
        padding: anyPadding,
        bias: fc.boolean(),
        init: fc.constantFrom(
          'glorot-uniform' as const,
          'he-normal' as const,
          'fan-in-uniform' as const,
          'dirac' as const,
        ),
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
  anyWindow.map(
    (settings) =>
      (name: string): Layer => ({ kind: 'max-pooling', name, ...settings }),
  ),
  anyWindow.map(
    (settings) =>
      (name: string): Layer => ({ kind: 'average-pooling', name, ...settings }),
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
  .record({
    units: fc.integer({ min: 1, max: 7 }),
    bias: fc.boolean(),
    init: fc.constantFrom('glorot-uniform' as const, 'he-normal' as const),
  })
  .map(
    (settings) =>
      (name: string): Layer => ({ kind: 'dense', name, ...settings }),
  );

/** A few layers whose result is added to what they were given. */
interface Residual {
  readonly steps: readonly Step[];
  /** Where the shapes differ; where they are equal, `padding` adds the feature map as it is. */
  readonly shortcut: 'padding' | 'projection';
}

const anyResidual: fc.Arbitrary<Residual> = fc.record({
  steps: fc.array(fc.oneof(featureMapStep, anyStep), { minLength: 1, maxLength: 3 }),
  shortcut: fc.constantFrom('padding' as const, 'projection' as const),
});

const anyEnd = fc.constantFrom('flatten' as const, 'average' as const, 'max' as const, 'average and max' as const);

/** Valid nets: any sequence of layers and residual blocks that fits, what does not fit left out. */
export const anyNet: fc.Arbitrary<Net> = fc
  .record({
    height: fc.integer({ min: 3, max: 9 }),
    width: fc.integer({ min: 3, max: 9 }),
    channels: fc.constantFrom(1, 3),
    classes: fc.integer({ min: 2, max: 6 }),
    body: fc.array(
      fc.oneof(
        { weight: 2, arbitrary: featureMapStep },
        { weight: 1, arbitrary: anyStep },
        { weight: 1, arbitrary: anyResidual },
      ),
      { maxLength: 8 },
    ),
    end: anyEnd,
    vectors: fc.array(fc.oneof(vectorStep, anyStep), { maxLength: 4 }),
    after: fc.array(anyStep, { maxLength: 2 }),
  })
  .map(({ height, width, channels, classes, body, end, vectors, after }) => {
    const statistics = { mean: Array(channels).fill(0.45), deviation: Array(channels).fill(0.25) };
    const layers: Layer[] = [{ kind: 'normalization', name: 'normalize', ...statistics }];
    const net: Net = { name: 'any', input: [height, width, channels], classes, layers };
    const push = (step: Step) => {
      layers.push(step(`layer${layers.length}`));
      if (!fitsSoFar(net)) layers.pop();
      return layers.at(-1)!.name;
    };
    const pushResidual = ({ steps, shortcut }: Residual) => {
      const from = layers.at(-1)!.name;
      for (const step of steps) push(step);
      const last = layers.at(-1)!.name;
      if (last === from) return;
      const added = shortcutOf(outputIn(net, from), outputIn(net, last), shortcut);
      if (added === undefined) return;
      const other = added === 'identity' ? from : `layer${layers.length}`;
      if (added !== 'identity') layers.push({ ...added, name: other, inputs: [from] });
      layers.push({ kind: 'add', name: `layer${layers.length}`, inputs: [last, other] });
    };
    for (const step of body) typeof step === 'function' ? push(step) : pushResidual(step);
    pushEnd(layers, end);
    const head: Step = (name) => ({ kind: 'dense', name, units: classes, bias: true, init: 'glorot-uniform' });
    for (const step of [...vectors, head, ...after]) push(step);
    return net;
  });

/** @returns `undefined` where no shortcut makes the one shape into the other */
function shortcutOf(
  [height = 0, width = 0, channels = 0]: Shape,
  [rows = 0, columns = 0, filters = 0]: Shape,
  wanted: Residual['shortcut'],
): 'identity' | ChannelPadding | Convolution | undefined {
  const stride = [1, 2, 3].find((each) => Math.ceil(height / each) === rows && Math.ceil(width / each) === columns);
  if (stride === undefined) return undefined;
  if (wanted === 'padding' && filters >= channels) {
    if (stride === 1 && filters === channels) return 'identity';
    return { kind: 'channel-padding', name: '', filters, stride };
  }
  return {
    ...{ kind: 'convolution', name: '', filters, kernel: 1, stride },
    ...{ padding: 'valid', bias: false, init: 'he-normal' },
  };
}

/** Makes the last feature map a vector. */
function pushEnd(layers: Layer[], end: typeof anyEnd extends fc.Arbitrary<infer End> ? End : never): void {
  const from = layers.at(-1)!.name;
  if (end === 'flatten') {
    layers.push({ kind: 'flatten', name: 'flatten' });
    return;
  }
  for (const each of ['average', 'max'] as const) {
    if (end.includes(each)) layers.push({ kind: 'global-pooling', name: each, inputs: [from], function: each });
  }
  if (end === 'average and max') layers.push({ kind: 'add', name: 'features', inputs: ['average', 'max'] });
}

function outputIn(net: Net, name: string): Shape {
  return shapesOf(completed(net)).find(({ layer }) => layer.name === name)!.output;
}

/** Whether a net is valid except for its end. */
function fitsSoFar(net: Net): boolean {
  try {
    shapesOf(completed(net));
    return true;
  } catch {
    return false;
  }
}

function completed(net: Net): Net {
  const isVector = net.layers.some(({ kind }) => kind === 'flatten' || kind === 'global-pooling');
  const end: Layer[] = [
    ...(isVector ? [] : [{ kind: 'flatten', name: 'end-flatten' } as const]),
    { kind: 'dense', name: 'end', units: net.classes, bias: false, init: 'glorot-uniform' },
  ];
  return { ...net, layers: [...net.layers, ...end] };
}
