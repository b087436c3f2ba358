import type { Plan } from '#models/plans/plan.ts';
import { type ShardProgress, visitShards } from '#models/plans/shards.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';

/** Shards with a result that are named. */
const SOME = 16;

/** What has been done of a plan, by the last attempt of each shard. */
export interface PlanWork {
  readonly done: number;
  /** Begun, and neither done nor failed: also what a process was at that was killed. */
  readonly running: number;
  readonly failed: number;
  readonly waiting: number;
  /** Seconds of work that came to a result, and of all that ended. */
  readonly doneSeconds: number;
  readonly endedSeconds: number;
  /** Seconds since shards were begun that have not ended. */
  readonly runningSeconds: number;
  readonly firstStart?: Date;
  readonly lastEnd?: Date;
  /** A few of the shards that are done. */
  readonly someDone: readonly string[];
}

/** Reads listings alone, a thousand shards a request. */
export async function readPlanWork(
  store: ObjectStore,
  { id, plan }: { readonly id: string; readonly plan: Plan },
  now = Date.now(),
): Promise<PlanWork> {
  const counts = { done: 0, running: 0, failed: 0, waiting: 0 };
  const seconds = { doneSeconds: 0, endedSeconds: 0, runningSeconds: 0 };
  let [from, to] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const someDone: string[] = [];
  const add = ({ shard, state, last, endedAt }: ShardProgress) => {
    counts[state]++;
    if (state === 'done' && someDone.length < SOME) someDone.push(shard);
    if (last === undefined) return;
    const took = Math.max(0, (endedAt?.getTime() ?? now) - last.startedAt.getTime()) / 1000;
    from = Math.min(from, last.startedAt.getTime());
    to = Math.max(to, endedAt?.getTime() ?? to);
    if (state === 'running') seconds.runningSeconds += took;
    else seconds.endedSeconds += took;
    if (state === 'done') seconds.doneSeconds += took;
  };
  await visitShards(store, id, plan, add);
  return {
    ...counts,
    ...seconds,
    someDone,
    ...(Number.isFinite(from) && { firstStart: new Date(from) }),
    ...(Number.isFinite(to) && { lastEnd: new Date(to) }),
  };
}
