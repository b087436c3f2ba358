import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { UserError } from '#errors/user-error.ts';
import type { Batch, Engine, EngineOptions, NamedTensor, ParameterGroup } from '../engine.ts';
import { initializeWeights } from '../nets/initialize.ts';
import type { Net } from '../nets/net.ts';
import { InvalidNet, weightSpecs } from '../nets/shapes.ts';
import { random } from '../random.ts';
import { compileEager } from './engine.ts';
import { onWasm, startWasm } from './wasm.ts';

const batchSize = 6;

/** Every kind of layer, each activation, both paddings, a stride. */
const everything: Net = {
  name: 'everything',
  input: [9, 8, 3],
  classes: 5,
  layers: [
    { kind: 'normalization', name: 'normalize', mean: [0.5, 0.4, 0.3], deviation: [0.3, 0.2, 0.25] },
    { kind: 'convolution', name: 'whiten', filters: 10, kernel: 2, padding: 'valid', bias: true, init: 'whitening' },
    { kind: 'activation', name: 'gelu', function: 'gelu' },
    { kind: 'convolution', name: 'conv1', filters: 6, kernel: 3, padding: 'same', bias: false, init: 'dirac' },
    { kind: 'max-pooling', name: 'pool1', size: 2, padding: 'same' },
    { kind: 'batch-normalization', name: 'norm1', momentum: 0.6, epsilon: 1e-5, scale: true },
    { kind: 'activation', name: 'elu', function: 'elu' },
    {
      kind: 'convolution',
      name: 'conv2',
      filters: 8,
      kernel: 3,
      stride: 2,
      padding: 'same',
      bias: false,
      init: 'kaiming-uniform',
    },
    { kind: 'batch-normalization', name: 'norm2', momentum: 0.9, epsilon: 1e-3, scale: false },
    { kind: 'activation', name: 'silu', function: 'silu' },
    { kind: 'flatten', name: 'flatten' },
    { kind: 'dense', name: 'hidden', units: 12, bias: true, init: 'glorot-uniform' },
    { kind: 'activation', name: 'relu', function: 'relu' },
    { kind: 'dense', name: 'head', units: 5, bias: false, init: 'glorot-uniform' },
    { kind: 'scale', name: 'logits', by: 0.5 },
  ],
};
const plainSgd = { kind: 'sgd', momentum: 0, nesterov: false, weightDecay: 0 } as const;
const batch = randomBatch(everything, 1);
const initial = initializeWeights(everything, { seed: 1, images: batch.images });
const trainable = weightSpecs(everything)
  .filter((spec) => spec.trainable)
  .map(({ name }) => name);

const engines: Engine[] = [];
/** An engine for `everything`, in one group without momentum, unless told otherwise. */
async function compile(change: Partial<EngineOptions> = {}): Promise<Engine> {
  const engine = await compileEager({
    net: everything,
    weights: initial,
    batchSize,
    seed: 1,
    labelSmoothing: 0.2,
    reduction: 'mean',
    groups: [{ name: 'all', weights: trainable, optimizer: plainSgd }],
    ...change,
  });
  engines.push(engine);
  return engine;
}

beforeAll(async () => {
  await startWasm();
});
afterEach(() => {
  for (const engine of engines.splice(0)) engine.dispose();
});

test('the gradients are those that finite differences find, for every weight', async () => {
  const engine = await compile();
  // At rate 1 without momentum, what a step takes away is the gradient.
  engine.step(batch, { step: 0, learningRates: { all: 1 } });
  const gradients = difference(initial, engine.weights());
  const probe = await compile();
  const state = probe.state();
  const lossAt = (weights: NamedTensor[]) => {
    probe.restore(state.map((tensor) => weights.find(({ name }) => name === tensor.name) ?? tensor));
    return probe.step(batch, { step: 0, learningRates: { all: 0 } });
  };
  const draw = random(5);
  for (const name of trainable) {
    const gradient = gradients.get(name)!;
    const norm = Math.hypot(...gradient);
    expect(norm, name).toBeGreaterThan(1e-4);
    // Along the gradient, turned a little at random: the slope there checks every value of the weight at once.
    const direction = gradient.map((value) => value / norm + (0.3 * draw.normal()) / Math.sqrt(gradient.length));
    const size = 2e-3;
    const moved = (by: number) =>
      initial.map((weight) =>
        weight.name === name
          ? { ...weight, data: weight.data.map((value, at) => value + by * direction[at]!) }
          : weight,
      );
    const slope = (lossAt(moved(size)) - lossAt(moved(-size))) / (2 * size);
    const expected = direction.reduce((sum, value, at) => sum + value * gradient[at]!, 0);
    expect(Math.abs(slope - expected) / norm, name).toBeLessThan(0.02);
  }
});

