import { describe, expect, test } from 'vitest';
import { weightSpecs } from '../nets/shapes.ts';
import { freezableOf, groupsOf, learningRatesOf } from './parameter-groups.ts';
import { netOf, recipes } from './recipes.ts';

describe.each(Object.entries(recipes))('the groups of %s', (_, recipe) => {
  test('hold every trainable weight once', () => {
    const net = netOf(recipe);
    const trainable = weightSpecs(net).flatMap(({ name, trainable }) => (trainable ? [name] : []));
    const grouped = groupsOf(net, { ...recipe, whiteningBiasEpochs: 1 }).flatMap(({ weights }) => weights);
    expect(grouped.sort()).toEqual(trainable.sort());
  });
});

test('scales of batch normalization learn at the rate of the other weights, not at that of its offsets', () => {
  const recipe = { ...recipes.quick, net: 'resnet20' } as const;
  const named = Object.fromEntries(groupsOf(netOf(recipe), recipe).map(({ name, weights }) => [name, weights]));
  expect(named.weights).toContain('conv-norm/gamma');
  expect(named.normBiases).toHaveLength(19);
});

describe('the groups of airbench', () => {
  const recipe = { ...recipes.quick, optimizer: 'sgd', epochs: 4, whiteningBiasEpochs: 2 } as const;
  const net = netOf(recipe);
  const groups = groupsOf(net, recipe);
  const ratesAt = (step: number) => learningRatesOf(groups, recipe, { step, steps: 40, stepsPerEpoch: 10 });

  test('separate the biases of batch normalization and the whitening bias from the rest', () => {
    const named = Object.fromEntries(groups.map(({ name, weights }) => [name, weights]));
    expect(named.normBiases).toHaveLength(6);
    expect(named.normBiases).toContain('group1-norm1/beta');
    expect(named.whitening).toEqual(['whiten/bias']);
    expect(named.weights).toContain('head/kernel');
  });

  test('give the kernels of convolutions to Muon, with its own learning rate', () => {
    const muon = { ...recipe, optimizer: 'muon', muonLearningRate: 0.2, muonMomentum: 0.5 } as const;
    const [filterParams, ...others] = groupsOf(net, muon);
    expect(filterParams).toMatchObject({ name: 'filterParams', optimizer: { kind: 'muon', momentum: 0.5 } });
    expect(filterParams!.weights.toSorted()).toEqual(
      [1, 2, 3].flatMap((group) => [`group${group}-conv1/kernel`, `group${group}-conv2/kernel`]),
    );
    expect(others.every(({ optimizer }) => optimizer.kind === 'sgd')).toBe(true);
    const rates = learningRatesOf(groupsOf(net, muon), muon, { step: 20, steps: 40, stepsPerEpoch: 10 });
    expect(rates.filterParams! / rates.weights!).toBeCloseTo(0.2 / recipe.learningRate, 12);
  });

  test('subtract the same share of a weight in a step, whatever their learning rates', () => {
    const rates = ratesAt(9);
    const shares = groups.map(
      ({ name, optimizer }) => rates[name]! * ('weightDecay' in optimizer ? optimizer.weightDecay : Number.NaN),
    );
    for (const share of shares) expect(share).toBeCloseTo(shares[0]!, 12);
    expect(rates.normBiases! / rates.weights!).toBeCloseTo(64);
  });

  test('freeze the whitening bias after its epochs', () => {
    expect(freezableOf(groups, recipe)).toEqual(['whitening']);
    expect(Object.keys(ratesAt(19))).toContain('whitening');
    expect(Object.keys(ratesAt(20))).not.toContain('whitening');
  });

  test('have no whitening bias where it is never trained, and nothing to freeze where it always is', () => {
    expect(groupsOf(net, { ...recipe, whiteningBiasEpochs: 0 }).map(({ name }) => name)).toEqual([
      'weights',
      'normBiases',
    ]);
    expect(freezableOf(groups, { ...recipe, whiteningBiasEpochs: 9 })).toEqual([]);
  });
});
