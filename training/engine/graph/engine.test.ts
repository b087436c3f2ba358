import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, expect, test } from 'vitest';
import { airbenchNet } from '../../nets/airbench.ts';
import { initializeWeights } from '../../nets/initialize.ts';
import type { Net } from '../../nets/net.ts';
import { resnet9 } from '../../nets/resnet9.ts';
import { resnet20 } from '../../nets/resnet20.ts';
import { seedNetWith } from '../../nets/seed.ts';
import { weightSpecs } from '../../nets/shapes.ts';
import { random } from '../../random/random.ts';
import { compileEager } from '../eager/engine.ts';
import { describeEngine } from '../engine.contract.ts';
import type { Engine, EngineOptions } from '../engine.ts';
import { loadTensorFlow } from '../tensorflow.ts';
import { compileGraph } from './engine.ts';
import { isBfloat16Coarse, processors } from './precision.ts';

describeEngine('graph', compileGraph, { doesManySteps: true });

const net = airbenchNet([4, 6, 8]);
const seedNetOf = (activation: 'relu' | 'elu') =>
  seedNetWith({ activation, convolutionDropout: [0, 0, 0], hidden: 16, denseDropout: 0 });
const draw = random(1);
const batch = {
  images: Uint8Array.from({ length: 8 * 32 * 32 * 3 }, () => draw.integer(256)),
  labels: Uint8Array.from({ length: 8 }, () => draw.integer(10)),
};
const optionsOf = (net: Net): EngineOptions => ({
  net,
  weights: initializeWeights(net, { seed: 1, images: batch.images }),
  batchSize: 8,
  seed: 1,
  labelSmoothing: 0.2,
  reduction: 'sum',
  groups: [
    {
      name: 'all',
      weights: weightSpecs(net).flatMap(({ name, trainable }) => (trainable ? [name] : [])),
      optimizer: { kind: 'sgd', momentum: 0.85, nesterov: true, weightDecay: 0.01 },
    },
  ],
  lookahead: true,
});
const options = optionsOf(net);

/** Scales the logits, which in an untrained deep net are tens of times as large as in the others. */
function scaled(net: Net, by: number): Net {
  return { ...net, layers: [...net.layers, { kind: 'scale', name: 'scaled', by }] };
}

const engines: Engine[] = [];
afterEach(() => {
  for (const engine of engines.splice(0)) engine.dispose();
});
const compileBoth = async (options: EngineOptions) => {
  const both = [await compileGraph(options), await compileEager(options)] as const;
  engines.push(...both);
  return both;
};

// The seed network and ResNet-9 have activations before their poolings: the graph pools first, with the same result.
test.each<[name: string, net: Net, convolutions?: 'winograd']>([
  ['airbench', net],
  ['ResNet-20', scaled(resnet20(), 1 / 32)],
  ['ResNet-9', resnet9([4, 6, 8])],
  ['seed, ReLU', seedNetOf('relu')],
  ['seed, ELU', seedNetOf('elu')],
  ["airbench, by Winograd's method", airbenchNet([4, 64, 256]), 'winograd'],
])('computes the same as TensorFlow.js op by op, and resumes from its checkpoint: %s', async (_, net, convolutions) => {
  const [graph, eager] = await compileBoth({ ...optionsOf(net), ...(convolutions && { convolutions }) });
  expectClose(graph.logits(batch.images), eager.logits(batch.images), 1e-5);
  for (let step = 0; step < 3; step++) {
    const [ours, theirs] = [graph, eager].map((engine) => engine.step(batch, { step, learningRates: { all: 0.002 } }));
    expect(Math.abs(ours! - theirs!)).toBeLessThan(1e-4);
    for (const engine of [graph, eager]) engine.lookahead(0.9);
  }
  expectClose(graph.logits(batch.images), eager.logits(batch.images), 1e-3);

  graph.restore(eager.state());
  expectClose(graph.logits(batch.images), eager.logits(batch.images), 1e-5);
});