test('reduction by sum multiplies the gradient by the batch, and still reports the mean loss', async () => {
  const [mean, sum] = [await compile(), await compile({ reduction: 'sum' })];
  const losses = [mean, sum].map((engine) => engine.step(batch, { step: 0, learningRates: { all: 0.01 } }));
  expect(losses[1]).toBeCloseTo(losses[0]!, 5);
  const [a, b] = [difference(initial, mean.weights()), difference(initial, sum.weights())];
  for (const name of trainable)
    expectClose(
      b.get(name)!,
      a.get(name)!.map((value) => value * batchSize),
      name,
    );
});

test('smoothed labels are as if drawn at random in that share of cases', async () => {
  const cases = [];
  for (const labelSmoothing of [0, 0.3]) cases.push(await compile({ labelSmoothing }));
  const step = (engine: Engine, labels: Uint8Array) =>
    engine.step({ images: batch.images, labels }, { step: 0, learningRates: { all: 0 } });
  const [sharp, smooth] = cases as [Engine, Engine];
  const every = [0, 1, 2, 3, 4].map((label) => step(sharp, new Uint8Array(batchSize).fill(label)));
  const uniform = every.reduce((total, loss) => total + loss) / 5;
  const expected = 0.7 * step(sharp, batch.labels) + 0.3 * uniform;
  expect(step(smooth, batch.labels)).toBeCloseTo(expected, 5);
});

describe('the optimizers', () => {
  const gradientAt = async (weights: NamedTensor[]) => {
    const engine = await compile({ weights });
    engine.step(batch, { step: 0, learningRates: { all: 1 } });
    return difference(weights, engine.weights()).get('head/kernel')!;
  };
  const headOf = (weights: readonly NamedTensor[]) => weights.find(({ name }) => name === 'head/kernel')!.data;

  test.each([false, true])('sgd with momentum and weight decay, nesterov %s', async (nesterov) => {
    const optimizer = { kind: 'sgd', momentum: 0.9, nesterov, weightDecay: 0.05 } as const;
    const engine = await compile({ groups: [{ name: 'all', weights: trainable, optimizer }] });
    let velocity = new Float64Array(headOf(initial).length);
    for (let step = 0; step < 3; step++) {
      const weights = engine.weights();
      const gradient = await gradientAt(weights);
      const decayed = headOf(weights).map((value, at) => gradient[at]! + 0.05 * value);
      velocity = velocity.map((value, at) => 0.9 * value + decayed[at]!);
      const moved = nesterov ? decayed.map((value, at) => value + 0.9 * velocity[at]!) : velocity;
      engine.step(batch, { step, learningRates: { all: 0.1 } });
      expectClose(
        headOf(engine.weights()),
        headOf(weights).map((value, at) => value - 0.1 * moved[at]!),
        `step ${step}`,
      );
    }
  });

  test('adamw: moments corrected for their start, decay apart from the gradient', async () => {
    const optimizer = { kind: 'adamw', beta1: 0.8, beta2: 0.9, epsilon: 1e-6, weightDecay: 0.1 } as const;
    const engine = await compile({ groups: [{ name: 'all', weights: trainable, optimizer }] });
    let mean = new Float64Array(headOf(initial).length);
    let square = mean;
    for (let step = 0; step < 3; step++) {
      const weights = engine.weights();
      const gradient = await gradientAt(weights);
      mean = mean.map((value, at) => 0.8 * value + 0.2 * gradient[at]!);
      square = square.map((value, at) => 0.9 * value + 0.1 * gradient[at]! ** 2);
      engine.step(batch, { step, learningRates: { all: 0.01 } });
      const expected = headOf(weights).map((value, at) => {
        const unbiased = square[at]! / (1 - 0.9 ** (step + 1));
        return value - 0.01 * (mean[at]! / (1 - 0.8 ** (step + 1)) / (Math.sqrt(unbiased) + 1e-6) + 0.1 * value);
      });
      expectClose(headOf(engine.weights()), expected, `step ${step}`);
    }
  });
});

