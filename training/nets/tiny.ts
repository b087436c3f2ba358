import { cifar10Images } from './image-set.ts';
import type { Net } from './net.ts';

const { size, classes, mean, deviation } = cifar10Images;

/**
 * Small enough to be trained by WebAssembly in a minute or two, where there is no native TensorFlow.
 */
export const tinyNet: Net = {
  name: 'tiny',
  input: size,
  classes,
  layers: [
    { kind: 'normalization', name: 'normalize', mean, deviation },
    {
      kind: 'convolution',
      name: 'conv1',
      filters: 16,
      kernel: 3,
      padding: 'same',
      bias: true,
      init: 'kaiming-uniform',
    },
    { kind: 'max-pooling', name: 'pool1', size: 2, padding: 'valid' },
    { kind: 'activation', name: 'relu1', function: 'relu' }, // [16, 16, 16]
    {
      kind: 'convolution',
      name: 'conv2',
      filters: 32,
      kernel: 3,
      padding: 'same',
      bias: true,
      init: 'kaiming-uniform',
    },
    { kind: 'max-pooling', name: 'pool2', size: 2, padding: 'valid' },
    { kind: 'activation', name: 'relu2', function: 'relu' }, // [8, 8, 32]
    {
      kind: 'convolution',
      name: 'conv3',
      filters: 32,
      kernel: 3,
      padding: 'same',
      bias: true,
      init: 'kaiming-uniform',
    },
    { kind: 'max-pooling', name: 'pool3', size: 2, padding: 'valid' },
    { kind: 'activation', name: 'relu3', function: 'relu' }, // [4, 4, 32]
    { kind: 'flatten', name: 'flatten' }, // [512]
    { kind: 'dense', name: 'head', units: classes, bias: true, init: 'kaiming-uniform' },
  ],
};
