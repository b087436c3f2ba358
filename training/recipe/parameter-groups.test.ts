import { describe, expect, test } from 'vitest';
import { weightSpecs } from '../nets/shapes.ts';
import { netNames } from './nets.ts';
import { freezableOf, groupsOf, learningRatesOf, shownLearningRate } from './parameter-groups.ts';
import { netOf, type Recipe, recipes } from './recipes.ts';

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
    expect(freezableOf(groups, recipe)).toEqual([['whitening']]);
    expect(Object.keys(ratesAt(19))).toContain('whitening');
    expect(Object.keys(ratesAt(20))).not.toContain('whitening');
  });

  test('train the first kernel as the others where it does not whiten, and its bias too', () => {
    const muon = { ...recipe, optimizer: 'muon', whitening: 'off' } as const;
    const drawn = groupsOf(netOf(muon), muon);
    const named = Object.fromEntries(drawn.map(({ name, weights }) => [name, weights]));
    expect(named.filterParams).toContain('whiten/kernel');
    expect(named.weights).toContain('whiten/bias');
    expect([named.whitening, freezableOf(drawn, muon)]).toEqual([undefined, []]);
  });

  test('have no whitening bias where it is never trained, and nothing to freeze where it always is', () => {
    expect(groupsOf(net, { ...recipe, whiteningBiasEpochs: 0 }).map(({ name }) => name)).toEqual([
      'weights',
      'normBiases',
    ]);
    expect(freezableOf(groups, { ...recipe, whiteningBiasEpochs: 9 })).toEqual([]);
  });
});

describe('the groups of a run that trains the head otherwise', () => {
  const { minute } = recipes;
  const net = netOf(minute);
  const namesOf = (recipe: Recipe) => groupsOf(net, recipe).map(({ name }) => name);
  const ratesAt = (recipe: Recipe, step: number) =>
    learningRatesOf(groupsOf(net, recipe), recipe, { step, steps: 40, stepsPerEpoch: 10 });

  test('are the head alone where the body is frozen', () => {
    const recipe = { ...minute, freeze: 'body' } as const;
    expect(groupsOf(net, recipe)).toMatchObject([{ name: 'head', weights: ['head/kernel'] }]);
    expect(freezableOf(groupsOf(net, recipe), recipe)).toEqual([]);
    expect(shownLearningRate(ratesAt(recipe, 0))).toBe(minute.learningRate);
  });

  test('leave the body out in the epochs of a probe; then the whitening bias has its own', () => {
    const recipe = { ...minute, epochs: 4, probeEpochs: 2, whiteningBiasEpochs: 1 };
    const body = ['filterParams', 'normBiases', 'whitening'];
    expect(namesOf(recipe)).toEqual([...body, 'head']);
    expect(freezableOf(groupsOf(net, recipe), recipe)).toEqual([body, ['whitening']]);
    expect(Object.keys(ratesAt(recipe, 19))).toEqual(['head']);
    expect(Object.keys(ratesAt(recipe, 20))).toEqual([...body, 'head']);
    expect(Object.keys(ratesAt(recipe, 30))).toEqual(['filterParams', 'normBiases', 'head']);
  });

  test('have lower rates for the body, and that of the recipe for the head', () => {
    const rates = ratesAt({ ...minute, bodyLearningRate: 0.1 }, 0);
    expect(rates).toEqual({
      filterParams: expect.closeTo(0.1 * minute.muonLearningRate, 9),
      normBiases: expect.closeTo(0.1 * minute.learningRate * minute.normLearningRate, 9),
      whitening: expect.closeTo(0.1 * minute.learningRate, 9),
      head: minute.learningRate,
    });
  });

  test.each(netNames)('find the head of %s', (name) => {
    const recipe = { ...minute, net: name, freeze: 'body' } as const;
    const ofNet = netOf(recipe);
    const [head] = groupsOf(ofNet, recipe);
    const shapes = new Map(weightSpecs(ofNet).map((spec) => [spec.name, spec.shape]));
    for (const weight of head!.weights) expect(shapes.get(weight)!.at(-1)).toBe(ofNet.classes);
  });
});
