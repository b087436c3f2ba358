import { describe, expect, test } from 'vitest';
import { sizeOf } from '#models/size-of.ts';
import { channelStatistics } from '../data/image-set.ts';
import { random } from '../random/random.ts';
import { airbenchNet } from './airbench.ts';
import { initializeWeights } from './initialize.ts';
import type { Net } from './net.ts';
import { pixelTable } from './pixels.ts';
import { resnet20 } from './resnet20.ts';
import { seedNet } from './seed.ts';
import { weightSpecs } from './shapes.ts';
import { withoutWhitening } from './whitening.ts';

const net = airbenchNet([8, 32, 32]);
const images = naturalImages(300);
const weights = initializeWeights(net, { seed: 7, images });
const weight = (name: string) => weights.find((tensor) => tensor.name === name)!;

describe('initializeWeights', () => {
  test('returns every weight, in order and complete', () => {
    expect(weights.map(({ name, shape }) => ({ name, shape }))).toEqual(
      weightSpecs(net).map(({ name, shape }) => ({ name, shape })),
    );
    for (const { shape, data } of weights) expect(data.length).toBe(sizeOf(shape));
    expect(weights.every(({ data }) => data.every(Number.isFinite))).toBe(true);
  });

  test('depends on the seed and on nothing else', () => {
    expect(initializeWeights(net, { seed: 7, images })).toEqual(weights);
    const other = initializeWeights(net, { seed: 8, images });
    expect(other.find(({ name }) => name === 'head/kernel')!.data).not.toEqual(weight('head/kernel').data);
  });

  test('starts batch normalization as the identity', () => {
    expect(weight('group1-norm1/beta').data).toEqual(new Float32Array(8));
    expect(weight('group1-norm1/moving_mean').data).toEqual(new Float32Array(8));
    expect(weight('group1-norm1/moving_variance').data).toEqual(new Float32Array(8).fill(1));
  });

  test('bounds and spreads uniform weights as Glorot and PyTorch do', () => {
    const seed = initializeWeights(seedNet, { seed: 1 });
    const glorot = seed.find(({ name }) => name === 'conv3/kernel')!.data;
    expectUniform(glorot, Math.sqrt(6 / (9 * 64 + 9 * 128)));
    expect(seed.find(({ name }) => name === 'conv3/bias')!.data).toEqual(new Float32Array(128));
    expectUniform(weight('head/kernel').data, 1 / Math.sqrt(32));
  });

  test("he-normal has He's variance, 2 / fan-in, and leaves biases at zero", () => {
    const resnet = initializeWeights(resnet20(), { seed: 1 });
    for (const [name, fanIn] of [
      ['stage3-block2-conv1/kernel', 9 * 64],
      ['stage2-block1-conv1/kernel', 9 * 16],
      ['logits/kernel', 64],
    ] as const) {
      const { data } = resnet.find((each) => each.name === name)!;
      const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
      const variance = data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length;
      const fourth = data.reduce((sum, value) => sum + (value - mean) ** 4, 0) / data.length;
      // Within five standard errors of a normal distribution's moments.
      const error = 5 / Math.sqrt(data.length);
      expect(Math.abs(mean) * Math.sqrt(fanIn / 2), name).toBeLessThan(error);
      expect(Math.abs(variance * (fanIn / 2) - 1), name).toBeLessThan(Math.SQRT2 * error);
      expect(Math.abs(fourth / variance ** 2 - 3), name).toBeLessThan(Math.sqrt(24) * error);
    }
    expect(resnet.find(({ name }) => name === 'logits/bias')!.data).toEqual(new Float32Array(10));
  });

  test('dirac passes channels on: as many as the smaller side has', () => {
    for (const [name, channels, filters] of [
      ['group1-conv1/kernel', 24, 8],
      ['group2-conv1/kernel', 8, 32],
    ] as const) {
      const { data } = weight(name);
      for (let channel = 0; channel < channels; channel++) {
        for (let filter = 0; filter < Math.min(filters, channels); filter++) {
          for (let position = 0; position < 9; position++) {
            const value = data[(position * channels + channel) * filters + filter];
            expect(value).toBe(position === 4 && channel === filter ? 1 : 0);
          }
        }
      }
    }
    // Past the channels that there are, uniform.
    const rest = weight('group2-conv1/kernel').data.filter((_, at) => at % 32 >= 8);
    expectUniform(rest, 1 / Math.sqrt(9 * 8));
  });

  test('whitening makes the patches of the images uncorrelated, with unit variance', () => {
    const { data: kernel } = weight('whiten/kernel');
    const table = pixelTable(net);
    const second = new Float64Array(12 * 12);
    let patches = 0;
    const out = new Float64Array(12);
    for (let image = 0; image < 300; image++) {
      for (let row = 0; row < 31; row++) {
        for (let column = 0; column < 31; column++) {
          out.fill(0);
          for (let value = 0; value < 12; value++) {
            const [y, x, channel] = [Math.floor(value / 6), Math.floor(value / 3) % 2, value % 3];
            const pixel = table[images[((image * 32 + row + y) * 32 + column + x) * 3 + channel]! * 3 + channel]!;
            for (let filter = 0; filter < 12; filter++) out[filter]! += pixel * kernel[value * 24 + filter]!;
          }
          for (let a = 0; a < 12; a++) for (let b = 0; b < 12; b++) second[a * 12 + b]! += out[a]! * out[b]!;
          patches++;
        }
      }
    }
    for (let a = 0; a < 12; a++) {
      for (let b = 0; b < 12; b++) {
        const value = second[a * 12 + b]! / patches;
        if (a !== b) expect(Math.abs(value)).toBeLessThan(1e-4);
        // λ / (λ + 5e-4): a little below one.
        else expect(value).toBeGreaterThan(0.9);
        expect(value).toBeLessThanOrEqual(1.0001);
      }
    }
    for (let value = 0; value < 12; value++) {
      for (let filter = 0; filter < 12; filter++) {
        expect(kernel[value * 24 + 12 + filter]).toBe(-kernel[value * 24 + filter]!);
      }
    }
  });

  test('without whitening, its filters are drawn as those of other layers, which stay as they were', () => {
    const drawn = initializeWeights(withoutWhitening(net), { seed: 7 });
    const whitened = initializeWeights(net, { seed: 7, images });
    expectUniform(drawn.find(({ name }) => name === 'whiten/kernel')!.data, 1 / Math.sqrt(12));
    const others = (weights: typeof drawn) => weights.filter(({ name }) => name !== 'whiten/kernel');
    expect(others(drawn)).toEqual(others(whitened));
  });

  test('whitening of grey images repeats the directions in which they vary, so that no filter is without output', () => {
    const grey = Uint8Array.from(images, (_, at) => images[3 * Math.floor(at / 3)]!);
    const greyNet = airbenchNet([8, 32, 32], { size: [32, 32, 3], classes: 10, ...channelStatistics(grey, 3) });
    const { data: kernel } = initializeWeights(greyNet, { seed: 1, images: grey }).find(
      ({ name }) => name === 'whiten/kernel',
    )!;
    // Of 24 filters, four different ones and their negatives; the sum over the channels is what grey pixels are multiplied by.
    const onGrey = Array.from({ length: 24 }, (_, filter) =>
      [0, 1, 2, 3].map((pixel) =>
        [0, 1, 2].reduce((sum, channel) => sum + kernel[(3 * pixel + channel) * 24 + filter]!, 0),
      ),
    );
    for (const weights of onGrey) expect(Math.hypot(...weights)).toBeGreaterThan(0.1);
    expect(new Set(onGrey.map((weights) => weights.join())).size).toBe(8);
    expect(onGrey.slice(4, 8)).toEqual(onGrey.slice(0, 4));
  });

  test('whitening refuses to start without images, or with part of one', () => {
    expect(() => initializeWeights(net, { seed: 1 })).toThrow(/layer whiten: whitening needs training images/);
    expect(() => initializeWeights(net, { seed: 1, images: new Uint8Array(3073) })).toThrow(/given 3073 bytes/);
  });

  test('adding a layer at the end leaves the weights before it as they were', () => {
    const longer: Net = {
      ...seedNet,
      layers: [
        ...seedNet.layers.slice(0, -1),
        { kind: 'dense', name: 'more', units: 16, bias: true, init: 'glorot-uniform' },
        seedNet.layers.at(-1)!,
      ],
    };
    const before = initializeWeights(seedNet, { seed: 3 });
    const after = initializeWeights(longer, { seed: 3 });
    expect(after.slice(0, 6)).toEqual(before.slice(0, 6));
  });
});

