import * as tf from '@tensorflow/tfjs-core';
import { sizeOf } from '#models/size-of.ts';
import type { Random } from '../../random/random.ts';

/** @returns of the given shape: 0 for the share `rate` of values, for the others what keeps the mean as it is */
export function dropoutMask(draw: Random, rate: number, shape: readonly number[]): tf.Tensor {
  const length = sizeOf(shape);
  const kept = 1 / (1 - rate);
  return tf.tensor(
    Float32Array.from({ length }, () => (draw.uniform() < rate ? 0 : kept)),
    [...shape],
  );
}
