import * as tf from '@tensorflow/tfjs-core';
import type { Activation, BatchNormalization, Net } from '../../nets/net.ts';

/** The value of a weight or running statistic, by its name. */
type Weights = (name: string) => tf.Tensor;

/** What a forward pass does otherwise while the net is trained. */
export interface Training {
  /** Dropout's mask, one value for each of the layer's input: 0, or 1 / (1 - rate). */
  mask(layer: string, rate: number, shape: readonly number[]): tf.Tensor;
  /** Takes the running statistics as they are after this batch. */
  observe(name: string, value: tf.Tensor): void;
}

/**
 * A net from its normalised images to its logits, op by op: each layer as its definition says.
 *
 * @param images `[B, H, W, C]` float32, normalised (`nets/pixels.ts`)
 * @param training without it the running statistics are used, and no dropout
 * @returns `[B, classes]`
 */
export function forward(net: Net, weights: Weights, images: tf.Tensor4D, training?: Training): tf.Tensor2D {
  let x: tf.Tensor = images;
  for (const layer of net.layers) {
    switch (layer.kind) {
      case 'normalization':
        break;
      case 'convolution':
        x = tf.conv2d(
          x as tf.Tensor4D,
          weights(`${layer.name}/kernel`) as tf.Tensor4D,
          layer.stride ?? 1,
          layer.padding,
        );
        if (layer.bias) x = tf.add(x, weights(`${layer.name}/bias`));
        break;
      case 'batch-normalization':
        x = normalizeBatch(layer, weights, x, training);
        break;
      case 'activation':
        x = activate(layer.function, x);
        break;
      case 'max-pooling':
        x = tf.maxPool(x as tf.Tensor4D, layer.size, layer.size, layer.padding);
        break;
      case 'dropout':
        if (training && layer.rate > 0) x = tf.mul(x, training.mask(layer.name, layer.rate, x.shape));
        break;
      case 'flatten':
        x = tf.reshape(x, [x.shape[0]!, -1]);
        break;
      case 'dense':
        x = tf.matMul(x as tf.Tensor2D, weights(`${layer.name}/kernel`) as tf.Tensor2D);
        if (layer.bias) x = tf.add(x, weights(`${layer.name}/bias`));
        break;
      case 'scale':
        x = tf.mul(x, layer.by);
        break;
    }
  }
  return x as tf.Tensor2D;
}

function normalizeBatch(layer: BatchNormalization, weights: Weights, x: tf.Tensor, training?: Training): tf.Tensor {
  const { name, momentum, epsilon, scale } = layer;
  let mean = weights(`${name}/moving_mean`);
  let variance = weights(`${name}/moving_variance`);
  if (training) {
    const over = [0, 1, 2];
    const count = x.size / x.shape.at(-1)!;
    const batchMean = tf.mean(x, over);
    const batchVariance = tf.mean(tf.square(tf.sub(x, batchMean)), over);
    // The running variance estimates that of the population, as in TensorFlow's fused kernel and in PyTorch.
    const unbiased = tf.mul(batchVariance, count / Math.max(1, count - 1));
    const blend = (running: tf.Tensor, batch: tf.Tensor) =>
      tf.add(tf.mul(running, momentum), tf.mul(batch, 1 - momentum));
    training.observe(`${name}/moving_mean`, blend(mean, batchMean));
    training.observe(`${name}/moving_variance`, blend(variance, unbiased));
    mean = batchMean;
    variance = batchVariance;
  }
  const deviation = tf.rsqrt(tf.add(variance, epsilon));
  const factor = scale ? tf.mul(deviation, weights(`${name}/gamma`)) : deviation;
  return tf.add(tf.mul(tf.sub(x, mean), factor), weights(`${name}/beta`));
}

function activate(name: Activation['function'], x: tf.Tensor): tf.Tensor {
  switch (name) {
    case 'relu':
      return tf.relu(x);
    case 'elu':
      return tf.elu(x);
    case 'silu':
      return tf.mul(x, tf.sigmoid(x));
    case 'gelu':
      return tf.mul(x, tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5));
  }
}