describe('groups', () => {
  const bias: ParameterGroup = { name: 'whiten', weights: ['whiten/bias'], optimizer: { ...plainSgd, momentum: 0.9 } };
  const rest: ParameterGroup = {
    name: 'rest',
    weights: trainable.filter((name) => name !== 'whiten/bias' && name !== 'norm1/gamma'),
    optimizer: plainSgd,
  };

  test('have their own learning rates; what is in none, and what a step leaves out, stays as it is', async () => {
    const engine = await compile({ groups: [bias, rest], freezable: ['whiten'] });
    const constants = ['whiten/kernel', 'norm1/gamma'];
    const changed = (before: NamedTensor[]) =>
      engine
        .weights()
        .filter(({ data }, index) => data.some((value, at) => value !== before[index]!.data[at]))
        .map(({ name }) => name);
    engine.step(batch, { step: 0, learningRates: { whiten: 0.1, rest: 0.1 } });
    const names = initial.map(({ name }) => name).filter((name) => !constants.includes(name));
    expect(changed(initial)).toEqual(names);
    const before = engine.state();
    const weights = engine.weights();
    engine.step(batch, { step: 1, learningRates: { rest: 0.1 } });
    expect(changed(weights)).toEqual(names.filter((name) => name !== 'whiten/bias'));
    const slot = (state: NamedTensor[]) => state.filter(({ name }) => name.startsWith('whiten/'));
    expect(slot(engine.state())).toEqual(slot(before));
  });

  test('a step that leaves out what cannot be left out is refused', async () => {
    const engine = await compile({ groups: [bias, rest], freezable: ['whiten'] });
    expect(() => engine.step(batch, { step: 0, learningRates: { whiten: 0.1 } })).toThrow(/no learning rate to rest/);
    expect(() => engine.step(batch, { step: 0, learningRates: { whiten: 1, rest: 1, x: 1 } })).toThrow(
      /x, which is no group/,
    );
  });
});

describe('lookahead', () => {
  test('moves weights and statistics towards the slow average, and both become one', async () => {
    const engine = await compile({ lookahead: true });
    engine.step(batch, { step: 0, learningRates: { all: 0.1 } });
    const fast = byName(engine.weights());
    engine.lookahead(0.75);
    for (const { name, data } of engine.weights()) {
      const start = initial.find((weight) => weight.name === name)!.data;
      expectClose(
        data,
        fast.get(name)!.map((value, at) => value + 0.75 * (start[at]! - value)),
        name,
      );
    }
    const met = engine.weights();
    engine.lookahead(0.5);
    expect(engine.weights()).toEqual(met);
  });

  test('is refused where no slow average is kept', async () => {
    const engine = await compile();
    expect(() => engine.lookahead(0.5)).toThrow(/compile it with lookahead/);
  });
});

describe('batch normalization', () => {
  test('takes the statistics of the batch to train, and keeps running ones to evaluate', async () => {
    const flat: Net = {
      name: 'flat',
      input: [4, 4, 2],
      classes: 32,
      layers: [
        { kind: 'normalization', name: 'normalize', mean: [0, 0], deviation: [1, 1] },
        { kind: 'batch-normalization', name: 'norm', momentum: 0.6, epsilon: 1e-3, scale: false },
        { kind: 'flatten', name: 'flatten' },
      ],
    };
    const weights = initializeWeights(flat, { seed: 1 });
    const engine = await compile({
      net: flat,
      weights,
      groups: [{ name: 'all', weights: ['norm/beta'], optimizer: plainSgd }],
    });
    const { images, labels } = randomBatch(flat, 3);
    engine.step({ images, labels }, { step: 0, learningRates: { all: 0 } });
    const running = byName(engine.weights());
    const count = images.length / 2;
    const [mean, variance] = [new Float64Array(2), new Float64Array(2)];
    images.forEach((byte, at) => {
      mean[at % 2]! += byte / 255 / count;
    });
    images.forEach((byte, at) => {
      variance[at % 2]! += (byte / 255 - mean[at % 2]!) ** 2 / (count - 1);
    });
    expectClose(
      running.get('norm/moving_mean')!,
      mean.map((value) => 0.4 * value),
      'mean',
    );
    expectClose(
      running.get('norm/moving_variance')!,
      variance.map((value) => 0.6 + 0.4 * value),
      'variance',
    );
    const expected = Float64Array.from(images, (byte, at) => {
      const [movingMean, movingVariance] = [0.4 * mean[at % 2]!, 0.6 + 0.4 * variance[at % 2]!];
      return (byte / 255 - movingMean) / Math.sqrt(movingVariance + 1e-3);
    });
    expectClose(engine.logits(images), expected, 'logits');
  });
});

