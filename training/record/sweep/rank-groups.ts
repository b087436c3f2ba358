import type { ItemOf } from '#models/plans/plan.ts';
import { decodeBits, type HeldOutAnswers } from '#models/plans/sweep-result.ts';
import { groupBy } from '../../data/group-by.ts';
import {
  compareGroups,
  type GroupComparison,
  type GroupSummary,
  type SeededRun,
  summarize,
} from '../../evaluation/seed-groups.ts';
import { ownSettings, resolveRecipe } from '../../recipe/settings.ts';
import type { Sweep, SweepRun } from './read-sweep.ts';

/** The runs of a sweep by their settings, the best first. */
export interface RankedSweep {
  readonly sweep: Sweep;
  /** By held-out accuracy; groups of which a run diverged come after the others, and those without a measured run last. */
  readonly groups: readonly RankedGroup[];
  /** What differs between the groups, such as `learningRate`, in the plan's order. */
  readonly varied: readonly VariedSetting[];
  /** The first of the ranked groups; absent before the first result. */
  readonly best?: RankedGroup;
  /** The group with the recipe's own settings, else the plan's first one. */
  readonly baseline: RankedGroup;
}

/** A setting that differs between groups. */
export interface VariedSetting {
  readonly name: string;
  /** In the order of the plan; numbers in ascending order. */
  readonly values: readonly string[];
}

/** Runs that differ in nothing but their seed. */
export interface RankedGroup {
  /** From 1; absent where no run is measured. */
  readonly rank?: number;
  readonly group: string;
  /** Of the varied settings. */
  readonly settings: Readonly<Record<string, string>>;
  readonly runs: readonly SweepRun[];
  readonly isBaseline: boolean;
  /** How many runs were given up since they diverged. */
  readonly diverged: number;
  /** Of the measured runs. */
  readonly heldOut?: GroupSummary;
  /** On the test images, of the runs that were kept. */
  readonly test?: GroupSummary;
  /** This group minus the best one, or minus the baseline; absent for that itself, and where no seed is common. */
  readonly againstBest?: GroupComparison;
  readonly againstBaseline?: GroupComparison;
}

export function rankGroups(sweep: Sweep): RankedSweep {
  const byGroup = groupBy(sweep.runs, ({ item }) => item.group);
  const all = settingsOf(sweep.runs.map(({ item }) => item));
  const varied = variedSettings([...all.values()]);
  const measured = [...byGroup].map(([group, runs]) => {
    const values = runs.flatMap(({ result }) => result?.heldOut?.accuracy ?? []);
    const tested = runs.flatMap(({ published }) => published?.accuracy.plain ?? []);
    const own = all.get(runs[0]!.item)!;
    return {
      ...{ group, runs },
      settings: Object.fromEntries(varied.map(({ name }) => [name, own[name]!])),
      diverged: runs.filter(({ result }) => result?.outcome === 'diverged').length,
      ...(values.length > 0 && { heldOut: summarize(values) }),
      ...(tested.length > 0 && { test: summarize(tested) }),
    };
  });
  const baseline = measured.find(({ runs }) => isOwn(runs[0]!.item)) ?? measured[0]!;
  const ranked = measured.toSorted(
    (one, other) =>
      Number(one.heldOut === undefined) - Number(other.heldOut === undefined) ||
      Number(one.diverged > 0) - Number(other.diverged > 0) ||
      (other.heldOut?.mean ?? 0) - (one.heldOut?.mean ?? 0),
  );
  const [first] = ranked;
  const best = first?.heldOut === undefined ? undefined : first;
  const groups = ranked.map((each, index): RankedGroup => {
    const againstBest = best && each !== best ? compareRuns(best.runs, each.runs) : undefined;
    const againstBaseline = each === baseline ? undefined : compareRuns(baseline.runs, each.runs);
    return {
      ...each,
      ...(each.heldOut && { rank: index + 1 }),
      isBaseline: each === baseline,
      ...(againstBest && { againstBest }),
      ...(againstBaseline && { againstBaseline }),
    };
  });
  return {
    ...{ sweep, groups, varied },
    ...(best && { best: groups[0]! }),
    baseline: groups.find(({ isBaseline }) => isBaseline)!,
  };
}

/**
 * The second group's runs minus the first's.
 *
 * @returns `undefined` where they have no seed in common, or hold out different numbers of images
 */
export function compareRuns(first: readonly SweepRun[], second: readonly SweepRun[]): GroupComparison | undefined {
  const answers = [...first, ...second].flatMap(({ result }) => result?.heldOut ?? []);
  if (new Set(answers.map(({ images }) => images)).size !== 1) return undefined;
  return compareGroups(seeded(first), seeded(second));
}

function seeded(runs: readonly SweepRun[]): SeededRun[] {
  return runs.flatMap(({ item, result }) =>
    result?.heldOut ? [{ seed: item.seed, correct: correctOf(result.heldOut) }] : [],
  );
}

function correctOf({ right, images }: HeldOutAnswers): Uint8Array {
  return Uint8Array.from(decodeBits(right, images), Number);
}

type Item = ItemOf<'sweep'>;
type Settings = Readonly<Record<string, string>>;

/** The name of a variant of the sweep, as its groups' names have it. */
const VARIANT = 'variant';

/** The recipe of an item and each setting that some item changes; where it does not itself, the recipe's own value. */
function settingsOf(items: readonly Item[]): Map<Item, Settings> {
  const names = [...new Set(items.flatMap(({ set }) => set.map(nameOf)))];
  return new Map(
    items.map((item) => {
      const { recipe, set, group } = item;
      const own: Readonly<Record<string, unknown>> = resolveRecipe(recipe).settings;
      const given = Object.fromEntries(set.map((change) => [nameOf(change), change.slice(nameOf(change).length + 1)]));
      const settings = names.map((name) => [name, given[name] ?? String(own[name])]);
      const variant = group.replace(/(?:^| )\w+=\S*(?: \w+=\S*)*$/, '');
      return [item, { [VARIANT]: variant, recipe, ...Object.fromEntries(settings) }];
    }),
  );
}

function nameOf(change: string): string {
  return change.split('=', 1)[0]!;
}

/** What differs; what a variant stands for is told by the variant's name. */
function variedSettings(all: readonly Settings[]): VariedSetting[] {
  const valuesOf = (name: string, among = all) => [...new Set(among.map((each) => each[name]!))];
  const differing = Object.keys(all[0]!).filter((name) => valuesOf(name).length > 1);
  const variants = groupBy(all, (each) => each[VARIANT]!);
  const shown = differing.includes(VARIANT)
    ? differing.filter(
        (name) => name === VARIANT || [...variants.values()].some((among) => valuesOf(name, among).length > 1),
      )
    : differing;
  return shown.map((name) => {
    const values = valuesOf(name);
    const isNumeric = values.every((value) => value !== '' && Number.isFinite(Number(value)));
    return { name, values: isNumeric ? values.sort((one, other) => Number(one) - Number(other)) : values };
  });
}

/** Whether the item changes nothing of its recipe. */
function isOwn({ recipe, set }: Item): boolean {
  const changed = resolveRecipe(recipe, set);
  const own: Readonly<Record<string, unknown>> = ownSettings(changed);
  return Object.entries(changed.settings).every(([name, value]) => String(own[name]) === String(value));
}
