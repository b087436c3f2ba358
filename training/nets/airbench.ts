import { cifar10Images, type ImageSet } from '../data/image-set.ts';
import type { Layer, Net } from './net.ts';

/**
 * The network of airbench94: a frozen whitening convolution and three groups of two convolutions, without a residual.
 *
 * Images of 64 pixels and more are whitened in patches of 3x3 pixels every 2, of 4x4 every 3, and so on: behind that, the net is
 * the one of 32x32 images, and takes 1.5 times its time.
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
      whiten(size), //                                                                                [31, 31, 24]
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
function pooledOver(size: ImageSet['size']): Layer[] {
  const { kernel, stride } = patchesOf(size);
  const isThree = size.slice(0, 2).every((side) => Math.floor((Math.floor((side - kernel) / stride) + 1) / 8) === 3);
  if (!isThree) return [{ kind: 'global-pooling', name: 'pool', function: 'max' }];
  return [
    { kind: 'max-pooling', name: 'pool', size: 3, padding: 'valid' }, //                              [1, 1, w3]
    { kind: 'flatten', name: 'flatten' },
  ];
}

/** Filters for larger patches: eigenvectors past these are noise, and each costs time. */
const MOST_FILTERS = 48;

/** The eigenvectors of patches, and their negatives: all 24 of 2x2 pixels of RGB. */
function whiten(size: ImageSet['size']): Layer {
  const { kernel, stride } = patchesOf(size);
  const filters = Math.min(2 * kernel ** 2 * size[2], MOST_FILTERS);
  return {
    ...{ kind: 'convolution', name: 'whiten', filters, kernel, ...(stride > 1 && { stride }) },
    ...{ padding: 'valid', bias: true, init: 'whitening' },
  };
}

/** Such that about 31x31 patches are left of images of any size. */
function patchesOf([height, width]: ImageSet['size']): { readonly kernel: number; readonly stride: number } {
  const stride = Math.max(1, Math.floor(Math.min(height, width) / 32));
  return { kernel: stride + 1, stride };
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
