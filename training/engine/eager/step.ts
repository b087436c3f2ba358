import * as tf from '@tensorflow/tfjs-core';
import type { Batch } from '../../data/batch.ts';
import type { Labels } from '../../data/labels.ts';
import type { Net } from '../../nets/net.ts';
import { purpose, random } from '../../random/random.ts';
import type { EngineOptions, ObserveOptions, StepOptions } from '../engine.ts';
import { activeGroups, checkAverage, trainedNet, trainedNets } from '../engine-options.ts';
import { isStill, netOfBatchStatistics } from '../still.ts';
import { dropoutMask } from './dropout.ts';
import { forward, type Training } from './forward.ts';
import { normalized } from './images.ts';
import { type State, slotNames, updatesName } from './state.ts';
import { update } from './update.ts';

/**
 * Forward, backward, and every weight moved by its group's optimizer.
 *
 * @returns the mean loss of the batch, before the update
 */
export function trainStep(options: EngineOptions, state: State, batch: Batch, stepOptions: StepOptions): number {
  const { batchSize, reduction } = options;
  checkBatch(options, batch);
  const { groups } = activeGroups(options, stepOptions);
  const trained = groups.flatMap(({ weights }) => weights);
  const net = trainedNets(options)[trainedNet(options, stepOptions)]!;
  const images = reduced(normalized(options.net, batch.images), net); // [B, H, W, C]
  const targets = smoothedTargets(batch.labels, options); // [B, classes]
  const { training, statistics } = trainingMode(options, stepOptions.step, new Set(trained));

  const objective = (...values: tf.Tensor[]): tf.Scalar => {
    const current = new Map(trained.map((name, index) => [name, values[index]!]));
    const logits = forward(net, (name) => current.get(name) ?? state.get(name), images, training); // [B, classes]
    const total = tf.neg(tf.sum(tf.mul(targets, tf.logSoftmax(logits))));
    return tf.div<tf.Scalar>(total, reduction === 'mean' ? batchSize : 1);
  };
  const { value, grads } = tf.valueAndGrads(objective)(trained.map((name) => state.get(name)));

  const gradients = new Map(trained.map((name, index) => [name, grads[index]!]));
  for (const group of groups) {
    const { optimizer } = group;
    const learningRate = stepOptions.learningRates[group.name]!;
    const updates = optimizer.kind === 'adamw' ? state.get(updatesName(group.name)).dataSync()[0]! : 0;
    for (const name of group.weights) {
      const slots = slotNames(name, optimizer);
      const before = slots.map((slot) => state.get(slot));
      const after = update(optimizer, learningRate, state.get(name), gradients.get(name)!, before, updates);
      [name, ...slots].forEach((changed, index) => {
        state.set(changed, after[index]!);
      });
    }
    if (optimizer.kind === 'adamw') state.set(updatesName(group.name), tf.scalar(updates + 1));
  }
  for (const [name, statistic] of statistics) state.set(name, statistic);
  return value.dataSync()[0]! / (reduction === 'mean' ? 1 : batchSize);
}

/** The running statistics move by a share towards those of a batch. */
export function observe(options: EngineOptions, state: State, batch: Batch, { step, share }: ObserveOptions): void {
  checkAverage(options);
  checkBatch(options, batch);
  const trained = new Set(options.groups.flatMap(({ weights }) => weights));
  const { training, statistics } = trainingMode(options, step, trained);
  const net = netOfBatchStatistics(options.net);
  forward(net, (name) => state.get(name), normalized(net, batch.images), training);
  for (const [name, observed] of statistics) {
    state.set(name, tf.add(tf.mul(state.get(name), 1 - share), tf.mul(observed, share)));
    observed.dispose();
  }
}

function checkBatch({ batchSize }: EngineOptions, { labels }: Batch): void {
  if (labels.length === batchSize) return;
  throw new RangeError(`This engine was compiled for batches of ${batchSize} images, not ${labels.length}.`);
}

/** As `engine/graph/operations/reduce-images.ts`; that images are normalized before it makes no difference. */
function reduced(images: tf.Tensor4D, { input: [height, width] }: Net): tf.Tensor4D {
  return images.shape[1] === height ? images : tf.image.resizeBilinear(images, [height, width], false, true);
}

function trainingMode({ net, seed }: EngineOptions, step: number, trained: ReadonlySet<string>) {
  const statistics = new Map<string, tf.Tensor>();
  const number = new Map(net.layers.map(({ name }, index) => [name, index]));
  const training: Training = {
    // Kept: the gradient's own tidying would dispose of it.
    isStill: isStill(trained),
    observe: (name, value) => statistics.set(name, tf.keep(value)),
    mask: (layer, rate, shape) => dropoutMask(random(seed, purpose.dropout, step, number.get(layer)!), rate, shape),
  };
  return { training, statistics };
}

/** @returns `[B, classes]`: `smoothing / classes` everywhere, and the rest on the label; times what the label's class counts */
function smoothedTargets(
  labels: Labels,
  { net: { classes }, labelSmoothing, classWeights }: EngineOptions,
): tf.Tensor2D {
  const targets = new Float32Array(labels.length * classes).fill(labelSmoothing / classes);
  for (const [index, label] of labels.entries()) {
    if (label >= classes) throw new RangeError(`Label ${label} of image ${index} is not one of ${classes} classes.`);
    targets[index * classes + label]! += 1 - labelSmoothing;
    if (classWeights === undefined) continue;
    for (let at = index * classes; at < (index + 1) * classes; at++) targets[at]! *= classWeights[label]!;
  }
  return tf.tensor2d(targets, [labels.length, classes]);
}
