import { cifar10Images, type ImageSet } from '../data/image-set.ts';
import type { Layer, Net } from './net.ts';

/**
 * The network of airbench94: a frozen whitening convolution and three groups of two convolutions, without a residual.
 *
 * @param widths filters of the three groups: 64/256/256 is the paper's, 32/64/64 is for two CPU cores
 * @see airbench, arXiv:2404.00498 §3 and appendix A
 */
export function airbenchNet(widths: readonly [number, number, number], images: ImageSet = cifar10Images): Net {
  const { size, classes, mean, deviation } = images;
  return {
    name: `airbench-${widths.join('-')}`,
    input: size,
    classes,
    layers: [
      { kind: 'normalization', name: 'normalize', mean, deviation }, //                                [32, 32, 3]
      whiten(size[2]), //                                                                             [31, 31, 24]
      gelu('whiten-gelu'),
      ...group('group1', widths[0]), //                                                               [15, 15, w1]
      ...group('group2', widths[1]), //                                                                 [7, 7, w2]
      ...group('group3', widths[2]), //                                                                 [3, 3, w3]
      ...pooledOver(size), //                                                                                 [w3]
      { kind: 'dense', name: 'head', units: classes, bias: false, init: 'fan-in-uniform' }, //          [classes]
      { kind: 'scale', name: 'logits', by: 1 / 9 },
    ],
  };
}

/** The largest value of each channel: by the paper's 3x3 pooling where the feature map is 3x3, else over all of it. */
function pooledOver([height, width]: ImageSet['size']): Layer[] {
  const isThree = [height, width].every((size) => Math.floor((size - 1) / 8) === 3);
  if (!isThree) return [{ kind: 'global-pooling', name: 'pool', function: 'max' }];
  return [
    { kind: 'max-pooling', name: 'pool', size: 3, padding: 'valid' }, //                              [1, 1, w3]
    { kind: 'flatten', name: 'flatten' },
  ];
}

/** Every eigenvector of the 2x2 patches, and its negative: 24 filters for RGB. */
function whiten(channels: number): Layer {
  const filters = 2 * 2 * 2 * channels;
  return { kind: 'convolution', name: 'whiten', filters, kernel: 2, padding: 'valid', bias: true, init: 'whitening' };
}

function group(name: string, filters: number): Layer[] {
  return [
    convolution(`${name}-conv1`, filters),
    { kind: 'max-pooling', name: `${name}-pool`, size: 2, padding: 'valid' },
    batchNormalization(`${name}-norm1`),
    gelu(`${name}-gelu1`),
    convolution(`${name}-conv2`, filters),
    batchNormalization(`${name}-norm2`),
    gelu(`${name}-gelu2`),
  ];
}

function convolution(name: string, filters: number): Layer {
  return { kind: 'convolution', name, filters, kernel: 3, padding: 'same', bias: false, init: 'dirac' };
}

function batchNormalization(name: string): Layer {
  return { kind: 'batch-normalization', name, momentum: 0.6, epsilon: 1e-12, scale: false };
}

function gelu(name: string): Layer {
  return { kind: 'activation', name, function: 'gelu' };
}
