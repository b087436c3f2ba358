import { cifar10Images, type ImageSet } from '../data/image-set.ts';
import type { Layer, Net } from './net.ts';

export const tinyNet = tinyNetFor(cifar10Images);

/**
 * Small enough to train on WebAssembly in minutes, without native TensorFlow: 72 % after one epoch.
 *
 * Its first layer whitens patches and is never trained, so no gradient passes through the largest feature maps; the
 * trained layers work on a quarter of the pixels or less. Of larger images it takes larger steps, and pools more in the end, so
 * that the head has as many weights at every size.
 */
export function tinyNetFor({ size, classes, mean, deviation }: ImageSet): Net {
  const side = Math.min(size[0], size[1]);
  const stride = side >= 64 ? 4 : 2;
  return {
    name: 'tiny',
    input: size,
    classes,
    layers: [
      { kind: 'normalization', name: 'normalize', mean, deviation }, // [32, 32, 3]
      {
        kind: 'convolution',
        name: 'whiten',
        filters: 32,
        kernel: 4,
        stride,
        padding: 'same',
        bias: false,
        init: 'whitening',
      },
      { kind: 'activation', name: 'whiten-relu', function: 'relu' }, // [16, 16, 32]
      ...block(1, 32), // [8, 8, 32]
      ...block(2, 64), // [4, 4, 64]
      { kind: 'max-pooling', name: 'pool3', size: Math.max(2, Math.floor(side / stride / 8)), padding: 'valid' }, // [2, 2, 64]
      { kind: 'flatten', name: 'flatten' }, // [256]
      { kind: 'dense', name: 'head', units: classes, bias: false, init: 'fan-in-uniform' }, // [classes]
      { kind: 'scale', name: 'logits', by: 1 / 4 },
    ],
  };
}

function block(number: number, filters: number): Layer[] {
  return [
    {
      kind: 'convolution',
      name: `conv${number}`,
      filters,
      kernel: 3,
      padding: 'same',
      bias: false,
      init: 'fan-in-uniform',
    },
    { kind: 'max-pooling', name: `pool${number}`, size: 2, padding: 'valid' },
    { kind: 'batch-normalization', name: `norm${number}`, momentum: 0.6, epsilon: 1e-5, scale: false },
    { kind: 'activation', name: `relu${number}`, function: 'relu' },
  ];
}