describe('dropout', () => {
  const dropping: Net = {
    name: 'dropping',
    input: [8, 8, 3],
    classes: 192,
    layers: [
      { kind: 'normalization', name: 'normalize', mean: [0, 0, 0], deviation: [1, 1, 1] },
      { kind: 'dropout', name: 'drop', rate: 0.5 },
      { kind: 'flatten', name: 'flatten' },
      { kind: 'dense', name: 'head', units: 192, bias: true, init: 'glorot-uniform' },
    ],
  };
  const weights = initializeWeights(dropping, { seed: 1 });
  const groups = [{ name: 'all', weights: ['head/kernel', 'head/bias'], optimizer: plainSgd }];
  const { images, labels } = randomBatch(dropping, 4);
  const lossOf = async (seed: number, step: number) => {
    const engine = await compile({ net: dropping, weights, groups, seed });
    return engine.step({ images, labels }, { step, learningRates: { all: 0 } });
  };

  test('is keyed by seed and step', async () => {
    const loss = await lossOf(1, 5);
    expect(await lossOf(1, 5)).toBe(loss);
    expect(await lossOf(1, 6)).not.toBe(loss);
    expect(await lossOf(2, 5)).not.toBe(loss);
  });

  test('drops its share in training, and nothing when the net is evaluated', async () => {
    const engine = await compile({ net: dropping, weights, groups });
    // One value lost is one row of the gradient that is zero.
    const white = { images: images.map(() => 255), labels };
    engine.step({ images: white.images.subarray(), labels }, { step: 0, learningRates: { all: 1 } });
    const evaluating = engine.logits(images.subarray(0, 192));
    expect(evaluating).toEqual(engine.logits(images.subarray(0, 192)));
    const single = await compile({ net: dropping, weights, groups, batchSize: 1 });
    single.step(
      { images: white.images.subarray(0, 192), labels: labels.subarray(0, 1) },
      { step: 0, learningRates: { all: 1 } },
    );
    const gradient = difference(weights, single.weights()).get('head/kernel')!;
    const lost = Array.from({ length: 192 }, (_, row) => gradient.subarray(row * 192, row * 192 + 192)).filter((row) =>
      row.every((value) => value === 0),
    );
    expect(lost.length).toBeGreaterThan(192 * 0.3);
    expect(lost.length).toBeLessThan(192 * 0.7);
  });
});

describe('the life of an engine', () => {
  test('trains: the loss of one batch falls', async () => {
    const engine = await compile({ labelSmoothing: 0 });
    const losses = Array.from({ length: 30 }, (_, step) => engine.step(batch, { step, learningRates: { all: 0.1 } }));
    expect(losses.at(-1)!).toBeLessThan(0.3 * losses[0]!);
  });

  test('a step is the same every time, and goes on from a saved state as if never stopped', async () => {
    const optimizer = { kind: 'adamw', beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0.01 } as const;
    const change = { groups: [{ name: 'all', weights: trainable, optimizer }], lookahead: true };
    const [one, two] = [await compile(change), await compile(change)];
    const run = (engine: Engine, from: number, to: number) => {
      for (let step = from; step < to; step++) {
        engine.step(randomBatch(everything, step), { step, learningRates: { all: 0.01 } });
        if (step % 2 === 1) engine.lookahead(0.9);
      }
    };
    run(one, 0, 6);
    run(two, 0, 3);
    const resumed = await compile(change);
    resumed.restore(two.state());
    run(resumed, 3, 6);
    expect(resumed.state()).toEqual(one.state());
  });

  test('answers any number of images, each as if it were alone', async () => {
    const engine = await compile();
    const images = randomBatch(everything, 9, 131).images;
    const all = engine.logits(images);
    expect(all.length).toBe(131 * 5);
    const size = 9 * 8 * 3;
    for (const number of [0, 127, 128, 130]) {
      expectClose(
        engine.logits(images.subarray(number * size, (number + 1) * size)),
        all.subarray(number * 5, number * 5 + 5),
        `${number}`,
      );
    }
    expect(engine.logits(new Uint8Array(0)).length).toBe(0);
  });

  test('leaves no tensor behind', async () => {
    const count = () => onWasm(() => tf.memory().numTensors);
    const before = count();
    const engine = await compile({ lookahead: true });
    const compiled = count();
    engine.step(batch, { step: 0, learningRates: { all: 0.1 } });
    engine.lookahead(0.5);
    engine.logits(batch.images);
    engine.restore(engine.state());
    expect(count()).toBe(compiled);
    engine.dispose();
    expect(count()).toBe(before);
  });

  test('does not change the weights that it was given', async () => {
    const copy = initial.map((weight) => ({ ...weight, data: Float32Array.from(weight.data) }));
    const engine = await compile({ weights: copy });
    engine.step(batch, { step: 0, learningRates: { all: 1 } });
    expect(copy).toEqual(initial);
  });
});

