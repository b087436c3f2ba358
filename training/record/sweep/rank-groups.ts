import type { ItemOf } from '#models/plans/plan.ts';
import type { SweepOptions } from '#models/plans/sweep-options.ts';
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
import { compareScores, heldOutScore } from './held-out-score.ts';
import type { Sweep, SweepRun } from './read-sweep.ts';

/** The runs of a sweep by their settings, the best first. */
export interface RankedSweep {
  readonly sweep: Sweep;
  /**
   * By the rung that they reached, then by held-out accuracy, where a run that diverged counts as getting nothing right, then by
   * loss. Groups without a result come last.
   */
  readonly groups: readonly RankedGroup[];
  /** What differs between the groups, such as `learningRate`, in the plan's order. */
  readonly varied: readonly VariedSetting[];
  /** The first of the ranked groups; absent before the first result. */
  readonly best?: RankedGroup;
  /** The first variant of a sweep of variants; else the group with the recipe's own settings, or the plan's first one. */
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
  /** Of the rung that it reached. */
  readonly rung: number;
  readonly runs: readonly SweepRun[];
  readonly isBaseline: boolean;
  /** How many runs were abandoned since they diverged. */
  readonly diverged: number;
  /** Of the measured runs. */
  readonly heldOut?: GroupSummary;
  /** On the test images, of the runs that were kept. */
  readonly test?: GroupSummary;
  /** This group minus the best one, or minus the baseline; absent for that itself, for another rung, and without a common seed. */
  readonly againstBest?: GroupComparison;
  readonly againstBaseline?: GroupComparison;
}

export function rankGroups(sweep: Sweep): RankedSweep {
  const byGroup = groupBy(sweep.runs, ({ item }) => item.group);
  const all = settingsOf(sweep);
  const varied = variedSettings([...all.values()]);
  const measured = [...byGroup].map(([group, everyRung]) => {
    const rung = Math.max(1, ...everyRung.flatMap((run) => (run.result ? run.rung : [])));
    const runs = everyRung.filter((run) => run.rung === rung);
    const values = runs.flatMap(({ result }) => result?.heldOut?.accuracy ?? []);
    const tested = runs.flatMap(({ published }) => published?.accuracy.plain ?? []);
    const own = all.get(runs[0]!.item)!;
    return {
      ...{ group, rung, runs, score: heldOutScore(runs.flatMap(({ result }) => result ?? [])) },
      settings: Object.fromEntries(varied.map(({ name }) => [name, own[name]!])),
      diverged: runs.filter(({ result }) => result?.outcome === 'diverged').length,
      ...(values.length > 0 && { heldOut: summarize(values) }),
      ...(tested.length > 0 && { test: summarize(tested) }),
    };
  });
  const hasVariants = varied.some(({ name }) => name === VARIANT);
  const own = hasVariants ? undefined : measured.find(({ runs }) => isOwn(runs[0]!, sweep));
  const baseline = own ?? measured[0]!;
  const ranked = measured.toSorted(
    (one, other) =>
      other.rung - one.rung ||
      Number(one.heldOut === undefined) - Number(other.heldOut === undefined) ||
      compareScores(one.score, other.score),
  );
  const [first] = ranked;
  const best = first?.heldOut === undefined ? undefined : first;
  const groups = ranked.map((each, index): RankedGroup => {
    const { score: _, ...shown } = each;
    const against = (other: (typeof ranked)[number] | undefined) =>
      other === undefined || other === each || other.rung !== each.rung
        ? undefined
        : compareRuns(other.runs, each.runs);
    const [againstBest, againstBaseline] = [against(best), against(baseline)];
    return {
      ...shown,
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

/** The recipe of each item, and the settings that the sweep varies; where an item does not change one, the recipe's own value. */
function settingsOf({ runs, options }: Sweep): Map<Item, Settings> {
  return new Map(
    runs.map(({ item, rung }) => {
      const { recipe, group } = item;
      const own: Readonly<Record<string, unknown>> = resolveRecipe(recipe).settings;
      const changes = changesOf(item, rung, options);
      const given = Object.fromEntries(
        changes.map((change) => [nameOf(change), change.slice(nameOf(change).length + 1)]),
      );
      const settings = options.over.map((name) => [name, given[name] ?? String(own[name])]);
      const variant = group.replace(/(?:^| )\w+=\S*(?: \w+=\S*)*$/, '');
      return [item, { [VARIANT]: variant, recipe, ...Object.fromEntries(settings) }];
    }),
  );
}

/** An item's changes without the epochs of its rung, which are the last one. */
function changesOf({ set }: Item, rung: number, { halving }: SweepOptions): readonly string[] {
  return halving === undefined || rung === halving.rungs ? set : set.slice(0, -1);
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

/** Whether the item changes nothing of its recipe, but for the epochs of a rung. */
function isOwn({ item, rung }: SweepRun, { options }: Sweep): boolean {
  const changed = resolveRecipe(item.recipe, changesOf(item, rung, options));
  const own: Readonly<Record<string, unknown>> = ownSettings(changed);
  return Object.entries(changed.settings).every(([name, value]) => String(own[name]) === String(value));
}
