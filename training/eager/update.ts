import * as tf from '@tensorflow/tfjs-core';
import type { Optimizer } from '../engine.ts';

/**
 * One update of one weight.
 *
 * @param slots what the optimizer remembers of the weight, in the order of `slotNames`
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
  const { beta1, beta2, epsilon, weightDecay } = optimizer;
  const mean = tf.add(tf.mul(first!, beta1), tf.mul(gradient, 1 - beta1));
  const square = tf.add(tf.mul(second!, beta2), tf.mul(tf.square(gradient), 1 - beta2));
  const unbiasedMean = tf.div(mean, 1 - beta1 ** (updates + 1));
  const unbiasedSquare = tf.div(square, 1 - beta2 ** (updates + 1));
  const step = tf.div(unbiasedMean, tf.add(tf.sqrt(unbiasedSquare), epsilon));
  return [tf.sub(tf.mul(weight, 1 - learningRate * weightDecay), tf.mul(step, learningRate)), mean, square];
}
