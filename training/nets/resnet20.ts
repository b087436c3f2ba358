import { cifar10Images, type ImageSet } from '../data/image-set.ts';
import type { Layer, Net } from './net.ts';

/** What a block adds its result to, where it has twice the filters at half the size: the paper's option A, or B. */
type Shortcut = 'padded channels' | 'projection';

/**
 * The 20-layer residual network for CIFAR-10, 0.27 million weights: a convolution, three stages of three blocks, global
 * average pooling. The first convolution of the second and the third stage subsamples, with a stride of 2. The paper reports
 * 91.25 % with padded channels, trained for 64,000 steps of 128 images.
 *
 * @param shortcut `padded channels` is the paper's choice for CIFAR-10; `projection` is a 1x1 convolution
 * @see He, Zhang, Ren and Sun 2015, arXiv:1512.03385, sections 3.3 and 4.2, table 6
 */
export function resnet20(images: ImageSet = cifar10Images, shortcut: Shortcut = 'padded channels'): Net {
  const { size, classes, mean, deviation } = images;
  return {
    name: shortcut === 'projection' ? 'resnet20-projection' : 'resnet20',
    input: size,
    classes,
    layers: [
      { kind: 'normalization', name: 'normalize', mean, deviation }, //          [32, 32, 3]
      ...convolution('conv', 16), //                                             [32, 32, 16]
      relu('relu'),
      ...identityBlock('stage1-block1', 'relu', 16), //                          [32, 32, 16]
      ...identityBlock('stage1-block2', 'stage1-block1', 16),
      ...identityBlock('stage1-block3', 'stage1-block2', 16),
      ...subsamplingBlock('stage2-block1', 'stage1-block3', 32, shortcut), //    [16, 16, 32]
      ...identityBlock('stage2-block2', 'stage2-block1', 32),
      ...identityBlock('stage2-block3', 'stage2-block2', 32),
      ...subsamplingBlock('stage3-block1', 'stage2-block3', 64, shortcut), //      [8, 8, 64]
      ...identityBlock('stage3-block2', 'stage3-block1', 64),
      ...identityBlock('stage3-block3', 'stage3-block2', 64),
      { kind: 'global-pooling', name: 'pool', function: 'average' }, //                  [64]
      { kind: 'dense', name: 'logits', units: classes, bias: true, init: 'he-normal' }, // [classes]
    ],
  };
}

/** `relu(x + F(x))`, F being two 3x3 convolutions. The block's name is that of its last layer. */
function identityBlock(name: string, from: string, filters: number): Layer[] {
  return [
    ...convolution(`${name}-conv1`, filters),
    relu(`${name}-relu`),
    ...convolution(`${name}-conv2`, filters),
    { kind: 'add', name: `${name}-sum`, inputs: [`${name}-conv2-norm`, from] },
    relu(name),
  ];
}

/** The same at half the size: F begins with a stride of 2, and x is made to fit. */
function subsamplingBlock(name: string, from: string, filters: number, shortcut: Shortcut): Layer[] {
  const padded: Layer = { kind: 'channel-padding', name: `${name}-shortcut`, inputs: [from], filters, stride: 2 };
  const projected = convolution(`${name}-shortcut`, filters, { kernel: 1, stride: 2, inputs: [from] });
  const fitted = shortcut === 'projection' ? projected : [padded];
  return [
    ...convolution(`${name}-conv1`, filters, { kernel: 3, stride: 2 }),
    relu(`${name}-relu`),
    ...convolution(`${name}-conv2`, filters),
    ...fitted,
    { kind: 'add', name: `${name}-sum`, inputs: [`${name}-conv2-norm`, fitted.at(-1)!.name] },
    relu(name),
  ];
}

/** A convolution and its batch normalization. */
function convolution(
  name: string,
  filters: number,
  window: { readonly kernel: number; readonly stride?: number; readonly inputs?: readonly string[] } = { kernel: 3 },
): Layer[] {
  return [
    { kind: 'convolution', name, ...window, filters, padding: 'same', bias: false, init: 'he-normal' },
    { kind: 'batch-normalization', name: `${name}-norm`, momentum: 0.9, epsilon: 1e-5, scale: true },
  ];
}

function relu(name: string): Layer {
  return { kind: 'activation', name, function: 'relu' };
}
