import * as tf from '@tensorflow/tfjs-core';
import type { Activation, BatchNormalization, ChannelPadding, GlobalPooling, Layer, Net } from '../../nets/net.ts';
import { shapesOf } from '../../nets/shapes.ts';

/** The value of a weight or running statistic, by its name. */
type Weights = (name: string) => tf.Tensor;

/** What a forward pass does differently in training. */
export interface Training {
  /** Whether a batch normalization keeps to its running statistics. */
  isStill(layer: BatchNormalization): boolean;
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
  const values = new Map<string, tf.Tensor>();
  for (const { layer, inputs } of shapesOf(net)) {
    const [first = images, ...others] = inputs.map((name) => values.get(name)!);
    values.set(layer.name, applyLayer(layer, [first, ...others], weights, training));
  }
  return values.get(net.layers.at(-1)!.name) as tf.Tensor2D;
}

function applyLayer(
  layer: Layer,
  [x, ...others]: readonly [tf.Tensor, ...tf.Tensor[]],
  weights: Weights,
  training?: Training,
): tf.Tensor {
  const weight = (role: string) => weights(`${layer.name}/${role}`);
  const withBias = (product: tf.Tensor, { bias }: { readonly bias: boolean }) =>
    bias ? tf.add(product, weight('bias')) : product;
  switch (layer.kind) {
    case 'normalization':
      return x;
    case 'convolution': {
      const kernel = weight('kernel') as tf.Tensor4D;
      return withBias(tf.conv2d(x as tf.Tensor4D, kernel, layer.stride ?? 1, layer.padding), layer);
    }
    case 'batch-normalization':
      return normalizeBatch(layer, weights, x, training);
    case 'activation':
      return activate(layer.function, x);
    case 'max-pooling':
      return tf.maxPool(x as tf.Tensor4D, layer.size, layer.stride ?? layer.size, layer.padding);
    case 'average-pooling':
      return tf.avgPool(x as tf.Tensor4D, layer.size, layer.stride ?? layer.size, layer.padding);
    case 'global-pooling':
      return poolGlobally(layer.function, x as tf.Tensor4D);
    case 'channel-padding':
      return padChannels(layer, x as tf.Tensor4D);
    case 'add':
      return others.reduce((sum, other) => tf.add(sum, other), x);
    case 'dropout':
      return training && layer.rate > 0 ? tf.mul(x, training.mask(layer.name, layer.rate, x.shape)) : x;
    case 'flatten':
      return tf.reshape(x, [x.shape[0]!, -1]);
    case 'dense':
      return withBias(tf.matMul(x as tf.Tensor2D, weight('kernel') as tf.Tensor2D), layer);
    case 'scale':
      return tf.mul(x, layer.by);
  }
}

function poolGlobally(kind: GlobalPooling['function'], x: tf.Tensor4D): tf.Tensor {
  const [batch, height, width, channels] = x.shape;
  if (kind === 'average') return tf.mean(x, [1, 2]);
  // Not by tf.max, whose gradient goes to all of several equal values.
  return tf.reshape(tf.maxPool(x, [height, width], 1, 'valid'), [batch, channels]);
}

/** TensorFlow.js has no gradient of a strided slice: here rows and columns are split into groups, of which the first stays. */
function padChannels({ filters, stride }: ChannelPadding, x: tf.Tensor4D): tf.Tensor {
  const [batch, height, width, channels] = x.shape;
  const [rows, columns] = [Math.ceil(height / stride), Math.ceil(width / stride)];
  const whole = tf.pad(x, [
    [0, 0],
    [0, rows * stride - height],
    [0, columns * stride - width],
    [0, filters - channels],
  ]);
  const groups = tf.reshape(whole, [batch * rows, stride, columns, stride * filters]);
  const first = tf.slice(groups, [0, 0, 0, 0], [batch * rows, 1, columns, filters]);
  return tf.reshape(first, [batch, rows, columns, filters]);
}

function normalizeBatch(layer: BatchNormalization, weights: Weights, x: tf.Tensor, training?: Training): tf.Tensor {
  const { name, momentum, epsilon, scale } = layer;
  let mean = weights(`${name}/moving_mean`);
  let variance = weights(`${name}/moving_variance`);
  if (training && !training.isStill(layer)) {
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
