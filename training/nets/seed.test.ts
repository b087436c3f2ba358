import { describe, expect, test } from 'vitest';
import { sizeOf } from '#models/size-of.ts';
import { type SeedHead, seedNet, seedNetWith } from './seed.ts';
import { shapesOf, weightSpecs } from './shapes.ts';

test('has the layers and the number of weights that the post describes', () => {
  const shown = shapesOf(seedNet).flatMap(({ layer, output }) => {
    if (layer.kind === 'convolution') return [`${layer.kernel}x${layer.kernel} ${layer.padding} ${output}`];
    return layer.kind === 'max-pooling' || layer.kind === 'dense' ? [`${layer.kind} ${output}`] : [];
  });
  expect(shown).toEqual([
    '3x3 same 32,32,32',
    'max-pooling 16,16,32',
    '3x3 same 16,16,64',
    'max-pooling 8,8,64',
    '3x3 same 8,8,128',
    'max-pooling 4,4,128',
    'dense 80',
    'dense 10',
  ]);
  const parameters = weightSpecs(seedNet).map(({ shape }) => sizeOf(shape));
  expect(parameters.reduce((sum, size) => sum + size)).toBe(257_978);
});

describe('what the post leaves open can be chosen', () => {
  const none: SeedHead = { activation: 'elu', convolutionDropout: [0, 0, 0], hidden: 0, denseDropout: 0 };

  test('without hidden layer and dropout', () => {
    expect(shapesOf(seedNetWith(none)).map(({ layer }) => layer.name)).toEqual([
      'rescale',
      'conv1',
      'elu1',
      'pool1',
      'conv2',
      'elu2',
      'pool2',
      'conv3',
      'elu3',
      'pool3',
      'flatten',
      'dense2',
    ]);
  });

  test('with another share dropped after each pooling', () => {
    const { layers } = seedNetWith({ ...none, convolutionDropout: [0, 0.2, 0.5], denseDropout: 0.1 });
    const rates = layers.flatMap((layer) => (layer.kind === 'dropout' ? [`${layer.name} ${layer.rate}`] : []));
    expect(rates).toEqual(['dropout2 0.2', 'dropout3 0.5', 'dropout4 0.1']);
  });
});
