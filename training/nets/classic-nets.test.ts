import { describe, expect, test } from 'vitest';
import { sizeOf } from '#models/size-of.ts';
import { cifar10Images, type ImageSet } from '../data/image-set.ts';
import { airbenchNet } from './airbench.ts';
import { imagesOf } from './net.fixture.ts';
import type { Net } from './net.ts';
import { resnet9 } from './resnet9.ts';
import { resnet20 } from './resnet20.ts';
import { seedNetFor } from './seed.ts';
import { shapesOf, weightSpecs } from './shapes.ts';
import { tinyNetFor } from './tiny.ts';
import { vgg } from './vgg.ts';

/** Number of trainable weights. */
function parametersOf(net: Net): number {
  return weightSpecs(net)
    .filter(({ trainable }) => trainable)
    .reduce((total, { shape }) => total + sizeOf(shape), 0);
}

test.each([
  ['resnet20 with padded channels, the 0.27 million of the paper', resnet20(), 269_722],
  ['resnet20 with projections', resnet20(cifar10Images, 'projection'), 272_474],
  // 9,231,114 in pytorch-cifar, whose convolutions have 2,752 biases besides.
  ['VGG-11', vgg(), 9_228_362],
  ["ResNet-9, Page's 6.6 million", resnet9(), 6_573_120],
])('%s has as many weights as its original', (_, net, count) => {
  expect(parametersOf(net)).toBe(count);
});

test('resnet20 has the layers of table 6', () => {
  for (const net of [resnet20(), resnet20(cifar10Images, 'projection')]) {
    const weighted = shapesOf(net).filter(({ layer }) => layer.kind === 'dense' || layer.kind === 'convolution');
    const main = weighted.filter(({ layer }) => !layer.name.endsWith('shortcut'));
    expect(main).toHaveLength(20);
    expect(main.map(({ output }) => output.join('x'))).toEqual([
      ...Array(7).fill('32x32x16'),
      ...Array(6).fill('16x16x32'),
      ...Array(6).fill('8x8x64'),
      '10',
    ]);
  }
});

describe.each([
  [28, 28, 1],
  [32, 32, 3],
  [48, 40, 3],
  [64, 64, 3],
  [96, 96, 3],
])('%dx%d images of %d channels', (height, width, channels) => {
  const images: ImageSet = {
    ...{ size: [height, width, channels], classes: 7 },
    ...{ mean: Array(channels).fill(0.5), deviation: Array(channels).fill(0.25) },
  };
  test.each([
    ['airbench', airbenchNet([8, 16, 16], images)],
    ['resnet20', resnet20(images)],
    ['vgg', vgg(images)],
    ['resnet9', resnet9([8, 16, 16], images)],
  ])('fit %s, whose head is as wide as its last feature map has channels', (_, net) => {
    const layers = shapesOf(net);
    expect(layers.at(-1)!.output).toEqual([7]);
    const head = layers.findIndex(({ layer }) => layer.kind === 'dense');
    const lastMap = layers.findLast(({ output }) => output.length === 3)!;
    expect(layers[head]!.input).toEqual([lastMap.output.at(-1)]);
  });
});

describe('for larger pictures', () => {
  test.each([64, 96, 128])('airbench is behind its first layer the net of 32x32 images, at %dx%d', (side) => {
    const [small, large] = [32, side].map((each) => shapesOf(airbenchNet([8, 16, 16], imagesOf(each))));
    const behind = (layers: typeof small) =>
      layers!.slice(3).map(({ layer: { name, kind }, output }) => ({ name, kind, output }));
    expect(behind(large)).toEqual(behind(small));
  });

  test.each([48, 64, 96, 128])('seed and tiny have as many weights as for 32x32 images, at %dx%d', (side) => {
    for (const make of [seedNetFor, tinyNetFor])
      expect(parametersOf(make(imagesOf(side)))).toBe(parametersOf(make(imagesOf(32))));
  });
});