describe('what cannot be trained is refused', () => {
  const group = (weights: string[]): ParameterGroup[] => [{ name: 'all', weights, optimizer: plainSgd }];
  test.each([
    [
      'a weight that the net lacks',
      { groups: group(['conv9/kernel']) },
      /conv9\/kernel, which net everything does not have/,
    ],
    ['a whitening kernel', { groups: group(['whiten/kernel']) }, /whiten\/kernel, which is never trained/],
    ['a weight in two groups', { groups: [...group(['head/kernel']), ...group(['head/kernel'])] }, /in two groups/],
    ['an unknown freezable group', { freezable: ['some'] }, /no such group/],
    ['missing weights', { weights: initial.slice(1) }, /lack whiten\/kernel/],
    ['unknown weights', { weights: [...initial, { ...initial[0]!, name: 'x' }] }, /hold x, which is unknown/],
    [
      'a weight of another shape',
      { weights: initial.map((w) => ({ ...w, shape: [1, ...w.shape] })) },
      /as \[1,2,2,3,10\]/,
    ],
  ])('%s', async (_, change, message) => {
    await expect(compile(change)).rejects.toThrow(message);
    await expect(compile(change)).rejects.toThrow(UserError);
  });

  test('a net that contradicts itself, by its layer', async () => {
    await expect(compile({ net: { ...everything, classes: 6 } })).rejects.toThrow(InvalidNet);
  });

  test('a batch of another size, a label that is no class, a state of another net', async () => {
    const engine = await compile();
    const step = { step: 0, learningRates: { all: 0.1 } };
    expect(() => engine.step(randomBatch(everything, 1, 5), step)).toThrow(/batches of 6 images, not 5/);
    expect(() => engine.step({ ...batch, labels: new Uint8Array(6).fill(5) }, step)).toThrow(/Label 5 of image 0/);
    expect(() => engine.restore(engine.state().slice(1))).toThrow(/lack whiten\/kernel/);
  });
});

function randomBatch(net: Net, seed: number, size = batchSize): Batch {
  const draw = random(seed);
  const length = size * net.input.reduce((product, dimension) => product * dimension);
  return {
    images: Uint8Array.from({ length }, () => draw.integer(256)),
    labels: Uint8Array.from({ length: size }, () => draw.integer(net.classes)),
  };
}

function byName(tensors: readonly NamedTensor[]): Map<string, Float32Array> {
  return new Map(tensors.map(({ name, data }) => [name, data]));
}

/** By name, what was taken away. */
function difference(before: readonly NamedTensor[], after: readonly NamedTensor[]): Map<string, Float32Array> {
  const later = byName(after);
  return new Map(before.map(({ name, data }) => [name, data.map((value, at) => value - later.get(name)![at]!)]));
}

function expectClose(found: ArrayLike<number>, expected: ArrayLike<number>, what: string) {
  expect(found.length, what).toBe(expected.length);
  let [worst, largest] = [0, 0];
  for (let at = 0; at < expected.length; at++) {
    worst = Math.max(worst, Math.abs(found[at]! - expected[at]!));
    largest = Math.max(largest, Math.abs(expected[at]!));
  }
  expect(worst, what).toBeLessThanOrEqual(1e-5 + 1e-4 * largest);
}
