import { cifar10Images, type ImageSet } from '../data/image-set.ts';
import type { Layer, Net } from './net.ts';

/**
 * VGG with eight convolutions (configuration A), for small images, 9.2 million weights: batch normalization after each
 * convolution, and one dense layer in place of three. Pooling rounds up, so that images of any size fit.
 *
 * @see Simonyan and Zisserman 2014, arXiv:1409.1556, table 1; the cut for CIFAR-10 is that of github.com/kuangliu/pytorch-cifar
 */
export function vgg({ size, classes, mean, deviation }: ImageSet = cifar10Images): Net {
  return {
    name: 'vgg11',
    input: size,
    classes,
    layers: [
      { kind: 'normalization', name: 'normalize', mean, deviation }, //                  [32, 32, 3]
      ...convolutions('group1', [64]), //                                                [16, 16, 64]
      ...convolutions('group2', [128]), //                                                [8, 8, 128]
      ...convolutions('group3', [256, 256]), //                                           [4, 4, 256]
      ...convolutions('group4', [512, 512]), //                                           [2, 2, 512]
      ...convolutions('group5', [512, 512]), //                                           [1, 1, 512]
      { kind: 'global-pooling', name: 'features', function: 'average' }, //                     [512]
      { kind: 'dense', name: 'logits', units: classes, bias: true, init: 'he-normal' }, //  [classes]
    ],
  };
}

/** 3x3 convolutions, each with batch normalization and ReLU, and a pooling. */
function convolutions(name: string, filters: readonly number[]): Layer[] {
  const layers = filters.flatMap((count, index): Layer[] => [
    {
      ...{ kind: 'convolution', name: `${name}-conv${index + 1}`, filters: count, kernel: 3 },
      ...{ padding: 'same', bias: false, init: 'he-normal' },
    },
    { kind: 'batch-normalization', name: `${name}-norm${index + 1}`, momentum: 0.9, epsilon: 1e-5, scale: true },
    { kind: 'activation', name: `${name}-relu${index + 1}`, function: 'relu' },
  ]);
  return [...layers, { kind: 'max-pooling', name: `${name}-pool`, size: 2, padding: 'same' }];
}
