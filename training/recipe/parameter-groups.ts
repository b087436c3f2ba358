import type { Net } from '../nets/net.ts';
import { weightSpecs } from '../nets/shapes.ts';
import type { Optimizer, ParameterGroup } from './optimizer.ts';
import type { Recipe } from './recipes.ts';
import { scheduleFactor } from './schedule.ts';

/**
 * `filterParams`: kernels of convolutions that Muon trains. `normBiases`: the offsets of batch normalization. `whitening`: the
 * bias of the whitening layer, which may be frozen. `weights`: all others.
 */
type GroupName = 'filterParams' | 'weights' | 'normBiases' | 'whitening';

const groupNames = ['filterParams', 'weights', 'normBiases', 'whitening'] as const;

/** The groups of a net that have any weights, each with its optimizer. */
export function groupsOf(net: Net, recipe: Recipe): ParameterGroup[] {
  const whitened = new Set(
    net.layers.filter((layer) => layer.kind === 'convolution' && layer.init === 'whitening').map(({ name }) => name),
  );
  const grouped: Record<GroupName, string[]> = { filterParams: [], weights: [], normBiases: [], whitening: [] };
  for (const { name, role, layer, shape, trainable } of weightSpecs(net)) {
    if (!trainable) continue;
    if (role === 'beta') grouped.normBiases.push(name);
    else if (whitened.has(layer)) grouped.whitening.push(name);
    else if (recipe.optimizer === 'muon' && shape.length === 4) grouped.filterParams.push(name);
    else grouped.weights.push(name);
  }
  // A weight in no group is constant.
  if (recipe.whiteningBiasEpochs === 0) grouped.whitening = [];
  return groupNames
    .filter((name) => grouped[name].length > 0)
    .map((name) => ({ name, weights: grouped[name], optimizer: optimizerOf(name, recipe) }));
}

/** Names of the groups that a step may leave out. */
export function freezableOf(groups: readonly ParameterGroup[], recipe: Recipe): string[] {
  const isFrozenLater = recipe.budget > 0 || recipe.whiteningBiasEpochs < recipe.epochs;
  return groups.map(({ name }) => name).filter((name) => name === 'whitening' && isFrozenLater);
}

/** The learning rate of each group that this step trains; `factor` multiplies them all. */
export function learningRatesOf(
  groups: readonly ParameterGroup[],
  recipe: Recipe,
  {
    step,
    steps,
    stepsPerEpoch,
    factor = 1,
  }: { readonly step: number; readonly steps: number; readonly stepsPerEpoch: number; readonly factor?: number },
): Record<string, number> {
  const share = factor * scheduleFactor(scheduleOf(recipe), step, steps);
  const rates: Readonly<Record<string, number>> = {
    filterParams: recipe.muonLearningRate,
    weights: recipe.learningRate,
    normBiases: recipe.learningRate * recipe.normLearningRate,
    whitening: recipe.learningRate,
  } satisfies Record<GroupName, number>;
  const isFrozen = step >= recipe.whiteningBiasEpochs * stepsPerEpoch;
  return Object.fromEntries(
    groups.filter(({ name }) => name !== 'whitening' || !isFrozen).map(({ name }) => [name, rates[name]! * share]),
  );
}

function scheduleOf({ schedule, startLearningRate, peak, endLearningRate }: Recipe) {
  return schedule === 'constant'
    ? ({ kind: 'constant' } as const)
    : ({ kind: 'triangle', start: startLearningRate, peak, end: endLearningRate } as const);
}

function optimizerOf(group: GroupName, recipe: Recipe): Optimizer {
  const { optimizer, momentum, nesterov, normLearningRate, muonMomentum } = recipe;
  if (group === 'filterParams') return { kind: 'muon', momentum: muonMomentum };
  // A step subtracts learning rate times decay, so a larger rate gets a smaller decay.
  const weightDecay = group === 'normBiases' ? recipe.weightDecay / normLearningRate : recipe.weightDecay;
  return optimizer === 'adamw'
    ? { kind: 'adamw', beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay }
    : { kind: 'sgd', momentum, nesterov, weightDecay };
}
