import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { everything, noiseBatch, trainedWeights } from '../../nets/net.fixture.ts';
import { weightSpecs } from '../../nets/shapes.ts';
import { describeEngine } from '../engine.contract.ts';
import { compileEager } from './engine.ts';
import { onWasm, startWasm } from './wasm.ts';

describeEngine('eager', compileEager, { doesManySteps: false });

test('leaves no tensor behind', async () => {
  await startWasm();
  const count = () => onWasm(() => tf.memory().numTensors);
  const before = count();
  const trained = weightSpecs(everything).filter((spec) => spec.trainable);
  const optimizer = { kind: 'adamw', beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0.1 } as const;
  const engine = await compileEager({
    net: everything,
    weights: trainedWeights(everything, 1),
    batchSize: 4,
    seed: 1,
    labelSmoothing: 0.1,
    reduction: 'sum',
    groups: [{ name: 'all', weights: trained.map(({ name }) => name), optimizer }],
    lookahead: true,
  });
  const compiled = count();
  const batch = noiseBatch(everything, 4, 1);
  engine.step(batch, { step: 0, learningRates: { all: 0.1 } });
  engine.lookahead(0.5);
  engine.logits(batch.images);
  engine.restore(engine.state());
  expect(count()).toBe(compiled);
  engine.dispose();
  expect(count()).toBe(before);
});

test('leaves the backend of the process as it was', async () => {
  await tf.setBackend('cpu');
  const engine = await compileEager({
    net: everything,
    weights: trainedWeights(everything, 1),
    batchSize: 4,
    seed: 1,
    labelSmoothing: 0,
    reduction: 'mean',
    groups: [],
  });
  expect(tf.getBackend()).toBe('cpu');
  engine.logits(noiseBatch(everything, 1, 1).images);
  expect(tf.getBackend()).toBe('cpu');
  engine.dispose();
});
