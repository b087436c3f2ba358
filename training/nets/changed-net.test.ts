import { describe, expect, test } from 'vitest';
import { type NetName, netNames } from '../recipe/nets.ts';
import { netOf, type Recipe, recipes } from '../recipe/recipes.ts';
import { headOf } from './head.ts';
import { initializeWeights } from './initialize.ts';
import { activations, type Layer, type Net } from './net.ts';
import { seedNet, seedNetWith } from './seed.ts';
import { shapesOf, weightSpecs } from './shapes.ts';

const { seed, minute } = recipes;

/** A net of the setting `net`, changed. */
function changed(net: NetName, changes: Partial<Recipe>): Net {
  return netOf({ ...(net === 'seed' ? seed : minute), net, ...changes });
}

function kinds({ layers }: Net): Layer['kind'][] {
  return layers.map(({ kind }) => kind);
}

describe.each(netNames)('the net %s', (name) => {
  test.each(activations)('has %s everywhere, in layers of that name, and the same weights', (activation) => {
    const net = changed(name, { activation });
    expect(shapesOf(net).length).toBe(shapesOf(changed(name, {})).length);
    const functions = net.layers.flatMap((layer) => (layer.kind === 'activation' ? [layer.function] : []));
    expect(new Set(functions)).toEqual(new Set([activation]));
    const others = activations.filter((other) => !activation.includes(other));
    for (const { name: layer } of net.layers) for (const other of others) expect(layer).not.toMatch(other);
    expect(weightSpecs(net)).toEqual(weightSpecs(changed(name, {})));
  });

  test('loses its batch normalization, whose convolutions get a bias, and gets one again', () => {
    const off = changed(name, { batchNormalization: 'off' });
    expect(kinds(off)).not.toContain('batch-normalization');
    const whitening = (layer: Layer) => layer.kind === 'convolution' && layer.init === 'whitening';
    for (const layer of off.layers) {
      if (layer.kind === 'convolution' && !whitening(layer)) expect(layer.bias, layer.name).toBe(true);
    }
    const on = changed(name, { batchNormalization: 'on' });
    const count = (kind: Layer['kind']) => on.layers.filter((layer) => layer.kind === kind && !whitening(layer)).length;
    expect(count('batch-normalization')).toBe(count('convolution'));
    expect(on.layers.filter((layer) => layer.kind === 'convolution' && !whitening(layer) && layer.bias)).toEqual([]);
    shapesOf(off);
    shapesOf(on);
  });

  test('drops out at one rate, or not at all', () => {
    const rates = (net: Net) => net.layers.flatMap((layer) => (layer.kind === 'dropout' ? [layer.rate] : []));
    expect(new Set(rates(changed(name, { dropout: 0.25 })))).toEqual(new Set([0.25]));
    expect(rates(changed(name, { dropout: 0 }))).toEqual([]);
    const { layers } = changed(name, { dropout: 0.25 });
    const head = headOf({ ...changed(name, {}), layers });
    expect(layers[layers.findIndex((layer) => layer.name === head.name) - 1]!.kind).toBe('dropout');
  });

  test('multiplies its logits once', () => {
    const { layers } = changed(name, { logitScale: 0.5 });
    expect(layers.filter(({ kind }) => kind === 'scale')).toEqual([expect.objectContaining({ by: 0.5 })]);
    expect(layers.at(-1)!.kind).toBe('scale');
    headOf({ ...changed(name, {}), layers });
  });
});

test('what is not changed stays the same', () => {
  expect(changed('seed', {})).toEqual(seedNet);
  expect(changed('resnet20', { batchNormalization: 'on', activation: 'relu' })).toEqual(changed('resnet20', {}));
});

test('the seed network with ELU is the one that the post may have had', () => {
  const head = { convolutionDropout: [0.3, 0.3, 0.4], hidden: 80, denseDropout: 0.3 } as const;
  expect(changed('seed', { activation: 'elu' })).toEqual(seedNetWith({ ...head, activation: 'elu' }));
});

test('batch normalization of the seed network is where it is in VGG', () => {
  const net = changed('seed', { batchNormalization: 'on' });
  expect(net.layers.slice(1, 6).map(({ name }) => name)).toEqual(['conv1', 'conv1-norm', 'relu1', 'pool1', 'dropout1']);
  expect(net.layers.every(({ inputs }) => inputs === undefined)).toBe(true);
});

test('a residual sum reads what its batch normalization read', () => {
  const sum = changed('resnet20', { batchNormalization: 'off' }).layers.find(({ kind }) => kind === 'add');
  expect(sum!.inputs).toEqual(['stage1-block1-conv2', 'relu']);
});

test('dropout changes no weights that a net begins with', () => {
  const first = (net: Net) => initializeWeights(net, { seed: 1, layer: 'conv3' })[0]!.data;
  expect(first(changed('seed', { dropout: 0 })).join()).toBe(first(seedNet).join());
});
