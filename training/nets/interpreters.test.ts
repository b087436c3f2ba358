import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileEager } from '../engine/eager/engine.ts';
import type { Engine, EngineOptions } from '../engine/engine.ts';
import { compileGraph } from '../engine/graph/engine.ts';
import { hasTensorFlow } from '../engine/tensorflow.ts';
import { anyNet, largerNets, noiseBatch, trainedWeights } from './net.fixture.ts';
import type { Net } from './net.ts';
import { weightSpecs } from './shapes.ts';

// The third interpreter, the exported LayersModel, is compared to the eager one in layers/export.test.ts.
test.skipIf(!hasTensorFlow())('the graph and TensorFlow.js op by op agree, whatever the net', async () => {
  await fc.assert(fc.asyncProperty(anyNet, fc.nat(), expectAgreement), { numRuns: 12 });
});

test.skipIf(!hasTensorFlow()).each(largerNets)('they agree on $name', async (net) => {
  await expectAgreement(net, 1);
});

async function expectAgreement(drawn: Net, seed: number): Promise<void> {
  const net = comparable(drawn);
  const weights = trainedWeights(net, seed);
  const trained = weightSpecs(net).flatMap(({ name, trainable }) => (trainable ? [name] : []));
  const options: EngineOptions = {
    net,
    weights,
    batchSize: 4,
    seed: 1,
    labelSmoothing: 0.1,
    reduction: 'mean',
    groups: [{ name: 'all', weights: trained, optimizer: plainSgd }],
  };
  const [graph, eager] = [await compileGraph(options), await compileEager(options)];
  try {
    const batch = noiseBatch(net, 4, seed);
    expectClose(graph.logits(batch.images), eager.logits(batch.images), 1e-5, 'logits');
    // At rate 1 without momentum, a step takes the gradient away.
    const step = (engine: Engine) => engine.step(batch, { step: 0, learningRates: { all: 1 } });
    expectClose([step(graph)], [step(eager)], 1e-5, 'loss');
    const found = new Map(graph.weights().map(({ name, data }) => [name, data]));
    for (const { name, data } of eager.weights()) expectClose(found.get(name)!, data, 2e-4, name);
  } finally {
    graph.dispose();
    eager.dispose();
  }
}

const plainSgd = { kind: 'sgd', momentum: 0, nesterov: false, weightDecay: 0 } as const;

/**
 * Without dropout, whose random numbers differ by engine, and with an epsilon large enough that the rounding errors of a
 * channel of equal values are not amplified.
 */
function comparable(net: Net): Net {
  const layers = net.layers.map((layer) => {
    if (layer.kind === 'dropout') return { ...layer, rate: 0 };
    return layer.kind === 'batch-normalization' ? { ...layer, epsilon: 1e-3 } : layer;
  });
  return { ...net, layers };
}

function expectClose(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number, what: string): void {
  expect(found.length).toBe(expected.length);
  let [worst, largest] = [0, 1e-2];
  for (let at = 0; at < expected.length; at++) {
    worst = Math.max(worst, Math.abs(expected[at]! - found[at]!));
    largest = Math.max(largest, Math.abs(expected[at]!));
  }
  expect(worst / largest, what).toBeLessThan(tolerance);
}
