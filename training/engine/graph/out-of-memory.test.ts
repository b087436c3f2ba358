import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { seedNet } from '../../nets/seed.ts';
import { hasTensorFlow } from '../tensorflow.ts';
import { checkMemory, withMemory } from './out-of-memory.ts';

const options = { net: seedNet, batchSize: 100 };

const isLimited = hasTensorFlow() && process.platform === 'linux';
test.runIf(isLimited)('an allocation that fails is reported with the batch size, and a smaller one', async () => {
  const program = join(import.meta.dirname, 'little-memory.fixture.ts');
  for (const call of ['step', 'steps']) {
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--import',
      './setup/typescript.mjs',
      program,
      call,
    ]);
    expect(stdout, call).toContain(
      'memory for a step of batchSize=16384. Try --set batchSize=8192, or narrower --set widths,',
    );
  }
});

test('other errors are passed on', () => {
  const error = new RangeError('a step');
  const failing = () => {
    throw error;
  };
  expect(() => withMemory(options, failing)).toThrow(error);
});

describe('what can never fit is refused', () => {
  const batchSize = 2 ** 32;
  const sizes = /batchSize=4294967296 needs (\S+) GB at least, and (\S+) GB are free\. Try --set batchSize=(\d+),/;
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

  test('with a power of two that fits with all that the estimate leaves out, and is not refused', () => {
    const [needed, left, fitting] = refusal('float32');
    expect(Math.log2(fitting) % 1).toBe(0);
    expect((needed / batchSize) * fitting).toBeLessThanOrEqual(left / 3);
    expect((needed / batchSize) * fitting * 2).toBeGreaterThan(left / 3);
    expect(() => checkMemory({ ...options, batchSize: fitting }, 'float32')).not.toThrow();
  });

  test('by the size of its numbers', () => {
    expect(refusal('float32')[0]).toBeCloseTo(2 * refusal('bfloat16')[0], -1);
  });
});
