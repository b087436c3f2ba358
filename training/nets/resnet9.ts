import { cifar10Images, type ImageSet } from '../data/image-set.ts';
import type { Layer, Net } from './net.ts';

/**
 * The ResNet-9 that won DAWNBench in 2018: convolutions with batch normalization and ReLU, two of them inside a residual block
 * twice.
 *
 * @param widths filters of the three layers: 128/256/512 is the original with 6.6 million weights; the first convolution has
 *   half as many as the first layer
 * @see David Page 2018, "How to Train Your ResNet 4: Architecture"; github.com/davidcpage/cifar10-fast, `dawn.py`
 */
export function resnet9(
  widths: readonly [number, number, number] = [128, 256, 512],
  images: ImageSet = cifar10Images,
): Net {
  const { size, classes, mean, deviation } = images;
  return {
    name: `resnet9-${widths.join('-')}`,
    input: size,
    classes,
    layers: [
      { kind: 'normalization', name: 'normalize', mean, deviation }, //                          [32, 32, 3]
      ...convolution('prep', Math.ceil(widths[0] / 2)), //                                       [32, 32, w1 / 2]
      ...convolution('layer1', widths[0]),
      pool('layer1-pool'), //                                                                    [16, 16, w1]
      ...residual('layer1-residual', 'layer1-pool', widths[0]),
      ...convolution('layer2', widths[1]),
      pool('layer2-pool'), //                                                                      [8, 8, w2]
      ...convolution('layer3', widths[2]),
      pool('layer3-pool'), //                                                                      [4, 4, w3]
      ...residual('layer3-residual', 'layer3-pool', widths[2]),
      { kind: 'global-pooling', name: 'pool', function: 'max' }, //                                      [w3]
      { kind: 'dense', name: 'head', units: classes, bias: false, init: 'fan-in-uniform' }, //      [classes]
      { kind: 'scale', name: 'logits', by: 0.125 },
    ],
  };
}

/** `x + F(x)`, F being two convolutions, the second with its ReLU as well. */
function residual(name: string, from: string, filters: number): Layer[] {
  return [
    ...convolution(`${name}1`, filters),
    ...convolution(`${name}2`, filters),
    { kind: 'add', name, inputs: [from, `${name}2-relu`] },
  ];
}

function convolution(name: string, filters: number): Layer[] {
  return [
    { kind: 'convolution', name, filters, kernel: 3, padding: 'same', bias: false, init: 'fan-in-uniform' },
    { kind: 'batch-normalization', name: `${name}-norm`, momentum: 0.9, epsilon: 1e-5, scale: true },
    { kind: 'activation', name: `${name}-relu`, function: 'relu' },
  ];
}

function pool(name: string): Layer {
  return { kind: 'max-pooling', name, size: 2, padding: 'valid' };
}
