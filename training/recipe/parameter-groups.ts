import { headOf } from '../nets/head.ts';
import type { Net } from '../nets/net.ts';
import { weightSpecs } from '../nets/shapes.ts';
import type { Optimizer, ParameterGroup } from './optimizer.ts';
import type { Recipe } from './recipes.ts';
import { type Position, scheduleFactor } from './schedule.ts';

/**
 * `filterParams`: kernels of convolutions that Muon trains. `normBiases`: the offsets of batch normalization. `whitening`: the
 * bias of the whitening layer, which may be frozen. `head`: the last layer, where it is trained otherwise than the body, which
 * is all before it. `weights`: all others.
 */
type GroupName = 'filterParams' | 'weights' | 'normBiases' | 'whitening' | 'head';

const groupNames = ['filterParams', 'weights', 'normBiases', 'whitening', 'head'] as const;

/** The groups of a net that have any weights, each with its optimizer. */
export function groupsOf(net: Net, recipe: Recipe): ParameterGroup[] {
  const whitened = new Set(
    net.layers.filter((layer) => layer.kind === 'convolution' && layer.init === 'whitening').map(({ name }) => name),
  );
  const head = hasOwnHead(recipe) ? headOf(net).name : undefined;
  const grouped: Record<GroupName, string[]> = {
    filterParams: [],
    weights: [],
    normBiases: [],
    whitening: [],
    head: [],
  };
  for (const { name, role, layer, shape, trainable } of weightSpecs(net)) {
    if (!trainable) continue;
    if (layer === head) grouped.head.push(name);
    else if (recipe.freeze === 'body') continue;
    else if (role === 'beta') grouped.normBiases.push(name);
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

/** Sets of groups that a step may leave out: the body, and the bias of the whitening layer. */
export function freezableOf(groups: readonly ParameterGroup[], recipe: Recipe): string[][] {
  const names = groups.map(({ name }) => name);
  const body = names.filter((name) => name !== 'head');
  const isFrozenLater = recipe.budget > 0 || recipe.probeEpochs + recipe.whiteningBiasEpochs < recipe.epochs;
  return [
    ...(recipe.probeEpochs > 0 && body.length > 0 ? [body] : []),
    ...(names.includes('whitening') && isFrozenLater ? [['whitening']] : []),
  ];
}

/** Whether the head is trained at other times, or at another rate, than the body. */
function hasOwnHead({ freeze, probeEpochs, bodyLearningRate }: Recipe): boolean {
  return freeze === 'body' || probeEpochs > 0 || bodyLearningRate !== 1;
}

/** The learning rate of each group that this step trains; `factor` multiplies them all. */
export function learningRatesOf(
  groups: readonly ParameterGroup[],
  recipe: Recipe,
  {
    step,
    steps,
    stepsPerEpoch,
    history = [],
    factor = 1,
  }: Omit<Position, 'history'> & Partial<Position> & { readonly stepsPerEpoch: number; readonly factor?: number },
): Record<string, number> {
  const share = factor * scheduleFactor(recipe, { step, steps, history });
  const rates: Readonly<Record<string, number>> = {
    filterParams: recipe.muonLearningRate * recipe.bodyLearningRate,
    weights: recipe.learningRate * recipe.bodyLearningRate,
    normBiases: recipe.learningRate * recipe.normLearningRate * recipe.bodyLearningRate,
    whitening: recipe.learningRate * recipe.bodyLearningRate,
    head: recipe.learningRate,
  } satisfies Record<GroupName, number>;
  const epoch = step / stepsPerEpoch;
  const isTrained = (name: string) => {
    if (epoch < recipe.probeEpochs) return name === 'head';
    return name !== 'whitening' || epoch < recipe.probeEpochs + recipe.whiteningBiasEpochs;
  };
  return Object.fromEntries(
    groups.filter(({ name }) => isTrained(name)).map(({ name }) => [name, rates[name]! * share]),
  );
}

/** The learning rate that the record shows, of those of a step: that of the weights, or of the head alone. */
export function shownLearningRate({ head, weights }: Readonly<Record<string, number>>): number {
  return (head ?? weights)!;
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
