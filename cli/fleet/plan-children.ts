import { mapInOrder } from '#environment/map-in-order.ts';
import { readFailures } from '#models/plans/attempts.ts';
import type { Plan } from '#models/plans/plan.ts';
import { shardProgress } from '#models/plans/shards.ts';
import { listSubmissions, type PlanSubmission, readSubmission } from '#models/plans/submissions.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { describeAttempt } from '../batch/job-view.ts';
import type { Target } from '../stack/target.ts';
import { childrenInState, failedChildren, type PlanJob } from './plan-jobs.ts';

/** Reads in flight at a time. */
const PARALLEL = 8;

export type ShardRowState = 'done' | 'running' | 'waiting' | 'failed';

/** A shard of a plan, and the child that has it. */
export interface ShardRow {
  readonly shard: string;
  /** Such as `learningRate=0.2 seed=3`, or `2,000 pictures`. */
  readonly name: string;
  readonly state: ShardRowState;
  /** How often it was begun. */
  readonly attempts: number;
  /** The submission and the child that has it now; absent where none has. */
  readonly submission?: string;
  readonly child?: number;
  /** The Batch job of that child. */
  readonly job?: string;
  readonly startedAt?: Date;
  /** Of the last attempt, so far. */
  readonly seconds?: number;
  /** Of a failed shard: what its program said, or how its container ended. */
  readonly reason?: string;
}

/**
 * Every shard of a plan in the order of its items, or those in one state. Batch is asked which children run and which failed.
 *
 * @param jobs of the plan, in the order of their creation
 */
export async function readShardRows(
  target: Target,
  store: ObjectStore,
  { id, plan, jobs }: { readonly id: string; readonly plan: Plan; readonly jobs: readonly PlanJob[] },
  wanted?: ShardRowState,
): Promise<ShardRow[]> {
  const owners = await ownersOf(store, id);
  const children = await readChildren(target, jobs);
  const found = new Map<string, Omit<ShardRow, 'name'>>();
  for await (const { shard, state, attempts, last, endedAt } of shardProgress(store, id, plan)) {
    const isRunning = state === 'running' && last && children.get(nameOf(last))?.status === 'RUNNING';
    const owner = state === 'done' || isRunning ? last : owners.get(shard);
    const known = owner && children.get(nameOf(owner));
    const isLost = !isRunning && known?.status === 'FAILED' && (state === 'running' || isOlder(last, owner));
    const isIdle = state === 'running' && jobs.length > 0 && !isRunning;
    const own = isLost ? 'failed' : isIdle ? 'waiting' : state;
    const seconds = last && ((endedAt?.getTime() ?? Date.now()) - last.startedAt.getTime()) / 1000;
    found.set(shard, {
      ...{ shard, state: own, attempts },
      ...(owner && { submission: owner.submission, child: owner.child }),
      ...(known && { job: known.job }),
      ...(last && (own === 'done' || own === 'running' || endedAt) && { startedAt: last.startedAt, seconds }),
      ...(isLost && { reason: describeAttempt(known) }),
    });
  }
  const rows: ShardRow[] = [];
  const asked = plan.items.filter(({ shard }) => wanted === undefined || found.get(shard)?.state === wanted);
  const withReason = async (row: Omit<ShardRow, 'name'>) =>
    row.state === 'failed' && row.reason === undefined ? (await readFailures(store, id, row.shard)).at(-1) : undefined;
  for await (const [item, failure] of mapInOrder(asked, PARALLEL, (each) => withReason(found.get(each.shard)!))) {
    const row = found.get(item.shard)!;
    rows.push({ ...row, name: nameOfItem(item), ...(failure && { reason: describeFailure(failure) }) });
  }
  return rows;
}

/** Such as `learningRate=0.2 seed=3`, or `2,000 pictures`. */
function nameOfItem(item: Plan['items'][number]): string {
  return 'name' in item ? item.name : `${item.objects.toLocaleString('en')} pictures`;
}

function describeFailure({ message, exitCode }: { readonly message: string; readonly exitCode?: number | undefined }) {
  return exitCode === undefined ? message : describeAttempt({ reason: message, exitCode });
}

interface Owner {
  readonly submission: string;
  readonly child: number;
}

function nameOf({ submission, child }: Owner): string {
  return `${submission} ${child}`;
}

/** Whether the last attempt was made for an earlier submission, or there was none. */
function isOlder(last: Owner | undefined, owner: Owner | undefined): boolean {
  return last === undefined || (owner !== undefined && last.submission < owner.submission);
}

/** For each shard the child that has it by the newest submission with it. */
async function ownersOf(store: ObjectStore, id: string): Promise<Map<string, Owner>> {
  const owners = new Map<string, Owner>();
  const read = (number: string) => readSubmission(store, id, number);
  const numbers = await listSubmissions(store, id);
  for await (const [submission, { shards, children }] of mapInOrder<string, PlanSubmission>(numbers, PARALLEL, read)) {
    for (const [index, shard] of shards.entries()) owners.set(shard, { submission, child: index % children });
  }
  return owners;
}

interface Child {
  readonly job: string;
  readonly status: 'RUNNING' | 'FAILED' | 'OTHER';
  readonly reason?: string;
  readonly exitCode?: number;
}

/** The children that run and those that failed, by submission and number; one that continues on demand is that of its last job. */
async function readChildren(target: Target, jobs: readonly PlanJob[]): Promise<Map<string, Child>> {
  const children = new Map<string, Child>();
  for (const job of jobs) {
    const { submission, first, isArray } = job;
    const idOf = (child: number) => (isArray ? `${job.id}:${child - first}` : job.id);
    const set = (child: number, status: Child['status'], why: Pick<Child, 'reason' | 'exitCode'> = {}) =>
      children.set(nameOf({ submission, child }), { job: idOf(child), status, ...why });
    if (!isArray) set(first, 'OTHER');
    for (const child of await childrenInState(target, job, 'RUNNING')) set(child, 'RUNNING');
    for (const { child, stoppedAt: _, ...why } of await failedChildren(target, job)) set(child, 'FAILED', why);
  }
  return children;
}
