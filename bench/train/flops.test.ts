import { expect, test } from 'vitest';
import { airbenchNet } from '#training/nets/airbench.ts';
import type { Net } from '#training/nets/net.ts';
import { weightSpecs } from '#training/nets/shapes.ts';
import { flopsOfImage, flopsOfLayers } from './flops.ts';

const net: Net = {
  name: 'small',
  input: [8, 8, 3],
  classes: 10,
  layers: [
    { kind: 'normalization', name: 'normalize', mean: [0, 0, 0], deviation: [1, 1, 1] },
    { kind: 'convolution', name: 'first', filters: 4, kernel: 3, padding: 'same', bias: true, init: 'glorot-uniform' },
    { kind: 'max-pooling', name: 'pool', size: 2, padding: 'valid' },
    { kind: 'convolution', name: 'second', filters: 5, kernel: 3, padding: 'valid', bias: false, init: 'dirac' },
    { kind: 'flatten', name: 'flatten' },
    { kind: 'dense', name: 'head', units: 10, bias: true, init: 'glorot-uniform' },
  ],
};
// By hand: 8x8 positions of 4 filters, each 3x3x3 multiply-adds; 2x2 positions of 5 filters, each 3x3x4; 20 values to 10.
const [first, second, head] = [2 * 8 * 8 * 4 * 27, 2 * 2 * 2 * 5 * 36, 2 * 20 * 10];

test('the first layer needs no gradient of its input', () => {
  const all = new Set(weightSpecs(net).map(({ name }) => name));
  expect(flopsOfLayers(net, all)).toEqual([
    { layer: 'first', forward: first, kernelGradient: first, inputGradient: 0 },
    { layer: 'second', forward: second, kernelGradient: second, inputGradient: second },
    { layer: 'head', forward: head, kernelGradient: head, inputGradient: head },
  ]);
  expect(flopsOfImage(net, all)).toBe(2 * first + 3 * second + 3 * head);
});

test('a frozen layer needs no kernel gradient, and no gradient flows to frozen layers before it', () => {
  expect(flopsOfImage(net, new Set(['second/kernel', 'head/kernel']))).toBe(first + 2 * second + 3 * head);
  expect(flopsOfImage(net, new Set(['head/bias']))).toBe(first + second + head);
});

test('a bias before a convolution is reached through the gradient of its input', () => {
  expect(flopsOfImage(net, new Set(['first/bias', 'head/kernel']))).toBe(first + 2 * second + 3 * head);
});

test('airbench needs 3.6e14 operations for 9.9 epochs of 50,000 images, as in its paper, within 20 %', () => {
  const paper = airbenchNet([64, 256, 256]);
  const trained = new Set(weightSpecs(paper).flatMap(({ name, trainable }) => (trainable ? [name] : [])));
  const training = 9.9 * 50_000 * flopsOfImage(paper, trained);
  expect(Math.abs(training / 3.6e14 - 1)).toBeLessThan(0.2);
});
