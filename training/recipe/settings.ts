import * as z from 'zod/mini';
import { UsageError } from '#errors/user-error.ts';
import { nearest } from './nearest.ts';
import { type Recipe, recipes } from './recipes.ts';
import { descriptionOf, settingGroups, settingNames, settingsSchema } from './settings-schema.ts';
import { fromStoredSettings } from './stored-settings.ts';

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
  return { name, settings: changed(recipeOf(name), changes) };
}

interface Continuation {
  /** Of a recipe. @default the parent's */
  readonly name?: string | undefined;
  /** The recipe of the weights, as it was stored; undefined where that is not known. */
  readonly parent: StoredRecipe | undefined;
  /** Whether weights of the head are drawn, for classes that the parent does not have. @default false */
  readonly hasNewHead?: boolean;
}

/**
 * The recipe for training that continues from weights of an earlier one: by default the recipe that they were trained with, and
 * always with the net's activations, batch normalization, scale and standardization, and with pictures of their size and fit.
 * Learning rates are at most a tenth of the recipe's own, unless they are given: a run begins at its highest rate, which
 * is made for drawn weights and ruins trained ones. Where the head is drawn it learns at the recipe's own rate, and the body at
 * a tenth of that.
 *
 * @throws {UsageError} as `resolveRecipe`, or there is no recipe at all
 */
export function resolveContinuation(
  { name, parent, hasNewHead = false }: Continuation,
  changes: readonly string[] = [],
): ResolvedRecipe {
  if (name === undefined && parent === undefined) {
    throw new UsageError(
      'The weights to start from do not say which recipe they were trained with. Name one, such as "train quick --from …".',
    );
  }
  const { name: chosen, settings } = name === undefined ? restored(parent!) : resolveRecipe(name);
  const own = ownSettings({ name: chosen, settings });
  const slower = (rate: 'learningRate' | 'muonLearningRate') =>
    hasNewHead ? own[rate] : Math.min(settings[rate], Number((CONTINUING * own[rate]).toPrecision(6)));
  const rates = { learningRate: slower('learningRate'), muonLearningRate: slower('muonLearningRate') };
  // How the parent's own head was trained says nothing of this one.
  const head = { freeze: 'none', probeEpochs: 0, bodyLearningRate: hasNewHead ? CONTINUING : 1 } as const;
  const whole = { resolutions: 'whole' } as const; // The weights know whole pictures already.
  return { name: chosen, settings: changed({ ...settings, ...knownBy(parent), ...rates, ...head, ...whole }, changes) };
}

/** The settings of a recipe as it is by its name, before changes; a recipe that is unknown here has its own. */
export function ownSettings({ name, settings }: ResolvedRecipe): Recipe {
  return isRecipe(name) ? recipes[name] : settings;
}

/** A net continues as the net that it is, with pictures like those that it knows, whichever recipe is named. */
function knownBy(parent: StoredRecipe | undefined): Partial<Recipe> {
  if (parent === undefined) return {};
  const { imageSize, fit, activation, batchNormalization, logitScale, standardize } = restored(parent).settings;
  return { imageSize, fit, activation, batchNormalization, logitScale, standardize };
}

/** A recipe as a card or a file of weights has it. */
export interface StoredRecipe {
  readonly name: string;
  readonly settings: Readonly<Record<string, unknown>>;
}

/** The share of a recipe's learning rates with which trained weights are trained further. */
const CONTINUING = 0.1;

/** Settings that an older release did not have are those of the recipe. */
function restored({ name, settings }: StoredRecipe): ResolvedRecipe {
  const known = Object.entries(fromStoredSettings(settings)).filter(([key]) => isSetting(key));
  return { name, settings: { ...recipes[isRecipe(name) ? name : 'quick'], ...Object.fromEntries(known) } };
}

function recipeOf(name: string): Recipe {
  if (isRecipe(name)) return recipes[name];
  const names = Object.keys(recipes);
  const list = `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
  throw new UsageError(`There is no recipe "${name}". The recipes are ${list}${didYouMean(name, names)}`);
}

function changed(recipe: Recipe, changes: readonly string[]): Recipe {
  return Object.assign({}, recipe, ...changes.map((change) => parseChange(change, recipe)));
}

const COLUMNS = 100;

/** Every setting with its value in a recipe, its meaning and the values that it takes, for `--help` and for errors. */
export function describeSettings(recipe: Recipe): string {
  const written = (name: keyof Recipe) => `${name}=${recipe[name]}`;
  const width = Math.max(...settingNames.map((name) => written(name).length));
  const described = (name: keyof Recipe) => {
    const { meaning, takes } = descriptionOf(name);
    const lines = wrapped(`${meaning} Takes ${takes}.`, COLUMNS - width - 6);
    return lines.map((line, index) => `    ${(index === 0 ? written(name) : '').padEnd(width)}  ${line}`);
  };
  return settingGroups()
    .map(({ heading, names }) => [`  ${heading}`, ...names.flatMap(described)].join('\n'))
    .join('\n\n');
}

function parseChange(change: string, recipe: Recipe): Partial<Recipe> {
  const [, name, text] = /^([^=]+)=(.*)$/s.exec(change) ?? [];
  if (name === undefined || text === undefined) {
    throw new UsageError(`"${change}" is not a setting. Write --set key=value, such as --set epochs=2.`);
  }
  if (!isSetting(name)) {
    // What a person needs comes last: a terminal shows the end of a long message.
    const unknown = `There is no setting "${name}"${didYouMean(name, settingNames)}`;
    throw new UsageError(
      unknown.endsWith('?') ? unknown : `The settings are:\n${describeSettings(recipe)}\n\n${unknown}`,
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

/** Lines of at most so many columns. */
function wrapped(text: string, columns: number): string[] {
  return text.match(new RegExp(`\\S.{0,${columns - 1}}(?=\\s|$)`, 'g')) ?? [];
}
