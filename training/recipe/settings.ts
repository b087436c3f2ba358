import * as z from 'zod/mini';
import { UsageError } from '#errors/user-error.ts';
import { nearest } from './nearest.ts';
import { type Recipe, recipes } from './recipes.ts';
import { descriptionOf, settingNames, settingsSchema } from './settings-schema.ts';

/** A recipe with its changes applied. */
export interface ResolvedRecipe {
  readonly name: string;
  readonly settings: Recipe;
}

/**
 * @param name of a recipe
 * @param changes `key=value` each; a later one wins
 * @throws {UsageError} the recipe or a key is unknown, or a value is not valid
 */
export function resolveRecipe(name: string, changes: readonly string[] = []): ResolvedRecipe {
  if (!isRecipe(name)) {
    throw new UsageError(
      `There is no recipe "${name}"${didYouMean(name, Object.keys(recipes))} ${listOf(Object.keys(recipes))}`,
    );
  }
  const recipe = recipes[name];
  const settings: Recipe = Object.assign({}, recipe, ...changes.map((change) => parseChange(change, recipe)));
  return { name, settings };
}

const COLUMNS = 100;

/** Every setting with its value in a recipe, its meaning and the values that it takes, for `--help` and for errors. */
export function describeSettings(recipe: Recipe): string {
  const width = Math.max(...settingNames.map((name) => `${name}=${recipe[name]}`.length));
  return settingNames
    .flatMap((name) => {
      const { meaning, takes } = descriptionOf(name);
      const columns = COLUMNS - width - 4;
      const sentences = [meaning, `Takes ${takes}.`];
      const isShort = sentences.join(' ').length <= columns;
      const lines = isShort ? [sentences.join(' ')] : sentences.flatMap((sentence) => wrapped(sentence, columns));
      return lines.map((line, index) => `  ${(index === 0 ? `${name}=${recipe[name]}` : '').padEnd(width)}  ${line}`);
    })
    .join('\n');
}

function parseChange(change: string, recipe: Recipe): Partial<Recipe> {
  const [, name, text] = /^([^=]+)=(.*)$/s.exec(change) ?? [];
  if (name === undefined || text === undefined) {
    throw new UsageError(`"${change}" is not a setting. Write --set key=value, such as --set epochs=2.`);
  }
  if (!isSetting(name)) {
    throw new UsageError(
      `There is no setting "${name}"${didYouMean(name, settingNames)} The settings:\n${describeSettings(recipe)}`,
    );
  }
  const parsed = z.safeParse(settingsSchema.shape[name], text);
  if (!parsed.success) throw new UsageError(`${name} cannot be "${text}". Give ${descriptionOf(name).takes}.`);
  return { [name]: parsed.data };
}

function isRecipe(name: string): name is keyof typeof recipes {
  return Object.hasOwn(recipes, name);
}

function isSetting(name: string): name is keyof Recipe {
  return Object.hasOwn(settingsSchema.shape, name);
}

function didYouMean(word: string, candidates: readonly string[]): string {
  const meant = nearest(word, candidates);
  return meant === undefined ? '.' : `; did you mean "${meant}"?`;
}

function listOf(names: readonly string[]): string {
  return `The recipes are ${names.slice(0, -1).join(', ')} and ${names.at(-1)}.`;
}

/** Lines of at most so many columns. */
function wrapped(text: string, columns: number): string[] {
  return text.match(new RegExp(`\\S.{0,${columns - 1}}(?=\\s|$)`, 'g')) ?? [];
}
