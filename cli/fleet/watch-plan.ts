import { setTimeout as sleep } from 'node:timers/promises';
import type { ObjectStore } from '#models/stores/object-store.ts';
import type { PlanStatus } from './plan-status.ts';
import { readPlanWork } from './plan-work.ts';
import type { StoredPlan } from './submit-plan.ts';

/** How far a plan is, and when it will be done. */
export type PlanState = Pick<
  PlanStatus,
  'plan' | 'total' | 'done' | 'running' | 'waiting' | 'failed' | 'etaSeconds' | 'dollars'
> & {
  /** Children that have not ended. */
  readonly children: Pick<PlanStatus['children'], 'running' | 'waiting'>;
};

export interface WatchOptions {
  /** Seconds between two looks, at least; a large plan is looked at less often. */
  readonly seconds: number;
  /** Aborting it ends the watch, with a last look. */
  readonly signal: AbortSignal;
  /** Called with an error, and the seconds since the last answer; throws if it is not worth waiting. */
  readonly onTrouble: (error: unknown, seconds: number) => Promise<void>;
}

/** The most that looking may take of the time. */
const SHARE = 0.1;

/** Looks at a plan again and again. */
export async function* watchPlan(
  look: () => Promise<PlanState>,
  { seconds, signal, onTrouble }: WatchOptions,
): AsyncGenerator<PlanState> {
  let answeredAt = performance.now();
  for (;;) {
    const started = performance.now();
    const state = await look().catch(async (error: unknown) => {
      await onTrouble(error, (performance.now() - answeredAt) / 1000);
    });
    if (state) {
      answeredAt = performance.now();
      yield state;
    }
    if (signal.aborted) return;
    const pause = Math.max(1000 * seconds, (performance.now() - started) / SHARE);
    await sleep(pause, undefined, { signal }).catch(() => {});
  }
}

/** How far a plan is that so many processes of this machine work on. */
export async function stateHere(store: ObjectStore, stored: StoredPlan, processes: number): Promise<PlanState> {
  const { done, running: begun, waiting, failed, doneSeconds } = await readPlanWork(store, stored);
  // What a killed process had begun looks as if it ran.
  const running = Math.min(begun, processes);
  const left = waiting + begun;
  return {
    ...{ plan: stored.id, total: stored.plan.items.length, done, running, waiting: left - running, failed },
    children: { running: processes, waiting: 0 },
    ...(done > 0 && processes > 0 && { etaSeconds: (left * doneSeconds) / done / processes }),
  };
}
