import { resolve } from 'node:path';
import { UsageError } from '#errors/user-error.ts';
import { resolveVersion } from '#models/aliases.ts';
import { newRunId } from '#models/runs.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import type { LoadOptions } from '#training/data/dataset.ts';
import { checkDataset } from '#training/datasets/open-dataset.ts';
import type { Recipe } from '#training/recipe/recipes.ts';
import { type ResolvedRecipe, resolveRecipe } from '#training/recipe/settings.ts';
import { netSettings } from '#training/recipe/stored-settings.ts';
import { checkRecipe } from '#training/run/check.ts';
import { beginningFor } from '#training/run/few-pictures.ts';
import { checkParent, netFor, type OpenedParent, openParent, parentFor, weightsFor } from '#training/run/parent.ts';
import { recipeFor, recipeOnData } from '#training/run/recipe-on-data.ts';
import type { SweepDefinition } from './definition.ts';
import { type KnownData, packForRuns } from './known-data.ts';
import { type CheckedGroup, differenceCheck, type Group, groupsOf } from './runs-of.ts';

export interface CheckOptions extends Pick<LoadOptions, 'log' | 'onBad' | 'progress' | 'signal'> {
  readonly store: ObjectStore;
  /** Whether other machines train, which see no file of this one. */
  readonly isElsewhere: boolean;
}

/** Groups between two lines of progress. */
const SHOWN_EVERY = 1000;

/** What the runs of a group begin with. */
interface Beginning {
  /** As an item of a plan names it. */
  readonly from: string;
  readonly parent?: OpenedParent | undefined;
}

/**
 * Finds what would fail later in any run of a sweep, before anything but its images is stored. An alias is resolved, since it
 * may move while the runs wait.
 *
 * @returns the groups, in order, with what their runs have in common
 * @throws {UsageError} a recipe, setting, parent or data set is unknown, a combination cannot be trained, or two are the same;
 *   the message names the group
 */
export async function checkRuns(definition: SweepDefinition, options: CheckOptions): Promise<CheckedGroup[]> {
  const groups = groupsOf(definition);
  const { recipe, data: where } = definition;
  // Typos are found before images are opened.
  resolveRecipe(recipe, []);
  const known = new Set<string>();
  for (const group of groups) {
    const set = group.set.filter((change) => !known.has(change));
    about(group, () => resolveRecipe(recipe, set));
    for (const change of set) known.add(change);
  }
  checkDataset(where);
  const named = definition.from === undefined ? undefined : await namedBeginning(definition.from, options);
  const packed = new Map<string, Promise<KnownData>>();
  const defaults = new Map<string, Promise<Beginning>>();
  const checked: CheckedGroup[] = [];
  const checkDifferent = differenceCheck();
  for (const group of groups) {
    if (checked.length % SHOWN_EVERY === 0 && checked.length > 0) {
      options.progress?.(
        `${checked.length.toLocaleString('en')} of ${groups.length.toLocaleString('en')} groups checked`,
      );
    }
    const change = { recipe, set: group.set };
    const asked = about(group, () => recipeFor(change, named?.parent));
    const { imageSize, fit } = asked.settings;
    const form = `${imageSize} ${fit}`;
    const net = netSettings.map((name) => asked.settings[name]).join(' ');
    const data = await once(packed, form, () => packForRuns(options.store, where, asked.settings, options));
    const beginning = named ?? (await once(defaults, `${form} ${net}`, () => defaultBeginning(asked, data, options)));
    const { from, parent } = beginning;
    const settings = about(group, () => {
      const { settings } = recipeOnData(change, { asked, data, from: parent });
      checkTrainable(settings, data, parent);
      return settings;
    });
    checkDifferent(group, settings);
    const { epochs, budget, heldOut } = settings;
    checked.push({ ...group, settings: { epochs, budget, heldOut }, data: data.address, from });
  }
  return checked;
}

/** @throws {UsageError} the recipe does not fit the data or the parent, or leaves nothing to measure by */
function checkTrainable(settings: Recipe, data: KnownData, parent: OpenedParent | undefined): void {
  if (settings.heldOut === 0) {
    throw new UsageError(
      'The runs of a sweep are compared on held-out images, and heldOut=0 leaves none. Set heldOut=5000.',
    );
  }
  checkRecipe(settings, data);
  if (parent === undefined) return;
  weightsFor(netFor(settings, data.images, parent), parentFor(parent, data), { classes: data.classes, seed: 0 });
}

async function namedBeginning(from: string, { store, isElsewhere }: CheckOptions): Promise<Beginning> {
  if (from === 'none') return { from };
  checkParent(from);
  if (!from.endsWith('.h5')) {
    const version = await resolveVersion(store, from);
    return { from: version, parent: await openParent({ from: version, store, run: newRunId() }) };
  }
  if (isElsewhere) {
    throw new UsageError(
      `A job cannot read ${from}, a file of this machine. Sweep here with --store <folder>, or from a version or an alias.`,
    );
  }
  return { from: resolve(from), parent: await openParent({ from, store, run: newRunId() }) };
}

/** What a run begins with where nobody said it, as `train` chooses it. */
async function defaultBeginning(
  { name, settings }: ResolvedRecipe,
  data: KnownData,
  { store, log = () => {} }: CheckOptions,
): Promise<Beginning> {
  const parent = await beginningFor(data, { name, settings, store, run: newRunId(), log });
  return parent && 'version' in parent.parent ? { from: parent.parent.version, parent } : { from: 'none' };
}

/** @throws {UsageError} as the work, with the name of the group */
function about<Result>({ name }: Group, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`${name}: ${error.message}`, { cause: error });
  }
}

function once<Value>(made: Map<string, Promise<Value>>, key: string, make: () => Promise<Value>): Promise<Value> {
  const value = made.get(key) ?? make();
  made.set(key, value);
  return value;
}
