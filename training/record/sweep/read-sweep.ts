import { NotFound } from '#errors/user-error.ts';
import { checked } from '#models/json.ts';
import { readFailures, type ShardFailure } from '#models/plans/attempts.ts';
import { type ItemOf, type PlanOf, readPlan } from '#models/plans/plan.ts';
import { readResults, resultKey } from '#models/plans/results.ts';
import { type ShardProgress, shardProgress } from '#models/plans/shards.ts';
import { type SweepOptions, sweepOptionsOf } from '#models/plans/sweep-options.ts';
import { SweepResult } from '#models/plans/sweep-result.ts';
import { type RunResult, readResult as readRunResult } from '#models/runs.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';

/** A sweep as the store has it: its plan, and what its runs have come to so far. */
export interface Sweep {
  readonly id: string;
  /** Of halving, that of the first rung. */
  readonly plan: PlanOf<'sweep'>;
  readonly options: SweepOptions;
  /** In the order of the plan's items, one rung after the other. */
  readonly runs: readonly SweepRun[];
}

/** A run of a sweep. */
export interface SweepRun {
  readonly item: ItemOf<'sweep'>;
  /** From 1; always 1 without halving. */
  readonly rung: number;
  readonly progress: ShardProgress;
  /** Absent until the run has ended. */
  readonly result?: SweepResult;
  /** Why the last attempt failed; absent where none did, or the run has a result. */
  readonly failure?: ShardFailure;
  /** The version that was kept of it, with its accuracy on the test images; absent where none was. */
  readonly published?: RunResult;
}

/**
 * @param rungs ids of the plans of further rungs, in order. @default none
 * @throws {UnknownPlan} there is no such plan. @throws {NotFound} it is no sweep
 * @throws {MalformedObject} a result is not of this release's form; the message names its key
 */
export async function readSweep(store: ObjectStore, id: string, rungs: readonly string[] = []): Promise<Sweep> {
  const plan = await readSweepPlan(store, id);
  const runs = await readRuns(store, id, plan);
  for (const rung of rungs) runs.push(...(await readRuns(store, rung, await readSweepPlan(store, rung))));
  return { id, plan, options: sweepOptionsOf(id, plan), runs };
}

async function readSweepPlan(store: ObjectStore, id: string): Promise<PlanOf<'sweep'>> {
  const plan = await readPlan(store, id);
  if (plan.kind === 'sweep') return plan;
  throw new NotFound(`The plan ${id} is no sweep, but classifies pictures. Look at it with "./cifar10 jobs".`);
}

/** What the runs of a plan have come to, by shard. @throws {MalformedObject} as `readSweep` */
export async function readSweepResults(
  store: ObjectStore,
  id: string,
  plan: PlanOf<'sweep'>,
): Promise<Map<string, SweepResult>> {
  const results = new Map<string, SweepResult>();
  const shards = plan.items.map(({ shard }) => shard);
  for await (const { shard, result } of readResults(store, id, shards)) {
    results.set(shard, checked(SweepResult, result.result, resultKey(id, shard)));
  }
  return results;
}

async function readRuns(store: ObjectStore, id: string, plan: PlanOf<'sweep'>): Promise<SweepRun[]> {
  const { rung } = sweepOptionsOf(id, plan).halving ?? { rung: 1 };
  const progress = new Map<string, ShardProgress>();
  for await (const each of shardProgress(store, id, plan)) progress.set(each.shard, each);
  const results = await readSweepResults(store, id, plan);
  const runs: SweepRun[] = [];
  for (const item of plan.items) {
    const { shard } = item;
    const result = results.get(shard);
    const state = progress.get(shard)!;
    const failure = state.state === 'failed' ? (await readFailures(store, id, shard)).at(-1) : undefined;
    const published = result && (await readRunResult(store, result.run));
    runs.push({
      ...{ item, rung, progress: state },
      ...(result && { result }),
      ...(failure && { failure }),
      ...(published && { published }),
    });
  }
  return runs;
}
