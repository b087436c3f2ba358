import { UsageError } from '#errors/user-error.ts';
import { makePlan, type PlanOf, type SweepItem } from '#models/plans/plan.ts';
import { type SweepOptions, sweepOptionsOf } from '#models/plans/sweep-options.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { resolveRecipe } from '#training/recipe/settings.ts';
import { recipeOnData } from '#training/run/recipe-on-data.ts';
import { type KnownData, readKnownData } from './known-data.ts';
import { type RunOutcome, rankGroups } from './outcomes.ts';
import type { CheckedGroup } from './runs-of.ts';

/** More would train for too few steps to tell anything. */
const MOST_RUNGS = 3;

type Halving = NonNullable<SweepOptions['halving']>;

/**
 * The first rung of successive halving: all groups, trained for the least epochs.
 *
 * @see Li et al. 2018, "A system for massively parallel hyperparameter tuning" (ASHA). There a run that is promoted resumes from
 *   its checkpoint, as soon as it is among the best so far. Here a rung ends before the next begins, so that the same sweep
 *   chooses the same; and its runs are trained anew, with the whole schedule in the epochs of the rung: a learning rate that
 *   has fallen to zero trains no further, and the runs of the last rung are those of `train`.
 *
 * @throws {UsageError} the groups are too few, a budget decides how long they train, or they hold out other images
 */
export function firstRung(groups: readonly CheckedGroup[], factor: number): Halving {
  if (groups.length < factor) {
    throw new UsageError(
      `Halving by ${factor} keeps one of ${factor} groups, and there ${groups.length === 1 ? 'is 1' : `are ${groups.length}`}. Give more values, or leave halving out.`,
    );
  }
  const timed = groups.find(({ settings }) => settings.budget > 0);
  if (timed) {
    throw new UsageError(
      `${timed.name}: halving shortens epochs, and budget=${timed.settings.budget} fits them to a time. Leave the budget out.`,
    );
  }
  const [first] = groups;
  const other = groups.find(({ settings }) => settings.heldOut !== first!.settings.heldOut);
  if (other) {
    throw new UsageError(
      `${other.name}: halving compares groups on the same held-out images, and heldOut=${other.settings.heldOut} here, but ` +
        `${first!.settings.heldOut} in ${first!.name}. Hold out the same number.`,
    );
  }
  let rungs = 1;
  for (let left = groups.length; left >= factor && rungs < MOST_RUNGS; left = keptOf(left, factor)) rungs++;
  return { factor, rung: 1, rungs };
}

/** How many groups advance to the next rung. */
export function keptOf(groups: number, factor: number): number {
  return Math.ceil(groups / factor);
}

/**
 * The changes of a group's settings on a rung.
 *
 * @param set those of the last rung, where a run is trained as `train` trains it
 * @param epochs of a run of the last rung
 */
export function setOnRung(set: readonly string[], epochs: number, { factor, rung, rungs }: Halving): string[] {
  if (rung === rungs) return [...set];
  return [...set, `epochs=${Number((epochs / factor ** (rungs - rung)).toPrecision(6))}`];
}

/**
 * The plan of the next rung: the best groups of this one. It follows from the results, which never change, so that everybody
 * makes the same plan of them.
 *
 * @returns `undefined` after the last rung
 */
export async function nextRung(
  store: ObjectStore,
  id: string,
  plan: PlanOf<'sweep'>,
  outcomes: readonly RunOutcome[],
): Promise<PlanOf<'sweep'> | undefined> {
  const options = sweepOptionsOf(id, plan);
  const { halving } = options;
  if (halving === undefined || halving.rung === halving.rungs) return undefined;
  const next = { ...halving, rung: halving.rung + 1, first: halving.first ?? id };
  const ranked = rankGroups(outcomes);
  const kept = new Set(ranked.slice(0, keptOf(ranked.length, halving.factor)));
  const data = new Map<string, KnownData>();
  const items: Omit<SweepItem, 'shard'>[] = [];
  for (const { shard: _, ...item } of plan.items) {
    if (!kept.has(item.group)) continue;
    if (!data.has(item.data)) data.set(item.data, await readKnownData(store, item.data));
    const set = item.set.slice(0, -1); // Without the epochs of this rung.
    items.push({ ...item, set: setOnRung(set, epochsOf(item.recipe, set, data.get(item.data)!), next) });
  }
  return makePlan({ kind: 'sweep', code: plan.code, options: { ...options, halving: next }, items });
}

function epochsOf(recipe: string, set: readonly string[], data: KnownData): number {
  return recipeOnData({ recipe, set }, { asked: resolveRecipe(recipe, set), data }).settings.epochs;
}
