import { setTimeout as sleep } from 'node:timers/promises';
import { type PlanProgress, planProgress } from '#models/plans/shards.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import type { StoredPlan } from './submit-plan.ts';

/** How far a plan is, and when it will be done. */
export interface PlanState extends PlanProgress {
  readonly plan: string;
  readonly children: ChildCounts;
  /** Seconds until the last shard has its result, by the time that the others took; absent before the first result. */
  readonly etaSeconds?: number;
}

/** Children that have not ended. */
export interface ChildCounts {
  readonly running: number;
  /** Those without a machine yet. */
  readonly waiting: number;
}

export interface WatchOptions {
  readonly countChildren: () => Promise<ChildCounts>;
  /** Seconds between two looks, at least; a large plan is looked at less often. */
  readonly seconds: number;
  /** Aborting it ends the watch, with a last look. */
  readonly signal: AbortSignal;
  /** Called with an error, and the seconds since the last answer; throws if it is not worth waiting. @default throws the error */
  readonly onTrouble?: (error: unknown, seconds: number) => Promise<void>;
}

/** The most that looking may take of the time. */
const SHARE = 0.1;

/** Looks at a plan again and again. */
export async function* watchPlan(
  store: ObjectStore,
  { id, plan }: StoredPlan,
  { countChildren, seconds, signal, onTrouble = (error) => Promise.reject(error) }: WatchOptions,
): AsyncGenerator<PlanState> {
  const began = performance.now();
  let doneBefore: number | undefined;
  let answeredAt = began;
  for (;;) {
    const started = performance.now();
    try {
      // The children first: once one has ended, all of its results are stored.
      const children = await countChildren();
      const progress = await planProgress(store, id, plan);
      answeredAt = performance.now();
      doneBefore ??= progress.done;
      const rate = (progress.done - doneBefore) / (answeredAt - began);
      const eta = rate > 0 ? { etaSeconds: (progress.total - progress.done) / rate / 1000 } : {};
      yield { plan: id, ...progress, children, ...eta };
    } catch (error) {
      await onTrouble(error, (performance.now() - answeredAt) / 1000);
    }
    if (signal.aborted) return;
    const pause = Math.max(1000 * seconds, (performance.now() - started) / SHARE);
    await sleep(pause, undefined, { signal }).catch(() => {});
  }
}
