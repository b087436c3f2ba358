import { NotFound } from '#errors/user-error.ts';
import { DamagedPlan, type Plan, readPlan } from '#models/plans/plan.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { hasEnded, type JobState } from '../batch/batch-jobs.ts';
import { machineDollars, mostMachines, startSecondsOf } from '../batch/job-cost.ts';
import type { Device } from '../batch/queues.ts';
import type { StackOutputs, Target } from '../stack/target.ts';
import { countActive, type PlanJob } from './plan-jobs.ts';
import { readPlanWork } from './plan-work.ts';

/** How far a plan is that was submitted to Batch, over all arrays of all its submissions. */
export interface PlanStatus {
  readonly plan: string;
  /** `publish` is a sweep's plan that publishes the runs it keeps. Absent where the plan cannot be read. */
  readonly kind?: Plan['kind'] | 'publish';
  /** What its children are together. */
  readonly state: Extract<JobState, 'runnable' | 'running' | 'succeeded' | 'failed' | 'cancelled'>;
  readonly device?: Device;
  /** When its first job was submitted. */
  readonly createdAt: Date;
  /** When its last job ended; absent while one has not. */
  readonly stoppedAt?: Date;
  /** Shards; children where the plan cannot be read. */
  readonly total: number;
  readonly done: number;
  readonly running: number;
  /** Nobody does them now: no child has begun them, or theirs was killed. */
  readonly waiting: number;
  /** Their last attempt failed. */
  readonly failed: number;
  readonly children: ChildStates;
  /** Until the last shard has its result, by what the others took; absent where that cannot be told. */
  readonly etaSeconds?: number;
  /** Of the shards' last attempts so far, and on AWS the start of the machines. */
  readonly machineSeconds: number;
  /** At most, on demand, so far; absent where it costs nothing, or no price is known. */
  readonly dollars?: number;
  /** Why the plan cannot be read. */
  readonly problem?: string;
}

/** How many children of all jobs of a plan are in which state. */
export interface ChildStates {
  readonly waiting: number;
  readonly running: number;
  readonly succeeded: number;
  readonly failed: number;
}

/**
 * How far a plan is: its shards from the store's listings, its children from the summaries of their arrays. No child is asked about.
 *
 * @param jobs of the plan, one at least
 */
export async function readPlanStatus(
  target: Target,
  stack: StackOutputs,
  store: ObjectStore,
  jobs: readonly PlanJob[],
): Promise<PlanStatus> {
  const id = jobs[0]!.plan;
  const children = countChildren(jobs);
  const device = jobs.at(-1)!.device;
  const common = { plan: id, ...(device && { device }), ...timesOf(jobs), children };
  const found = await readPlan(store, id).catch(orProblem);
  if (typeof found === 'string') {
    const { running, waiting, succeeded: done, failed } = children;
    const total = running + waiting + done + failed;
    const state = stateOf(jobs, children, done === total);
    return { ...common, state, total, done, running, waiting, failed, machineSeconds: 0, problem: found };
  }
  const work = await readPlanWork(store, { id, plan: found });
  // What a killed child had begun looks as if it ran.
  const running = Math.min(work.running, children.running);
  const waiting = work.waiting + work.running - running;
  const mean = work.done === 0 ? undefined : work.doneSeconds / work.done;
  const left =
    waiting * (mean ?? 0) + Math.max(0, running * (mean ?? 0) - share(work.runningSeconds, running, work.running));
  const begun = children.running + children.succeeded + children.failed;
  const starts = target.name === 'aws' && device ? Math.min(begun, mostMachines(stack, device)) : 0;
  const machineSeconds =
    work.endedSeconds + share(work.runningSeconds, running, work.running) + starts * startSecondsOf(device ?? 'cpu');
  const dollars = device && machineDollars(target, stack, device, machineSeconds);
  return {
    ...common,
    kind: found.kind === 'sweep' && found.options.publishes !== undefined ? 'publish' : found.kind,
    state: stateOf(jobs, children, work.done === found.items.length),
    ...{ total: found.items.length, done: work.done, running, waiting, failed: work.failed, machineSeconds },
    ...(mean !== undefined && children.running > 0 && { etaSeconds: left / children.running }),
    ...(dollars !== undefined && { dollars }),
  };
}

function share(seconds: number, some: number, all: number): number {
  return all === 0 ? 0 : (seconds * some) / all;
}

function countChildren(jobs: readonly PlanJob[]): ChildStates {
  let [waiting, running, succeeded, failed] = [0, 0, 0, 0];
  for (const { states } of jobs) {
    running += states.RUNNING ?? 0;
    succeeded += states.SUCCEEDED ?? 0;
    failed += states.FAILED ?? 0;
    for (const state of ['SUBMITTED', 'PENDING', 'RUNNABLE', 'STARTING'] as const) waiting += states[state] ?? 0;
  }
  return { waiting, running, succeeded, failed };
}

function stateOf(jobs: readonly PlanJob[], { running }: ChildStates, isDone: boolean): PlanStatus['state'] {
  if (isDone) return 'succeeded';
  if (countActive(jobs) > 0) return running > 0 ? 'running' : 'runnable';
  return jobs.at(-1)!.wasCancelled ? 'cancelled' : 'failed';
}

function timesOf(jobs: readonly PlanJob[]): Pick<PlanStatus, 'createdAt' | 'stoppedAt'> {
  const createdAt = new Date(Math.min(...jobs.map((job) => job.createdAt.getTime())));
  const stopped = jobs.flatMap((job) => (hasEnded(job) && job.stoppedAt ? [job.stoppedAt.getTime()] : []));
  return { createdAt, ...(stopped.length === jobs.length && { stoppedAt: new Date(Math.max(...stopped)) }) };
}

/** A plan that is gone or damaged does not hide the others. */
function orProblem(error: unknown): string {
  if (error instanceof NotFound || error instanceof DamagedPlan) return error.message;
  throw error;
}
