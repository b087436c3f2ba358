import { UsageError } from '#errors/user-error.ts';
import { netOf, type Recipe, recipes } from '#training/recipe/recipes.ts';

/** A measured case: a recipe's training step, at its batch size. */
export interface Case {
  /** Name of the net, as given to `--nets`. */
  readonly name: string;
  /** Net and batch size, for display. */
  readonly title: string;
  readonly recipe: Recipe;
}

/** Airbench's method with SGD, the optimizer that every contestant has, and with a frozen bias in the whitening layer. */
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

/** The measured nets, with their batch sizes. */
const nets: Readonly<Record<string, { readonly recipe: Recipe; readonly batchSizes: readonly number[] }>> = {
  '32-64-64': { recipe: airbench([32, 64, 64]), batchSizes: [512] },
  '64-128-128': { recipe: airbench([64, 128, 128]), batchSizes: [512] },
  '64-256-256': { recipe: airbench([64, 256, 256]), batchSizes: [512] },
  seed: { recipe: recipes.seed, batchSizes: [64, 512] },
};

export const netNames = Object.keys(nets);

/**
 * @param names names of nets; empty for all
 * @param batch replaces the nets' own batch sizes
 * @throws {UsageError} there is no such net
 */
export function casesOf(names: readonly string[], batch?: number): Case[] {
  return (names.length > 0 ? names : netNames).flatMap((name) => {
    const known = nets[name];
    if (known === undefined)
      throw new UsageError(`There is no net "${name}" to measure. Choose from ${netNames.join(', ')}.`);
    return (batch === undefined ? known.batchSizes : [batch]).map((batchSize) => {
      const recipe = { ...known.recipe, batchSize };
      return { name, title: `${netOf(recipe).name}, batch ${batchSize}`, recipe };
    });
  });
}
