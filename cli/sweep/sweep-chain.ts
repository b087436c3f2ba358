import { NotFound } from '#errors/user-error.ts';
import { createPlan, makePlan, type PlanOf, planId, readPlan, UnknownPlan } from '#models/plans/plan.ts';
import { missingShards } from '#models/plans/shards.ts';
import { type SweepOptions, sweepOptionsOf } from '#models/plans/sweep-options.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { type RunOutcome, readOutcomes, runsToKeep } from './outcomes.ts';
import { nextRung } from './rungs.ts';

/** A plan of a sweep in its store. */
export interface StoredSweep {
  readonly id: string;
  readonly plan: PlanOf<'sweep'>;
}

/** @throws {UnknownPlan} there is none. @throws {NotFound} it is no sweep */
async function openSweep(store: ObjectStore, id: string): Promise<StoredSweep> {
  const plan = await readPlan(store, id);
  if (plan.kind === 'sweep') return { id, plan };
  throw new NotFound(`The plan ${id} is no sweep, but classifies pictures. Look at it with "./cifar10 jobs ${id}".`);
}

/** The plan that a sweep began with, by the id of any of its plans. */
export async function firstPlan(store: ObjectStore, id: string): Promise<StoredSweep> {
  const stored = await openSweep(store, id);
  const { halving, publishes } = sweepOptionsOf(id, stored.plan);
  const earlier = halving?.first ?? publishes;
  return earlier === undefined ? stored : await firstPlan(store, earlier);
}

/** The next plan of a sweep, given that all runs of this one have ended; `undefined` after the last rung. */
export async function nextPlan(store: ObjectStore, { id, plan }: StoredSweep): Promise<StoredSweep | undefined> {
  const next = await nextRung(store, id, plan, await readOutcomes(store, id, plan));
  return next && { id: planId(next), plan: next };
}

/** The first rung that has runs without a result, with their shards; once there is none, the last rung. It may not be stored yet. */
export async function rungToDo(
  store: ObjectStore,
  first: StoredSweep,
): Promise<{ readonly rung: StoredSweep; readonly missing: readonly string[] }> {
  for (let rung = first; ; ) {
    const missing = await missingShards(store, rung.id, rung.plan);
    const next = missing.length > 0 ? undefined : await nextPlan(store, rung);
    if (next === undefined) return { rung, missing };
    rung = next;
  }
}

/**
 * The plan that publishes runs of the last rung.
 *
 * @param keep `best:<number>`, `all` or `none`
 * @returns `undefined` where none is to be published
 */
export function planPublishing(
  { id, plan }: StoredSweep,
  outcomes: readonly RunOutcome[],
  keep: string,
): StoredSweep | undefined {
  const kept = runsToKeep(outcomes, keep).map(({ shard: _, ...item }) => item);
  if (kept.length === 0) return undefined;
  const { over } = sweepOptionsOf(id, plan);
  const options: SweepOptions = { keep, over, publishes: id };
  const publishing = makePlan({ kind: 'sweep', code: plan.code, options, items: kept });
  return { id: planId(publishing), plan: publishing };
}

/** The plans of a sweep that are in the store, the first rung first; those that publish are not among them. */
export async function storedRungs(store: ObjectStore, first: StoredSweep): Promise<StoredSweep[]> {
  const rungs = [first];
  for (let last = first; (await missingShards(store, last.id, last.plan)).length === 0; ) {
    const next = await nextPlan(store, last);
    if (next === undefined || !(await isStored(store, next.id))) break;
    rungs.push(next);
    last = next;
  }
  return rungs;
}

/** Writes a plan, or finds that it is there. */
export async function storePlan(store: ObjectStore, { plan }: StoredSweep): Promise<void> {
  await createPlan(store, plan);
}

async function isStored(store: ObjectStore, id: string): Promise<boolean> {
  try {
    await readPlan(store, id);
    return true;
  } catch (error) {
    if (error instanceof UnknownPlan) return false;
    throw error;
  }
}
