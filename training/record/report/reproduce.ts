import { isDeepStrictEqual } from 'node:util';
import { type Card, parentName } from '#models/card.ts';
import { cifar10Data } from '#models/data-identity.ts';
import { recipes } from '../../recipe/recipes.ts';
import { fromStoredSettings } from '../../recipe/stored-settings.ts';

/** What to type to train the same model: the source, and the settings that are not the recipe's own. */
export function reproduceCommands({
  name,
  recipe,
  seed,
  commit,
  parent,
}: Pick<Card, 'name' | 'recipe' | 'seed' | 'commit' | 'parent'>): string {
  const own: Readonly<Record<string, unknown>> = Object.hasOwn(recipes, recipe.name)
    ? { ...recipes[recipe.name as keyof typeof recipes] }
    : {};
  const changes = Object.entries(fromStoredSettings(recipe.settings))
    .filter(([key, value]) => !isDeepStrictEqual(value, own[key]))
    .map(([key, value]) => ` --set ${key}=${value}`);
  const data = name === cifar10Data.name ? '' : ` --data ${name}`;
  const from = parent ? ` --from ${parentName(parent)}` : '';
  const train = `./cifar10 train ${recipe.name}${data}${from} --seed ${seed}${changes.join('')}`;
  if (commit === null) return train;
  const [, hash, dirty] = /^(.*?)(-dirty)?$/.exec(commit)!;
  return [
    `git checkout ${hash}${dirty ? '   # and changes that were not committed' : ''}`,
    'npm run setup',
    train,
  ].join('\n');
}
