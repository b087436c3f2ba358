import { describe, expect, test } from 'vitest';
import type { EngineOptions } from '../engine.ts';
import { initializeWeights } from '../nets/initialize.ts';
import { seedNet } from '../nets/seed.ts';
import { hasTensorFlow, loadTensorFlow } from '../tensorflow.ts';
import { Graph } from './graph.ts';
import { checkMemory, withMemory } from './out-of-memory.ts';
import { openSession } from './session.ts';

const options: EngineOptions = {
  net: seedNet,
  weights: initializeWeights(seedNet, { seed: 1, images: new Uint8Array() }),
  ...{ batchSize: 100, seed: 1, labelSmoothing: 0, reduction: 'mean', groups: [] },
};

test.runIf(hasTensorFlow())(
  'what TensorFlow cannot allocate is said of the batch size, with a smaller one',
  async () => {
    const graph = new Graph({ compileFunctions: false });
    // A petabyte is more than a process can address.
    const shape = [2 ** 24, 2 ** 24];
    const attributes = { T: { type: 'float32' }, index_type: { type: 'int32' } } as const;
    const inputs = [graph.integers(shape), graph.scalar(1)];
    const huge = graph.value({ op: 'Fill', inputs, shape, type: 'float32', attributes });
    const session = openSession(await loadTensorFlow(), graph);
    try {
      expect(() => withMemory(options, () => session.run([], [huge]))).toThrow(
        'not enough memory for a step of batchSize=100. Try --set batchSize=32, or narrower --set widths,',
      );
    } finally {
      session.dispose();
    }
  },
);

test('another error stays what it is', () => {
  const error = new RangeError('a step');
  const failing = () => {
    throw error;
  };
  expect(() => withMemory(options, failing)).toThrow(error);
});

describe('what can never fit is refused', () => {
  const batchSize = 2 ** 32;
  const sizes = /batchSize=4294967296 needs (\S+) GB at the least, and there are (\S+) GB\. Try --set batchSize=(\d+),/;
  const refusal = (precision: 'float32' | 'bfloat16') => {
    try {
      checkMemory({ ...options, batchSize }, precision);
    } catch (error) {
      return sizes
        .exec((error as Error).message)!
        .slice(1)
        .map(Number) as [number, number, number];
    }
    throw new Error('It was not refused.');
  };

  test('with the largest power of two that fits, which is not refused', () => {
    const [needed, left, fitting] = refusal('float32');
    expect(Math.log2(fitting) % 1).toBe(0);
    expect((needed / batchSize) * fitting).toBeLessThanOrEqual(left);
    expect((needed / batchSize) * fitting * 2).toBeGreaterThan(left);
    expect(() => checkMemory({ ...options, batchSize: fitting / 2 }, 'float32')).not.toThrow();
  });

  test('by the size of its numbers', () => {
    expect(refusal('float32')[0]).toBeCloseTo(2 * refusal('bfloat16')[0], -1);
  });
});
