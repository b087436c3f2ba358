import { expect, test } from 'vitest';
import { airbenchNet } from '#training/nets/airbench.ts';
import { seedNet } from '#training/nets/seed.ts';
import { kernelTimes } from './kernel-times.ts';
import type { Primitive } from './onednn-verbose.ts';

const primitive = (change: Partial<Primitive>): Primitive => ({
  kind: 'convolution',
  implementation: 'jit:avx512_core',
  propagation: 'forward_training',
  memory: '',
  problem: 'mb512_ic32oc64_ih16oh16kh3sh1dh0ph1_iw16ow16kw3sw1dw0pw1',
  milliseconds: 1,
  ...change,
});

test('adds up the calls of a step by kernel and layer, and ignores a slow first call', () => {
  const times = [100, 20, 22].map((milliseconds) => primitive({ milliseconds }));
  const [row, ...others] = kernelTimes(times, seedNet, 512, 3);
  expect(others).toEqual([]);
  expect(row).toMatchObject({ kernel: 'convolution, forward', layers: 'conv2', calls: 1, milliseconds: 22 });
  // 16x16 positions of 64 filters, 3x3x32 multiply-adds each, for 512 images, in 22 ms.
  expect(row!.gflops).toBeCloseTo((2 * 16 * 16 * 64 * 288 * 512) / 22e6, 6);
});

test.each([
  [{ propagation: 'backward_weights' }, 'convolution, filter gradient', 'conv2'],
  [{ propagation: 'backward_data' }, 'convolution, data gradient', 'conv2'],
  [{ kind: 'reorder', propagation: 'undef', problem: '128x64x3x3' }, 'reorder', 'conv3'],
  [{ kind: 'pooling', problem: 'mb512ic32_ih32oh16kh2sh2dh0ph0_iw32ow16kw2sw2dw0pw0' }, 'pooling, forward', 'pool1'],
  [{ kind: 'inner_product', problem: 'mb512ic2048oc80' }, 'matrix product', 'dense1'],
  [{ kind: 'gemm_api', propagation: 'undef', problem: '80x512:512x10' }, 'matrix product', 'dense2'],
  [{ kind: 'eltwise', problem: 'mb512ic77' }, 'eltwise, forward', 'mb512ic77'],
])('recognizes kernel and layer by their shapes: %o', (change, kernel, layers) => {
  expect(kernelTimes([primitive(change)], seedNet, 512, 1)).toMatchObject([{ kernel, layers }]);
});

test('names all layers that have the same shape', () => {
  const net = airbenchNet([32, 64, 64]);
  const twice = [1, 2].map(() => primitive({ problem: 'mb512_ic64oc64_ih7oh7kh3sh1dh0ph1_iw7ow7kw3sw1dw0pw1' }));
  expect(kernelTimes(twice, net, 512, 1)).toMatchObject([{ layers: 'group2-conv2, group3-conv1', calls: 2 }]);
  const normalization = primitive({
    kind: 'batch_normalization',
    propagation: 'backward',
    problem: 'mb512ic32ih15iw15',
  });
  expect(kernelTimes([normalization], net, 512, 1)).toMatchObject([
    { kernel: 'batch normalization, data gradient', layers: 'group1-norm1, group1-norm2' },
  ]);
});
