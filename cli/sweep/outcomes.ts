import type { PlanOf, SweepItem } from '#models/plans/plan.ts';
import type { SweepResult } from '#models/plans/sweep-result.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { groupBy } from '#training/data/group-by.ts';
import { compareScores, heldOutScore } from '#training/record/sweep/held-out-score.ts';
import { readSweepResults } from '#training/record/sweep/read-sweep.ts';

/** A run of a sweep that has ended. */
export interface RunOutcome {
  readonly item: SweepItem;
  readonly result: SweepResult;
}

/** The runs of a plan that have ended, in the order of the plan. */
export async function readOutcomes(store: ObjectStore, id: string, plan: PlanOf<'sweep'>): Promise<RunOutcome[]> {
  const results = await readSweepResults(store, id, plan);
  return plan.items.flatMap((item) => {
    const result = results.get(item.shard);
    return result === undefined ? [] : { item, result };
  });
}

/** The groups of runs, the best first: by the mean accuracy on the same held-out images over the same seeds, then the loss. */
export function rankGroups(outcomes: readonly RunOutcome[]): string[] {
  return ranked([...groupBy(outcomes, ({ item }) => item.group)], ([, runs]) => runs).map(([group]) => group);
}

/**
 * The runs that are published.
 *
 * @param keep `all`: all that have weights; `none`; `best:<number>`: the most accurate of those that learned something, up to that number, by their accuracy
 *   on the held-out images
 */
export function runsToKeep(outcomes: readonly RunOutcome[], keep: string): SweepItem[] {
  if (keep === 'none') return [];
  if (keep === 'all') return outcomes.filter(({ result }) => result.kept).map(({ item }) => item);
  const most = Number(keep.slice('best:'.length));
  const trained = outcomes.filter(({ result }) => result.outcome === 'trained');
  return ranked(trained, (run) => [run])
    .slice(0, most)
    .map(({ item }) => item);
}

/** The best first. */
function ranked<Each>(all: readonly Each[], runsOf: (each: Each) => readonly RunOutcome[]): Each[] {
  return all
    .map((each) => ({ each, score: heldOutScore(runsOf(each).map(({ result }) => result)) }))
    .sort((one, other) => compareScores(one.score, other.score))
    .map(({ each }) => each);
}
