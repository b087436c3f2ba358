import { isDeepStrictEqual } from 'node:util';
import { UsageError } from '#errors/user-error.ts';
import { MAXIMUM_ITEMS, type SweepItem } from '#models/plans/plan.ts';
import type { Recipe } from '#training/recipe/recipes.ts';
import type { SweepDefinition, Variant } from './definition.ts';

/** The runs of a group differ in the seed alone. */
export interface Group {
  /** Such as `learningRate=0.2 optimizer=sgd`, or the name of a variant. */
  readonly name: string;
  /** Changes of the recipe's settings, `key=value` each. */
  readonly set: readonly string[];
}

/** A group whose runs can be trained. */
export interface CheckedGroup extends Group {
  /** As all of them resolve them. */
  readonly settings: Recipe;
  /** The images, as an item of a plan names them. */
  readonly data: string;
  /** A version or a Keras file, or `none`. */
  readonly from: string;
}

/**
 * The groups of a sweep: each variant with each combination of the axes' values, the last axis changing fastest.
 *
 * @throws {UsageError} there are no runs, or more than 1,000,000, or some are there twice
 */
export function groupsOf({ recipe, set, over, variants, seeds }: SweepDefinition): Group[] {
  checkAxes({ over, variants, seeds });
  const named: readonly Variant[] = variants.length > 0 ? variants : [{ name: '', set: [] }];
  let groups: Group[] = named.map((variant) => ({ name: variant.name, set: [...set, ...variant.set] }));
  for (const { setting, values } of over) {
    groups = groups.flatMap((group) =>
      values.map((value) => ({
        name: `${group.name} ${setting}=${value}`.trim(),
        set: [...group.set, `${setting}=${value}`],
      })),
    );
  }
  return groups.map((group) => ({ ...group, name: group.name || recipe }));
}

/** The runs of groups, with each seed. */
export function runsOf(
  groups: readonly CheckedGroup[],
  { recipe, seeds }: Pick<SweepDefinition, 'recipe' | 'seeds'>,
): Omit<SweepItem, 'shard'>[] {
  return groups.flatMap(({ name, set, data, from }) =>
    seeds.map((seed) => ({ name: `${name} seed=${seed}`, group: name, recipe, set: [...set], seed, data, from })),
  );
}

function checkAxes({ over, variants, seeds }: Pick<SweepDefinition, 'over' | 'variants' | 'seeds'>): void {
  if (seeds.length === 0) throw new UsageError('The sweep has no seeds. Give at least one, such as seeds: 3.');
  checkTwice(seeds, 'seeds');
  checkTwice(
    over.map(({ setting }) => setting),
    'over',
  );
  checkTwice(
    variants.map(({ name }) => name),
    'variants',
  );
  let runs = seeds.length * Math.max(1, variants.length);
  for (const { setting, values } of over) {
    if (values.length === 0) {
      throw new UsageError(`The grid is empty: over.${setting} has no values. Give some, or leave ${setting} out.`);
    }
    checkTwice(values, `over.${setting}`);
    runs *= values.length;
  }
  if (runs <= MAXIMUM_ITEMS) return;
  throw new UsageError(
    `The sweep has ${runs.toLocaleString('en')} runs, and ${MAXIMUM_ITEMS.toLocaleString('en')} are the most. Give fewer values or seeds.`,
  );
}

function checkTwice(values: readonly (string | number)[], where: string): void {
  const seen = new Set<string | number>();
  for (const value of values) {
    if (seen.has(value)) throw new UsageError(`${where} has ${value} twice. Give each once.`);
    seen.add(value);
  }
}

/** @throws {UsageError} two groups have the same settings, such as learningRate 0.4 and 0.40 */
export function checkDifferent(groups: readonly CheckedGroup[]): void {
  const seen = new Map<string, (typeof groups)[number]>();
  for (const group of groups) {
    const key = JSON.stringify(group.settings);
    const other = seen.get(key);
    if (other !== undefined && isDeepStrictEqual(other.settings, group.settings)) {
      throw new UsageError(`"${other.name}" and "${group.name}" are the same settings. Give each once.`);
    }
    seen.set(key, group);
  }
}
