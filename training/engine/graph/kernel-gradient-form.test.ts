import { expect, test } from 'vitest';
import { airbenchNet } from '../../nets/airbench.ts';
import { fasterKernelGradient } from './kernel-gradient-form.ts';
import { processors } from './precision.ts';
import { buildTrainingGraph } from './training-graph.ts';
import { untrained } from './untrained.fixture.ts';

const zen5 = 'vendor_id\t: AuthenticAMD\ncpu family\t: 26\nflags\t\t: fpu avx512f avx512_bf16\n';
const shape = { type: 'bfloat16', images: [7, 7, 256], kernel: [3, 3, 256, 256], stride: 1 } as const;

test('products are chosen for many channels on small feature maps in bfloat16', () => {
  const faster = fasterKernelGradient(zen5);
  expect(faster(shape)).toBe('products');
  expect(faster({ ...shape, images: [3, 3, 256] })).toBe('products');
  expect(faster({ ...shape, type: 'float32' })).toBe('convolution');
  expect(faster({ ...shape, images: [15, 15, 256] })).toBe('convolution');
  expect(faster({ ...shape, kernel: [3, 3, 64, 256] })).toBe('convolution');
  expect(faster({ ...shape, kernel: [1, 1, 256, 256] })).toBe('convolution');
  expect(faster({ ...shape, stride: 2 })).toBe('convolution');
});

test('and on processors where that was measured to be faster', () => {
  const intel = zen5.replace('AuthenticAMD', 'GenuineIntel').replace('26', '6');
  expect(fasterKernelGradient(intel)(shape)).toBe('products');
  expect(fasterKernelGradient(intel.replace('fpu', 'amx_bf16'))(shape)).toBe('convolution');
  expect(fasterKernelGradient(zen5.replace('26', '25'))(shape)).toBe('convolution');
  expect(fasterKernelGradient(zen5.replace(' avx512_bf16', ''))(shape)).toBe('convolution');
  expect(fasterKernelGradient('')(shape)).toBe('convolution');
});

test('a training step has them where it is asked to choose, and nowhere else', () => {
  const options = untrained(airbenchNet([4, 256, 256]));
  const operationsWith = (filterGradient?: 'auto') => {
    const device = { compileFunctions: false, precision: 'bfloat16' } as const;
    const { graph } = buildTrainingGraph({ ...options, ...(filterGradient && { filterGradient }) }, device);
    return graph.operations.filter(({ op }) => op === 'Conv2DBackpropFilter').length;
  };
  const isFaster = fasterKernelGradient(processors())(shape) === 'products';
  // The kernels of 256 channels: the second one of group2, and both of group3.
  expect(operationsWith() - operationsWith('auto')).toBe(isFaster ? 3 : 0);
});
