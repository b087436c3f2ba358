import { checked } from '#models/json.ts';
import type { PlanOf, SweepItem } from '#models/plans/plan.ts';
import { readResults, resultKey } from '#models/plans/results.ts';
import { SweepResult } from '#models/plans/sweep-result.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';

/** A run of a sweep that has ended. */
export interface RunOutcome {
  readonly item: SweepItem;
  readonly result: SweepResult;
}

/** The runs of a plan that have ended, in the order of the plan. */
export async function readOutcomes(store: ObjectStore, id: string, plan: PlanOf<'sweep'>): Promise<RunOutcome[]> {
  const items = new Map(plan.items.map((item) => [item.shard, item]));
  const outcomes: RunOutcome[] = [];
  for await (const { shard, result } of readResults(store, id, items.keys())) {
    outcomes.push({ item: items.get(shard)!, result: checked(SweepResult, result.result, resultKey(id, shard)) });
  }
  return outcomes;
}

/** The groups of runs, the best first: by the mean accuracy on the same held-out images over the same seeds, then the loss. */
export function rankGroups(outcomes: readonly RunOutcome[]): string[] {
  const groups = new Map<string, { runs: number; accuracy: number; loss: number }>();
  for (const { item, result } of outcomes) {
    const group = groups.get(item.group) ?? { runs: 0, accuracy: 0, loss: 0 };
    group.runs++;
    group.accuracy += result.heldOut?.accuracy ?? 0; // A run that diverged gets nothing right.
    group.loss += result.heldOut?.loss ?? Number.POSITIVE_INFINITY;
    groups.set(item.group, group);
  }
  return [...groups]
    .sort(([, a], [, b]) => b.accuracy / b.runs - a.accuracy / a.runs || compareLoss(a.loss / a.runs, b.loss / b.runs))
    .map(([group]) => group);
}

/**
 * The runs that are published.
 *
 * @param keep `all`: all that have weights; `none`; `best:<number>`: so many of those that learned something, by their accuracy
 *   on the held-out images
 */
export function runsToKeep(outcomes: readonly RunOutcome[], keep: string): SweepItem[] {
  if (keep === 'none') return [];
  if (keep === 'all') return outcomes.filter(({ result }) => result.kept).map(({ item }) => item);
  const most = Number(keep.slice('best:'.length));
  return outcomes
    .filter(({ result }) => result.outcome === 'trained')
    .sort(
      ({ result: { heldOut: a } }, { result: { heldOut: b } }) =>
        b!.accuracy - a!.accuracy || compareLoss(a!.loss, b!.loss),
    )
    .slice(0, most)
    .map(({ item }) => item);
}

function compareLoss(one: number, other: number): number {
  return one === other ? 0 : one - other;
}
