import type { Dataset } from '../data/dataset.ts';
import { ownSettings, type ResolvedRecipe, resolveContinuation, resolveRecipe } from '../recipe/settings.ts';
import { settingsFor } from '../recipe/settings-for-data.ts';
import { type OpenedParent, parentFor } from './parent.ts';

/** A recipe as people ask for it. */
export interface AskedRecipe {
  /** @default the one that the parent's weights were trained with, or else `quick` */
  readonly recipe?: string | undefined;
  /** Changes of its settings, `key=value` each. @default none */
  readonly set?: readonly string[];
}

/** What a data set decides of the settings. */
export interface FactsOfData extends Pick<Dataset, 'classes' | 'heldOut'> {
  readonly train: { readonly count: number };
}

/** The recipe before the data are known. @throws {UsageError} as `resolveRecipe` */
export function recipeFor({ recipe: name, set }: AskedRecipe, from?: OpenedParent): ResolvedRecipe {
  if (from === undefined) return resolveRecipe(name ?? 'quick', set);
  const { head, ...parent } = from.parent;
  // Nobody asked for this parent: then the recipe is what it would be without.
  const chosen = name ?? ('byDefault' in parent ? 'quick' : undefined);
  return resolveContinuation({ name: chosen, parent: from.recipe, hasNewHead: head !== undefined }, set);
}

/**
 * The recipe that a run on these data has: what is asked for comes before what follows from the data.
 *
 * @param asked the same before the data were known
 * @throws {UsageError} as `resolveRecipe`
 */
export function recipeOnData(
  { recipe, set = [] }: AskedRecipe,
  {
    asked,
    data,
    from,
  }: { readonly asked: ResolvedRecipe; readonly data: FactsOfData; readonly from?: OpenedParent | undefined },
): ResolvedRecipe {
  const fitted = { recipe, set: [...settingsFor(data, ownSettings(asked)), ...set] };
  return recipeFor(fitted, from && parentFor(from, data));
}
