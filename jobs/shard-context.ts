import type { ItemOf, PlanKind, PlanOf } from '#models/plans/plan.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';

/** A shard of a plan to work on, and what its work may use. */
export interface ShardContext<Kind extends PlanKind = PlanKind> {
  /** Where the plan is; failing calls are retried. */
  readonly store: ObjectStore;
  /** The id of the plan. */
  readonly planId: string;
  readonly plan: PlanOf<Kind>;
  readonly item: ItemOf<Kind>;
  /** The name of this attempt, as `newAttempt` makes them. */
  readonly attempt: string;
  /** Aborted with the name of a signal: the work keeps what it can resume from, and throws the reason. */
  readonly signal: AbortSignal;
  /** Prints a line. */
  readonly log: (line: string) => void;
}

/**
 * Does a shard. It may be done again, at the same time too: by a retry, or by another submission.
 *
 * @returns its result, as JSON: the first one of a shard that is stored stays
 * @throws the signal's reason, when it was aborted; anything else is a failure of the shard
 */
export type RunShard<Kind extends PlanKind = PlanKind> = (context: ShardContext<Kind>) => Promise<unknown>;
