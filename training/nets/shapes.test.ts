import { describe, expect, test } from 'vitest';
import { UserError } from '#errors/user-error.ts';
import { cifar10Images } from '../data/image-set.ts';
import { airbenchNet } from './airbench.ts';
import { everythingBranched } from './net.fixture.ts';
import type { Layer, Net } from './net.ts';
import { resnet9 } from './resnet9.ts';
import { seedNet } from './seed.ts';
import { InvalidNet, resizedNet, shapesOf, weightSpecs } from './shapes.ts';
import { tinyNet } from './tiny.ts';

const small: Net = {
  name: 'small',
  input: [8, 6, 3],
  classes: 4,
  layers: [
    { kind: 'normalization', name: 'normalize', mean: [0, 0, 0], deviation: [1, 1, 1] },
    {
      kind: 'convolution',
      name: 'conv',
      filters: 5,
      kernel: 3,
      padding: 'valid',
      stride: 2,
      bias: true,
      init: 'dirac',
    },
    { kind: 'batch-normalization', name: 'norm', momentum: 0.9, epsilon: 1e-3, scale: true },
    { kind: 'flatten', name: 'flatten' },
    { kind: 'dense', name: 'head', units: 4, bias: false, init: 'glorot-uniform' },
  ],
};

/** `small` with layers before its flatten layer. */
function inserted(...layers: readonly Layer[]): Net {
  return { ...small, layers: small.layers.toSpliced(-2, 0, ...layers) };
}

/** `small` with a layer changed. */
function changed(name: string, change: Partial<Record<string, unknown>>): Net {
  return {
    ...small,
    layers: small.layers.map((layer) => (layer.name === name ? ({ ...layer, ...change } as Layer) : layer)),
  };
}

describe('shapesOf', () => {
  test('follows an image through the nets of this project', () => {
    const airbench = new Map(shapesOf(airbenchNet([64, 256, 256])).map(({ layer, output }) => [layer.name, output]));
    expect(airbench.get('whiten')).toEqual([31, 31, 24]);
    expect(airbench.get('group1-gelu2')).toEqual([15, 15, 64]);
    expect(airbench.get('group2-gelu2')).toEqual([7, 7, 256]);
    expect(airbench.get('pool')).toEqual([1, 1, 256]);
    expect(airbench.get('logits')).toEqual([10]);
    expect(shapesOf(seedNet).find(({ layer }) => layer.kind === 'flatten')!.output).toEqual([4 * 4 * 128]);
    expect(shapesOf(tinyNet).at(-1)!.output).toEqual([10]);
  });

  test('rounds windows as TensorFlow does', () => {
    expect(shapesOf(small)[1]!.output).toEqual([3, 2, 5]);
    const padded = changed('conv', { padding: 'same', stride: 3 });
    expect(shapesOf(padded)[1]!.output).toEqual([3, 2, 5]);
  });

  test('follows every branch of a net', () => {
    const branched = new Map(shapesOf(everythingBranched).map((shaped) => [shaped.layer.name, shaped]));
    expect(branched.get('normalize')).toMatchObject({ inputs: [], input: [9, 8, 3], output: [9, 8, 3] });
    expect(branched.get('max')).toMatchObject({ inputs: ['stem'], input: [9, 8, 6], output: [5, 4, 6] });
    expect(branched.get('mean')).toMatchObject({ inputs: ['stem'], output: [5, 4, 6] });
    expect(branched.get('three')).toMatchObject({ inputs: ['norm3', 'padded', 'projected'], output: [3, 2, 8] });
    expect(branched.get('small')!.output).toEqual([2, 1, 8]);
    expect(branched.get('largest')).toMatchObject({ inputs: ['gelu'], input: [3, 2, 8], output: [8] });
  });

  test('the head is as wide as there are classes', () => {
    const hundred = airbenchNet([8, 8, 8], { size: [32, 32, 1], classes: 100, mean: [0.5], deviation: [0.5] });
    expect(shapesOf(hundred).at(-1)!.output).toEqual([100]);
    expect(weightSpecs(hundred).find(({ name }) => name === 'whiten/kernel')!.shape).toEqual([2, 2, 1, 8]);
  });
});

