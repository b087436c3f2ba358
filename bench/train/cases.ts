import { UsageError } from '#errors/user-error.ts';
import { netOf, type Recipe, recipes } from '#training/recipe/recipes.ts';

/** One thing that is measured: a recipe's training step, at its batch size. */
export interface Case {
  /** As `--nets` takes it. */
  readonly name: string;
  /** With the batch size, for people. */
  readonly title: string;
  readonly recipe: Recipe;
}

/** Airbench's method, by SGD: the optimizer that every contestant has, and a bias of the whitening layer that stays. */
const airbench = (widths: Recipe['widths']): Recipe => ({
  ...recipes.quick,
  widths,
  batchSize: 512,
  ...{
    optimizer: 'sgd',
    learningRate: 0.75,
    momentum: 0.85,
    nesterov: true,
    weightDecay: 0.00133,
    normLearningRate: 64,
  },
  ...{ schedule: 'constant', labelSmoothing: 0.2, whiteningBiasEpochs: 0, flip: 'alternating', translate: 2 },
});

/** Each with the batch sizes that it is measured at. */
const nets: Readonly<Record<string, { readonly recipe: Recipe; readonly batches: readonly number[] }>> = {
  '32-64-64': { recipe: airbench([32, 64, 64]), batches: [512] },
  '64-128-128': { recipe: airbench([64, 128, 128]), batches: [512] },
  '64-256-256': { recipe: airbench([64, 256, 256]), batches: [512] },
  seed: { recipe: recipes.seed, batches: [64, 512] },
};

export const netNames = Object.keys(nets);

/**
 * @param names of nets; all of them if it is empty
 * @param batch instead of the nets' own batch sizes
 * @throws {UsageError} there is no such net
 */
export function casesOf(names: readonly string[], batch?: number): Case[] {
  return (names.length > 0 ? names : netNames).flatMap((name) => {
    const known = nets[name];
    if (known === undefined)
      throw new UsageError(`There is no net ${name} to measure: it is one of ${netNames.join(', ')}.`);
    return (batch === undefined ? known.batches : [batch]).map((batchSize) => {
      const recipe = { ...known.recipe, batchSize };
      return { name, title: `${netOf(recipe).name}, batch ${batchSize}`, recipe };
    });
  });
}
