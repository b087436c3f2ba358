import type { Net } from '../nets/net.ts';
import { weightSpecs } from '../nets/shapes.ts';
import type { Optimizer, ParameterGroup } from './optimizer.ts';
import type { Recipe } from './recipes.ts';
import { scheduleFactor } from './schedule.ts';

/**
 * Kernels of convolutions that Muon trains; the other kernels, biases and scales; batch normalization's offsets; the bias of the
 * whitening layer, which may be frozen.
 */
type GroupName = 'filters' | 'weights' | 'norms' | 'whitening';

const groupNames = ['filters', 'weights', 'norms', 'whitening'] as const;

/** The groups of a net that have any weights, each with its optimizer. */
export function groupsOf(net: Net, recipe: Recipe): ParameterGroup[] {
  const whitened = new Set(
    net.layers.filter((layer) => layer.kind === 'convolution' && layer.init === 'whitening').map(({ name }) => name),
  );
  const weights: Record<GroupName, string[]> = { filters: [], weights: [], norms: [], whitening: [] };
  for (const { name, role, layer, shape, trainable } of weightSpecs(net)) {
    if (!trainable) continue;
    if (role === 'beta') weights.norms.push(name);
    else if (whitened.has(layer)) weights.whitening.push(name);
    else if (recipe.optimizer === 'muon' && shape.length === 4) weights.filters.push(name);
    else weights.weights.push(name);
  }
  // A weight in no group is a constant.
  if (recipe.whiteningBiasEpochs === 0) weights.whitening = [];
  return groupNames
    .filter((name) => weights[name].length > 0)
    .map((name) => ({ name, weights: weights[name], optimizer: optimizerOf(name, recipe) }));
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
    filters: recipe.muonLearningRate,
    weights: recipe.learningRate,
    norms: recipe.learningRate * recipe.normLearningRate,
    whitening: recipe.learningRate,
  };
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
  if (group === 'filters') return { kind: 'muon', momentum: muonMomentum };
  // A step takes off learning rate times decay: where the one is larger, the other is smaller.
  const weightDecay = group === 'norms' ? recipe.weightDecay / normLearningRate : recipe.weightDecay;
  return optimizer === 'adamw'
    ? { kind: 'adamw', beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay }
    : { kind: 'sgd', momentum, nesterov, weightDecay };
}
