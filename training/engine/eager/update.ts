import * as tf from '@tensorflow/tfjs-core';
import type { Optimizer } from '../../recipe/optimizer.ts';
import { ORTHOGONALIZATION } from '../newton-schulz.ts';

/**
 * One update of one weight.
 *
 * @param slots the optimizer's slots of the weight, in the order of `slotNames`
 * @param updates how often the weight's group was updated before
 * @returns the new weight, and the new slots in the same order
 */
export function update(
  optimizer: Optimizer,
  learningRate: number,
  weight: tf.Tensor,
  gradient: tf.Tensor,
  slots: readonly tf.Tensor[],
  updates: number,
): [weight: tf.Tensor, ...slots: tf.Tensor[]] {
  const [first, second] = slots;
  if (optimizer.kind === 'sgd') {
    const { momentum, nesterov, weightDecay } = optimizer;
    const decayed = tf.add(gradient, tf.mul(weight, weightDecay));
    const velocity = tf.add(tf.mul(first!, momentum), decayed);
    const step = nesterov ? tf.add(decayed, tf.mul(velocity, momentum)) : velocity;
    return [tf.sub(weight, tf.mul(step, learningRate)), velocity];
  }
  if (optimizer.kind === 'muon') {
    const { momentum } = optimizer;
    const velocity = tf.add(tf.mul(first!, momentum), gradient);
    const filters = weight.shape.at(-1)!;
    const matrix = tf.reshape(tf.add(gradient, tf.mul(velocity, momentum)), [-1, filters]) as tf.Tensor2D;
    const scaled = tf.mul(weight, tf.div(Math.sqrt(filters), tf.norm(weight)));
    return [tf.sub(scaled, tf.mul(tf.reshape(orthogonalized(matrix), weight.shape), learningRate)), velocity];
  }
  const { beta1, beta2, epsilon, weightDecay } = optimizer;
  const mean = tf.add(tf.mul(first!, beta1), tf.mul(gradient, 1 - beta1));
  const square = tf.add(tf.mul(second!, beta2), tf.mul(tf.square(gradient), 1 - beta2));
  const unbiasedMean = tf.div(mean, 1 - beta1 ** (updates + 1));
  const unbiasedSquare = tf.div(square, 1 - beta2 ** (updates + 1));
  const step = tf.div(unbiasedMean, tf.add(tf.sqrt(unbiasedSquare), epsilon));
  return [tf.sub(tf.mul(weight, 1 - learningRate * weightDecay), tf.mul(step, learningRate)), mean, square];
}

/** @see `training/engine/graph/optimizers/muon.ts` */
function orthogonalized(matrix: tf.Tensor2D): tf.Tensor {
  const { a, b, c, rounds, epsilon } = ORTHOGONALIZATION;
  const [rows, columns] = matrix.shape;
  const isWide = rows < columns;
  let turned: tf.Tensor = tf.div(matrix, tf.add(tf.norm(matrix), epsilon));
  for (let round = 0; round < rounds; round++) {
    const gram = tf.matMul(turned, turned, !isWide, isWide);
    const mixed = tf.add(tf.mul(gram, b), tf.mul(tf.matMul(gram, gram), c));
    turned = tf.add(tf.mul(turned, a), isWide ? tf.matMul(mixed, turned) : tf.matMul(turned, mixed));
  }
  return turned;
}
