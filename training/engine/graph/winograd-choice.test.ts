import { expect, test } from 'vitest';
import { airbenchNet } from '../../nets/airbench.ts';
import type { EngineOptions } from '../engine.ts';
import { buildTrainingGraph } from './training-graph.ts';
import { untrained } from './untrained.fixture.ts';
import { isWinogradFaster, isWinogradFasterForward } from './winograd-choice.ts';

const shape = { type: 'float32', images: [15, 15, 64], kernel: [3, 3, 64, 64], stride: 1 } as const;

test('Winograd is chosen for kernels of 3x3 with enough channels in float32', () => {
  expect(isWinogradFaster(shape)).toBe(true);
  expect(isWinogradFaster({ ...shape, kernel: [3, 3, 32, 64] })).toBe(true);
  expect(isWinogradFaster({ ...shape, type: 'bfloat16' })).toBe(false);
  expect(isWinogradFaster({ ...shape, images: [31, 31, 64] })).toBe(false);
  expect(isWinogradFaster({ ...shape, kernel: [3, 3, 32, 32] })).toBe(false);
  expect(isWinogradFaster({ ...shape, kernel: [3, 3, 24, 256] })).toBe(false);
  expect(isWinogradFaster({ ...shape, kernel: [1, 1, 64, 64] })).toBe(false);
  expect(isWinogradFaster({ ...shape, stride: 2 })).toBe(false);
});

test('without gradients it takes more channels', () => {
  expect(isWinogradFasterForward(shape)).toBe(false);
  expect(isWinogradFasterForward({ ...shape, kernel: [3, 3, 64, 256] })).toBe(true);
});

test('an engine has it where it is asked for, and nowhere else', () => {
  const options = untrained(airbenchNet([4, 64, 256]));
  const directConvolutions = (change: Partial<EngineOptions>, precision: 'float32' | 'bfloat16' = 'float32') => {
    const { graph } = buildTrainingGraph({ ...options, ...change }, { compileFunctions: false, precision });
    const direct = graph.operations.filter(({ op }) => op === 'Conv2D');
    const isEvaluation = ({ name }: { name: string }) => name.startsWith('evaluation');
    return {
      training: direct.filter((each) => !isEvaluation(each)).length,
      evaluation: direct.filter(isEvaluation).length,
    };
  };
  // The whitening layer, and two convolutions in each of three groups; evaluations are of two sizes.
  expect(directConvolutions({})).toEqual({ training: 7, evaluation: 14 });
  // Second of group2 (64 to 64), and both of group3 (64 to 256, 256 to 256).
  expect(directConvolutions({ convolutions: 'winograd' })).toEqual({ training: 4, evaluation: 10 });
  expect(directConvolutions({ convolutions: 'winograd' }, 'bfloat16')).toEqual({ training: 7, evaluation: 10 });
});
