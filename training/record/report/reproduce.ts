import { isDeepStrictEqual } from 'node:util';
import { type Card, parentName } from '#models/card.ts';
import { cifar10Data } from '#models/data-identity.ts';
import { isNamed } from '../../datasets/open-dataset.ts';
import { recipes } from '../../recipe/recipes.ts';
import { resolveContinuation, resolveRecipe } from '../../recipe/settings.ts';
import { fromStoredSettings } from '../../recipe/stored-settings.ts';

/** Commands that train the same model again: its commit, and the settings that differ from the recipe. */
export function reproduceCommands({
  name,
  data: { name: title },
  recipe,
  seed,
  commit,
  parent,
}: Pick<Card, 'name' | 'data' | 'recipe' | 'seed' | 'commit' | 'parent'>): string {
  const own: Readonly<Record<string, unknown>> = Object.hasOwn(recipes, recipe.name)
    ? {
        ...(parent
          ? resolveContinuation({ name: recipe.name, parent: undefined, hasNewHead: parent.head !== undefined })
          : resolveRecipe(recipe.name)
        ).settings,
      }
    : {};
  const changes = Object.entries(fromStoredSettings(recipe.settings))
    .filter(([key, value]) => !isDeepStrictEqual(value, own[key]))
    .map(([key, value]) => ` --set ${key}=${value}`);
  // Where pictures are on another machine nobody knows.
  const data = name === cifar10Data.name ? '' : ` --data ${isNamed(name) ? name : `<folder or table ${title}>`}`;
  const from = parent ? ` --from ${parentName(parent)}` : '';
  const train = `./cifar10 train ${recipe.name}${data}${from} --seed ${seed}${changes.join('')}`;
  if (commit === null) return train;
  const [, hash, dirty] = /^(.*?)(-dirty)?$/.exec(commit)!;
  return [`git checkout ${hash}${dirty ? '   # plus uncommitted changes' : ''}`, 'npm run setup', train].join('\n');
}
