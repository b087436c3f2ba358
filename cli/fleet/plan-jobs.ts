import {
  BatchClient,
  type JobDetail,
  type JobStatus,
  paginateListJobs,
  TerminateJobCommand,
} from '@aws-sdk/client-batch';
import { describeJobs, endStates, findIds, hasEnded } from '../batch/batch-jobs.ts';
import { allQueuesOf, type Device } from '../batch/queues.ts';
import type { StackOutputs, Target } from '../stack/target.ts';

/** A job of a plan in Batch: an array, or one child as a plain job. */
export interface PlanJob {
  readonly id: string;
  /** The id of its plan. */
  readonly plan: string;
  /** The number of its submission, such as `0001`. */
  readonly submission: string;
  /** The number of its first child in the submission. */
  readonly first: number;
  /** How many children it has. */
  readonly children: number;
  readonly isArray: boolean;
  readonly device?: Device;
  /** The ARN of its queue. */
  readonly queue: string;
  readonly status: JobStatus;
  /** How many children are in each state; absent states have none. */
  readonly states: Readonly<Partial<Record<JobStatus, number>>>;
  /** Whether it failed because somebody ended it. */
  readonly wasCancelled: boolean;
  /** Why it is in this state, where Batch gives a reason. */
  readonly reason?: string;
  /** Of a plain job's last attempt. */
  readonly exitCode?: number;
  /** The arguments of the child's program. */
  readonly command: readonly string[];
  readonly createdAt: Date;
  readonly stoppedAt?: Date;
}

/** The name of a submission's jobs in the queue. */
export function planJobName(plan: string, submission: string): string {
  return `plan-${plan}-${submission}`;
}

/**
 * The jobs of a plan that Batch remembers, in the order of their creation. A child that continues on demand is among them.
 *
 * @param submission only the jobs of this one. @default all
 */
export async function planJobs(
  target: Target,
  stack: StackOutputs,
  plan: string,
  submission = '*',
): Promise<PlanJob[]> {
  const found = await findIds(target, stack, { name: 'JOB_NAME', values: [planJobName(plan, submission)] });
  return (await describeJobs(target, found))
    .flatMap((detail) => readPlanJob(detail, stack) ?? [])
    .filter((job) => job.plan === plan)
    .sort((one, other) => one.createdAt.getTime() - other.createdAt.getTime() || one.first - other.first);
}

/** @returns `undefined` for a job that works on no plan */
export function readPlanJob(detail: JobDetail, stack: StackOutputs): PlanJob | undefined {
  const { jobId: id = '', jobQueue: queue = '', status = 'SUBMITTED', container = {}, arrayProperties } = detail;
  const command = container.command ?? [];
  const option = (name: string) => (command.includes(name) ? command[command.indexOf(name) + 1] : undefined);
  const [plan, submission] = [option('--plan'), option('--submission')];
  if (command[0] !== 'shards' || plan === undefined || submission === undefined) return undefined;
  const { size, statusSummary = {} } = arrayProperties ?? {};
  const device = allQueuesOf(stack).find(({ arn }) => arn === queue)?.device;
  return {
    ...{ id, plan, submission, queue, status, command },
    first: Number(option('--child') ?? option('--offset') ?? 0),
    children: size ?? 1,
    isArray: size !== undefined,
    ...(device && { device }),
    states: size === undefined ? { [status]: 1 } : (statusSummary as PlanJob['states']),
    wasCancelled: status === 'FAILED' && Boolean(detail.isCancelled || detail.isTerminated),
    ...(detail.statusReason && { reason: detail.statusReason }),
    ...(size === undefined && container.exitCode !== undefined && { exitCode: container.exitCode }),
    createdAt: new Date(detail.createdAt ?? 0),
    ...(detail.stoppedAt && { stoppedAt: new Date(detail.stoppedAt) }),
  };
}

/** How many children of the jobs have not ended. */
export function countActive(jobs: readonly PlanJob[]): number {
  return jobs.reduce((sum, { states }) => {
    const active = Object.entries(states).filter(([status]) => !endStates.includes(status as JobStatus));
    return sum + active.reduce((count, [, each = 0]) => count + each, 0);
  }, 0);
}

/** The numbers, in their submission, of a job's children that have not ended. */
export async function activeChildren(target: Target, job: PlanJob): Promise<number[]> {
  if (hasEnded(job)) return [];
  const all = Array.from({ length: job.children }, (_, index) => job.first + index);
  if (!endStates.some((status) => (job.states[status] ?? 0) > 0)) return all;
  const gone = new Set<number>();
  for (const status of endStates) for (const child of await childrenInState(target, job, status)) gone.add(child);
  return all.filter((child) => !gone.has(child));
}

/** The numbers, in their submission, of a job's children that are in a state. */
export async function childrenInState(target: Target, job: PlanJob, jobStatus: JobStatus): Promise<number[]> {
  if (!job.states[jobStatus]) return [];
  if (!job.isArray) return [job.first];
  const client = new BatchClient(target.clientConfig);
  const found: number[] = [];
  for await (const { jobSummaryList = [] } of paginateListJobs({ client }, { arrayJobId: job.id, jobStatus })) {
    for (const { arrayProperties } of jobSummaryList) found.push(job.first + (arrayProperties?.index ?? 0));
  }
  return found;
}

/** A child that has failed, as Batch tells it. */
export interface FailedChild {
  /** Its number in the submission. */
  readonly child: number;
  readonly reason?: string;
  /** Absent if it never ran, or its machine was lost. */
  readonly exitCode?: number;
  readonly stoppedAt: Date;
}

/** The children of a job that have failed, after the last of their attempts. */
export async function failedChildren(target: Target, job: PlanJob): Promise<FailedChild[]> {
  if (!job.isArray) {
    const { first: child, status, reason, exitCode, stoppedAt = new Date(0) } = job;
    const why = { ...(reason && { reason }), ...(exitCode !== undefined && { exitCode }) };
    return status === 'FAILED' ? [{ child, ...why, stoppedAt }] : [];
  }
  if (!job.states.FAILED) return [];
  const client = new BatchClient(target.clientConfig);
  const found: FailedChild[] = [];
  for await (const page of paginateListJobs({ client }, { arrayJobId: job.id, jobStatus: 'FAILED' })) {
    for (const { statusReason: reason, container, arrayProperties, stoppedAt = 0 } of page.jobSummaryList ?? []) {
      const child = job.first + (arrayProperties?.index ?? 0);
      const { exitCode } = container ?? {};
      const why = { ...(reason && { reason }), ...(exitCode !== undefined && { exitCode }) };
      found.push({ child, ...why, stoppedAt: new Date(stoppedAt) });
    }
  }
  return found;
}

/**
 * Ends all jobs of a plan for good. Results stay.
 *
 * @returns how many children had not ended
 */
export async function cancelPlan(target: Target, plan: string, reason: string): Promise<number> {
  const jobs = (await planJobs(target, await target.stack(), plan)).filter((job) => !hasEnded(job));
  const batch = new BatchClient(target.clientConfig);
  for (const { id } of jobs) await batch.send(new TerminateJobCommand({ jobId: id, reason }));
  return countActive(jobs);
}