test('leaves no tensor, session or folder behind', async () => {
  const { binding } = await loadTensorFlow();
  const count = () => ({
    tensors: binding.getNumOfTensors(),
    sessions: binding.getNumOfSavedModels(),
    folders: readdirSync(tmpdir()).filter((name) => name.startsWith(`cifar10-graph-${process.pid}-`)).length,
  });
  const before = count();
  const engine = await compileGraph(options);
  for (let step = 0; step < 20; step++) engine.step(batch, { step, learningRates: { all: 0.001 } });
  engine.lookahead(0.5);
  engine.logits(batch.images);
  engine.restore(engine.state());
  expect(() => engine.restore([])).toThrow();
  expect(count()).toEqual({ ...before, sessions: before.sessions + 1 });
  engine.dispose();
  expect(count()).toEqual(before);
});

/** With the largest error of a gradient. A run refuses bfloat16 where it is coarse. */
const shortTypes = [
  ...(isBfloat16Coarse(processors()) ? [] : [['bfloat16', 0.15] as const]),
  ['float16', 0.1] as const,
];

test.each(shortTypes)('takes the same steps in %s, to the digits that it has', async (short, most) => {
  const weights = options.weights;
  const step = async (precision: 'float32' | typeof short) => {
    const engine = await compileGraph({ ...options, precision });
    engines.push(engine);
    const loss = engine.step(batch, { step: 0, learningRates: { all: 1 } });
    const moved = engine.weights().map(({ name, data }, index) => {
      return [name, data.map((value, at) => value - weights[index]!.data[at]!)] as const;
    });
    expect(engine.description).toMatch(new RegExp(`, ${precision}$`));
    return { loss, moved: new Map(moved) };
  };
  const [single, brief] = [await step('float32'), await step(short)];
  expect(brief.loss).not.toBe(single.loss);
  expect(Math.abs(brief.loss - single.loss) / single.loss).toBeLessThan(0.01);
  for (const { name, trainable } of weightSpecs(net)) {
    if (!trainable) continue;
    const [exact, rounded] = [single.moved.get(name)!, brief.moved.get(name)!];
    const error = Math.hypot(...exact.map((value, at) => value - rounded[at]!)) / Math.hypot(...exact);
    expect(error, name).toBeLessThan(most);
  }
});

test('takes the small gradients of a large batch in float16', async () => {
  const batchSize = 2 ** 16;
  const narrow: Net = {
    name: 'narrow',
    ...{ input: [4, 4, 1], classes: 10 },
    layers: [
      { kind: 'normalization', name: 'normalize', mean: [0.5], deviation: [0.25] },
      { kind: 'flatten', name: 'flatten' },
      { kind: 'dense', name: 'hidden', units: 8, bias: true, init: 'glorot-uniform' },
      { kind: 'activation', name: 'activation', function: 'gelu' },
      { kind: 'dense', name: 'head', units: 10, bias: true, init: 'glorot-uniform' },
      { kind: 'scale', name: 'scale', by: 1 / 9 },
    ],
  };
  const large = {
    images: Uint8Array.from({ length: batchSize * 16 }, () => draw.integer(256)),
    labels: Uint8Array.from({ length: batchSize }, () => draw.integer(10)),
  };
  const step = async (precision: 'float32' | 'float16') => {
    const still = optionsOf(narrow);
    const group = {
      ...still.groups[0]!,
      optimizer: { kind: 'sgd', momentum: 0, nesterov: false, weightDecay: 0 },
    } as const;
    const engine = await compileGraph({ ...still, groups: [group], batchSize, reduction: 'mean', precision });
    engines.push(engine);
    const [before] = engine.weights();
    engine.step(large, { step: 0, learningRates: { all: 1 } });
    const [after] = engine.weights();
    return after!.data.map((value, at) => value - before!.data[at]!);
  };
  const [single, brief] = [await step('float32'), await step('float16')];
  expect(Math.hypot(...single.map((value, at) => value - brief[at]!)) / Math.hypot(...single)).toBeLessThan(0.01);
});

test('describes what it runs on', async () => {
  const { version } = await loadTensorFlow();
  const engine = await compileGraph(options);
  engines.push(engine);
  expect(engine.description).toMatch(new RegExp(`^TensorFlow ${version}, CPU, \\d+ threads?, oneDNN, float32$`));
});

function expectClose(actual: Float32Array, expected: Float32Array, tolerance: number): void {
  const worst = expected.reduce((largest, value, index) => Math.max(largest, Math.abs(value - actual[index]!)), 0);
  expect(actual.length).toBe(expected.length);
  expect(worst).toBeLessThan(tolerance);
}
