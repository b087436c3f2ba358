import { UsageError } from '#errors/user-error.ts';
import { nearest } from './nearest.ts';
import { type Recipe, recipes } from './recipes.ts';

/** A recipe as it was asked for, all of it decided. */
export interface ResolvedRecipe {
  readonly name: string;
  readonly settings: Recipe;
}

/**
 * @param name of a recipe
 * @param changes `key=value` each; a later one wins
 * @throws {UsageError} the recipe or a key is unknown, or a value is not what the key takes
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

/** Every key, what it takes and its value in a recipe, for `--help` and for errors. */
export function describeSettings(recipe: Recipe): string {
  const keys = Object.keys(kinds) as (keyof Recipe)[];
  const width = Math.max(...keys.map((key) => `${key}=${show(recipe[key])}`.length));
  return keys.map((key) => `  ${`${key}=${show(recipe[key])}`.padEnd(width)}   ${kinds[key].takes}`).join('\n');
}

interface Kind<Value> {
  /** For people: what a value may be. */
  readonly takes: string;
  /** @returns `undefined` if the text is no such value */
  parse(text: string): Value | undefined;
}

function number(
  takes: string,
  { min, max, whole = false }: { min: number; max: number; whole?: boolean },
): Kind<number> {
  return {
    takes,
    parse(text) {
      const value = text.trim() === '' ? Number.NaN : Number(text);
      return value >= min && value <= max && (!whole || Number.isInteger(value)) ? value : undefined;
    },
  };
}

function choice<Value extends string>(...values: readonly Value[]): Kind<Value> {
  return { takes: values.join(', '), parse: (text) => values.find((value) => value === text) };
}

const yesOrNo: Kind<boolean> = {
  takes: 'true, false',
  parse: (text) => ({ true: true, false: false })[text],
};

const widths: Kind<Recipe['widths']> = {
  takes: 'three numbers of filters, 1 to 2048, such as 32,64,64',
  parse(text) {
    const [one, two, three, ...more] = text.split(/[,/]/).map(number('', { min: 1, max: 2048, whole: true }).parse);
    return one && two && three && more.length === 0 ? [one, two, three] : undefined;
  },
};

const duration: Kind<number> = {
  takes: 'seconds, or such as 90s, 5m, 1.5h, to a week; 0 for none',
  parse(text) {
    const [, digits, unit = 's'] = /^(\d+(?:\.\d+)?)(s|m|h)?$/.exec(text) ?? [];
    const seconds = Number(digits) * { s: 1, m: 60, h: 3600 }[unit as 's' | 'm' | 'h'];
    return seconds <= 604_800 ? seconds : undefined;
  },
};

const share = number('0 to 1', { min: 0, max: 1 });
const anyEpochs = { min: 0, max: 10_000 };

const kinds: { readonly [Key in keyof Recipe]: Kind<Recipe[Key]> } = {
  net: choice('seed', 'airbench', 'tiny', 'resnet20', 'vgg', 'resnet9'),
  widths,
  engine: choice('auto', 'tensorflow', 'wasm'),
  epochs: number('more than 0, to 10000; may end within an epoch', { min: 1e-6, max: 10_000 }),
  budget: duration,
  batchSize: number('whole, 1 to 8192', { min: 1, max: 8192, whole: true }),
  heldOut: number('images, whole, 0 to 25000', { min: 0, max: 25_000, whole: true }),
  patience: number('epochs, 0 to 10000; 0 for never', anyEpochs),
  keep: choice('last', 'best'),
  precision: choice('auto', 'float32', 'bfloat16', 'float16'),
  optimizer: choice('sgd', 'adamw', 'muon'),
  learningRate: number('0 to 100', { min: 0, max: 100 }),
  momentum: number('0 to 0.9999', { min: 0, max: 0.9999 }),
  nesterov: yesOrNo,
  muonLearningRate: number('0 to 10', { min: 0, max: 10 }),
  muonMomentum: number('0 to 0.9999', { min: 0, max: 0.9999 }),
  weightDecay: number('0 to 10', { min: 0, max: 10 }),
  normLearningRate: number('a multiple, 0.001 to 10000', { min: 1e-3, max: 10_000 }),
  schedule: choice('constant', 'triangle'),
  startLearningRate: share,
  peak: number('0 to 0.99', { min: 0, max: 0.99 }),
  endLearningRate: share,
  labelSmoothing: number('0 to 0.99', { min: 0, max: 0.99 }),
  whiteningBiasEpochs: number('0 to 10000', anyEpochs),
  lookahead: number('steps, whole, 0 to 10000; 0 for none', { ...anyEpochs, whole: true }),
  flip: choice('none', 'random', 'alternating'),
  shift: number('pixels, whole, 0 to 16', { min: 0, max: 16, whole: true }),
  batches: choice('auto', 'inline', 'worker', 'graph'),
  checkpointSeconds: number('0 to 86400', { min: 0, max: 86_400 }),
};

function parseChange(change: string, recipe: Recipe): Partial<Recipe> {
  const [, key, text] = /^([^=]+)=(.*)$/s.exec(change) ?? [];
  if (key === undefined || text === undefined) {
    throw new UsageError(`"${change}" sets nothing. Write --set key=value, such as --set epochs=2.`);
  }
  if (!isSetting(key)) {
    const keys = Object.keys(kinds);
    throw new UsageError(
      `There is no setting "${key}"${didYouMean(key, keys)} The settings:\n${describeSettings(recipe)}`,
    );
  }
  const value = kinds[key].parse(text);
  if (value === undefined) throw new UsageError(`${key} cannot be "${text}". It takes ${kinds[key].takes}.`);
  return { [key]: value };
}

function isRecipe(name: string): name is keyof typeof recipes {
  return Object.hasOwn(recipes, name);
}

function isSetting(key: string): key is keyof Recipe {
  return Object.hasOwn(kinds, key);
}

function didYouMean(word: string, candidates: readonly string[]): string {
  const meant = nearest(word, candidates);
  return meant === undefined ? '.' : `; did you mean "${meant}"?`;
}

function listOf(names: readonly string[]): string {
  return `The recipes are ${names.slice(0, -1).join(', ')} and ${names.at(-1)}.`;
}

function show(value: Recipe[keyof Recipe]): string {
  return String(value);
}