function expectUniform(values: Float32Array, bound: number) {
  const extreme = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  expect(extreme).toBeLessThanOrEqual(bound * (1 + 1e-6));
  expect(extreme).toBeGreaterThan(bound * 0.95);
  const variance = values.reduce((sum, value) => sum + value ** 2, 0) / values.length;
  expect(variance / (bound ** 2 / 3)).toBeGreaterThan(0.8);
  expect(variance / (bound ** 2 / 3)).toBeLessThan(1.2);
}

/** `[count, 32, 32, 3]`: neighbouring pixels and channels are similar, as in photographs, with some noise. */
function naturalImages(count: number): Uint8Array {
  const draw = random(1);
  const bytes = new Uint8Array(count * 3072);
  for (let image = 0; image < count; image++) {
    const [slopeX, slopeY, phase, tint] = [draw.normal(), draw.normal(), draw.uniform(), draw.normal()];
    for (let at = 0; at < 1024; at++) {
      const wave = Math.sin(phase * 6 + (slopeX * (at % 32) + slopeY * Math.floor(at / 32)) / 4);
      for (let channel = 0; channel < 3; channel++) {
        const value = 120 + 60 * wave + 20 * tint * (channel - 1) + 15 * draw.normal();
        bytes[image * 3072 + at * 3 + channel] = Math.max(0, Math.min(255, value));
      }
    }
  }
  return bytes;
}