test('weightSpecs lists the weights layer by layer', () => {
  expect(weightSpecs(small)).toEqual([
    { name: 'conv/kernel', shape: [3, 3, 3, 5], role: 'kernel', layer: 'conv', trainable: true },
    { name: 'conv/bias', shape: [5], role: 'bias', layer: 'conv', trainable: true },
    { name: 'norm/gamma', shape: [5], role: 'gamma', layer: 'norm', trainable: true },
    { name: 'norm/beta', shape: [5], role: 'beta', layer: 'norm', trainable: true },
    { name: 'norm/moving_mean', shape: [5], role: 'moving-mean', layer: 'norm', trainable: false },
    { name: 'norm/moving_variance', shape: [5], role: 'moving-variance', layer: 'norm', trainable: false },
    { name: 'head/kernel', shape: [30, 4], role: 'kernel', layer: 'head', trainable: true },
  ]);
  expect(weightSpecs(airbenchNet([8, 8, 8])).find(({ name }) => name === 'whiten/kernel')!.trainable).toBe(false);
});

describe('a description that contradicts itself is refused, by layer and numbers', () => {
  const head = small.layers.at(-1)!;
  const cases: readonly (readonly [Net, string])[] = [
    [{ ...small, input: [8, 0, 3] }, 'Net small: input is [8, 0, 3]'],
    [{ ...small, classes: 1 }, 'Net small: classes is 1'],
    [{ ...small, classes: 65_537 }, 'Net small: classes is 65537'],
    [{ ...small, classes: 5 }, 'layer head: returns [4] for an image; the last layer must return [5]'],
    [{ ...small, layers: [] }, 'the first layer must be of kind normalization'],
    [{ ...small, layers: small.layers.slice(1) }, 'layer conv: the first layer must be of kind normalization'],
    [{ ...small, layers: [...small.layers, head] }, 'layer head: two layers have this name'],
    [changed('head', { name: 'a/b' }), 'layer "a/b": a name is made of'],
    [changed('normalize', { mean: [0] }), 'layer normalize: mean has 1 values for 3 channels'],
    [changed('normalize', { mean: [0, 0, Number.NaN] }), 'layer normalize: mean is [0, 0, NaN]'],
    [changed('normalize', { deviation: [1, 0, 1] }), 'layer normalize: deviation is [1, 0, 1]'],
    [changed('conv', { filters: 0 }), 'layer conv: filters is 0'],
    [changed('conv', { kernel: 2.5 }), 'layer conv: kernel is 2.5'],
    [changed('conv', { stride: -1 }), 'layer conv: stride is -1'],
    [changed('conv', { stride: 4 }), "layer conv: stride is 4, more than the kernel's 3"],
    [changed('conv', { kernel: 7 }), 'layer conv: kernel is 7, more than the 8x6'],
    [
      changed('conv', { init: 'whitening' }),
      'layer conv: filters is 5; whitening makes an even number of them, at most 54',
    ],
    [changed('norm', { momentum: 1 }), 'layer norm: momentum is 1'],
    [changed('norm', { epsilon: 0 }), 'layer norm: epsilon is 0'],
    [changed('head', { units: 0 }), 'layer head: units is 0'],
    [changed('flatten', { kind: 'scale', by: 0 }), 'layer flatten: by is 0'],
    [changed('flatten', { kind: 'dropout', rate: 1 }), 'layer flatten: rate is 1'],
    [
      changed('flatten', { kind: 'max-pooling', size: 4, padding: 'valid' }),
      'layer flatten: size is 4, more than the 3x2',
    ],
    [changed('flatten', { kind: 'activation', function: 'relu' }), 'layer head: takes a vector but is given [3, 2, 5]'],
    [changed('conv', { kind: 'flatten' }), 'layer norm: takes a feature map [H, W, C] but is given [144]'],
    [
      changed('norm', { kind: 'convolution', filters: 2, kernel: 1, padding: 'same', bias: false, init: 'whitening' }),
      'layer norm: whitens images',
    ],
    [
      changed('flatten', { kind: 'average-pooling', size: 4, padding: 'valid' }),
      'layer flatten: size is 4, more than the 3x2',
    ],
    [changed('flatten', { kind: 'average-pooling', size: 0, padding: 'same' }), 'layer flatten: size is 0'],
    [changed('norm', { kind: 'max-pooling', size: 2, stride: 0, padding: 'same' }), 'layer norm: stride is 0'],
    [changed('norm', { kind: 'channel-padding', filters: 4, stride: 1 }), 'layer norm: filters is 4, less than the 5'],
    [changed('norm', { kind: 'channel-padding', filters: 5.5, stride: 1 }), 'layer norm: filters is 5.5'],
    [changed('norm', { kind: 'channel-padding', filters: 5, stride: 0 }), 'layer norm: stride is 0'],
    [
      inserted({ kind: 'global-pooling', name: 'pool', function: 'max' }),
      'layer flatten: takes a feature map [H, W, C] but is given [5]',
    ],
    [changed('normalize', { inputs: [] }), 'layer normalize: reads the images; the first layer takes no inputs'],
    [changed('norm', { inputs: ['conv9'] }), 'layer norm: reads "conv9", which is not the name of a layer before it'],
    [changed('conv', { inputs: ['norm'] }), 'layer conv: reads "norm", which is not the name of a layer before it'],
    [changed('conv', { inputs: ['conv'] }), 'layer conv: reads "conv", which is not the name of a layer before it'],
    [changed('norm', { inputs: ['conv', 'normalize'] }), 'layer norm: reads 2 layers; it must read one'],
    [changed('norm', { inputs: [] }), 'layer norm: reads 0 layers; it must read one'],
    [inserted({ kind: 'add', name: 'sum', inputs: ['norm'] }), 'layer sum: reads 1 layers; it must read two or more'],
    [
      inserted({ kind: 'add', name: 'sum', inputs: ['norm', 'normalize'] }),
      'layer sum: adds norm [3, 2, 5] and normalize [8, 6, 3]; their shapes must be equal',
    ],
    [changed('flatten', { inputs: ['conv'] }), 'layer norm: no layer reads its output; remove it or connect it'],
    [
      changed('norm', { kind: 'normalization', mean: [], deviation: [] }),
      'layer norm: a normalization is the first layer',
    ],
  ];

  test.each(cases.map(([net, message]) => [message, net] as const))('%s', (message, net) => {
    expect(() => shapesOf(net)).toThrow(InvalidNet);
    expect(() => weightSpecs(net)).toThrow(message);
    expect(() => weightSpecs(net)).toThrow(UserError);
  });
});

describe('resizedNet', () => {
  test('has the same weights, and pools over the whole feature map where the net does', () => {
    const net = airbenchNet([64, 256, 256]);
    expect(resizedNet(net, 32)).toEqual(net);
    for (const side of [16, 24, 28]) {
      const resized = resizedNet(net, side);
      expect(resized.input).toEqual([side, side, 3]);
      expect(weightSpecs(resized)).toEqual(weightSpecs(net));
      expect(shapesOf(resized).find(({ layer }) => layer.name === 'pool')?.output).toEqual([1, 1, 256]);
    }
    expect(weightSpecs(resizedNet(resnet9(), 20))).toEqual(weightSpecs(resnet9()));
  });

  test('is refused, by its layer, where a weight would change its shape or a window does not fit', () => {
    expect(() => resizedNet(seedNet, 24)).toThrow(/layer dense1: has a weight for each pixel of its input/);
    expect(() => resizedNet(airbenchNet([4, 6, 8]), 8)).toThrow(/layer group3-pool: size is 2, more than the 1x1/);
    const wide = { ...cifar10Images, size: [32, 64, 3] as const };
    expect(() => resizedNet(airbenchNet([4, 6, 8], wide), 24)).toThrow(/images of 32x64 are not square/);
  });
});
