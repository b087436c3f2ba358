import { createHash } from 'node:crypto';
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
  /** Of the settings, as all of them resolve them, those that a plan is made by. */
  readonly settings: Pick<Recipe, 'epochs' | 'budget' | 'heldOut'>;
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
  let runs = seeds.length * Math.max(1, variants.length);
  for (const { setting, values } of over) {
    if (values.length === 0) {
      throw new UsageError(`The grid is empty: over.${setting} has no values. Give some, or leave ${setting} out.`);
    }
    runs *= values.length;
  }
  // Before the lists are looked through: they may be long.
  if (runs > MAXIMUM_ITEMS) {
    throw new UsageError(
      `The sweep has ${runs.toLocaleString('en')} runs, and ${MAXIMUM_ITEMS.toLocaleString('en')} are the most. Give fewer values or seeds.`,
    );
  }
  checkTwice(seeds, 'seeds');
  checkTwice(
    over.map(({ setting }) => setting),
    'over',
  );
  checkTwice(
    variants.map(({ name }) => name),
    'variants',
  );
  for (const { setting, values } of over) checkTwice(values, `over.${setting}`);
}

function checkTwice(values: readonly (string | number)[], where: string): void {
  const seen = new Set<string | number>();
  for (const value of values) {
    if (seen.has(value)) throw new UsageError(`${where} has ${value} twice. Give each once.`);
    seen.add(value);
  }
}

/**
 * Finds groups with the same settings, such as learningRate 0.4 and 0.40. Of each group it keeps a digest and the name: there
 * may be a million.
 *
 * @returns takes one group after the other. @throws {UsageError} an earlier one has the same settings
 */
export function differenceCheck(): (group: Group, settings: Recipe) => void {
  const seen = new Map<string, string>();
  return ({ name }, settings) => {
    const digest = createHash('sha256').update(JSON.stringify(settings)).digest('base64');
    const other = seen.get(digest);
    if (other !== undefined) {
      throw new UsageError(`"${other}" and "${name}" are the same settings. Give each once.`);
    }
    seen.set(digest, name);
  };
}
