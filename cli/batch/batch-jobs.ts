import {
  BatchClient,
  DescribeJobsCommand,
  type JobDetail,
  type JobStatus,
  type KeyValuesPair,
  paginateListJobs,
  TerminateJobCommand,
} from '@aws-sdk/client-batch';
import { NotFound } from '#errors/user-error.ts';
import { type StackOutputs, suffixOf, type Target } from '../stack/target.ts';
import { allQueuesOf, type Device, type Queue } from './queues.ts';

export { suffixOf };

/** A training job, as AWS Batch describes it. */
export interface Job {
  readonly id: string;
  /** The id of its run: `runs/<run>/` in the store. */
  readonly run: string;
  /** Arguments of the training program. */
  readonly command: readonly string[];
  /** Absent for a job of a queue that the stack no longer has. */
  readonly device?: Device;
  /** The ARN of its queue. */
  readonly queue: string;
  readonly status: JobStatus;
  /** Whether it failed because somebody ended it. */
  readonly wasCancelled?: true;
  /** Why it is in this state, where Batch gives a reason. */
  readonly reason?: string;
  readonly createdAt: Date;
  /** When the last attempt started. */
  readonly startedAt?: Date;
  readonly stoppedAt?: Date;
  /** The attempts that have ended. */
  readonly attempts: readonly Attempt[];
  /** The most attempts that there may be. */
  readonly attemptsAllowed: number;
  /** The exit code of the last attempt; absent if it never ran, or its machine was lost. */
  readonly exitCode?: number;
  readonly logGroup?: string;
  /** The log stream of the last attempt. */
  readonly logStream?: string;
  /** The ARN of the last attempt's ECS task; absent if it had no machine. */
  readonly task?: string;
}

export interface Attempt {
  readonly exitCode?: number;
  readonly reason?: string;
  readonly logStream?: string;
  /** The ARN of its ECS task; absent if it had no machine. */
  readonly task?: string;
  /** Absent if it had no machine in the end. */
  readonly startedAt?: Date;
  readonly stoppedAt?: Date;
}

/** No longer than Batch remembers a job that has ended. */
const rememberedDays = 7;
/** The most jobs that Batch describes in one call. */
const page = 100;

/** States that a job does not leave. */
export const endStates: readonly JobStatus[] = ['SUCCEEDED', 'FAILED'];

export function hasEnded({ status }: { readonly status?: JobStatus | undefined }): boolean {
  return status !== undefined && endStates.includes(status);
}

/** The state of a job in one word, as people know it. */
export type JobState = Lowercase<JobStatus> | 'cancelled';

export function stateOf({ status, wasCancelled }: Pick<Job, 'status' | 'wasCancelled'>): JobState {
  return wasCancelled ? 'cancelled' : (status.toLowerCase() as Lowercase<JobStatus>);
}

/** Every job of the stack's queues that Batch remembers, the newest first. An array is one job: its children are not listed. */
export async function listJobs(target: Target, stack: StackOutputs): Promise<Job[]> {
  return readJobs(await listJobDetails(target, stack), stack);
}

/** The same as Batch describes them, in no order. */
export async function listJobDetails(target: Target, stack: StackOutputs): Promise<JobDetail[]> {
  const since = Date.now() - rememberedDays * 86_400_000;
  return describeJobs(target, await findIds(target, stack, { name: 'AFTER_CREATED_AT', values: [String(since)] }));
}

/** @returns the newest first */
export function readJobs(details: readonly JobDetail[], stack: StackOutputs): Job[] {
  const queues = allQueuesOf(stack);
  return details.map((detail) => readJob(detail, queues)).sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime());
}

/** The jobs that have not ended. */
export async function activeJobs(target: Target, stack: StackOutputs): Promise<Job[]> {
  return (await listJobs(target, stack)).filter((job) => !hasEnded(job));
}

/** The jobs that train a run, the newest first; there are several if it was submitted again after a failure. */
export async function jobsOfRun(target: Target, stack: StackOutputs, run: string): Promise<Job[]> {
  const found = await findIds(target, stack, { name: 'JOB_NAME', values: [jobNameOf(run)] });
  return readJobs(await describeJobs(target, found), stack).filter((job) => job.run === run);
}

/**
 * @param reference a job's id, or a run: its newest job
 * @throws {NotFound} there is none
 */
export async function findJob(target: Target, stack: StackOutputs, reference: string): Promise<Job> {
  const [job] = isJobId(reference)
    ? readJobs(await describeJobs(target, [reference]), stack)
    : await jobsOfRun(target, stack, reference);
  if (job) return job;
  throw new NotFound(
    `There is no job or run "${reference}"; Batch forgets a job a week after its end. List jobs with "./cifar10 jobs${suffixOf(target)}", runs with "./cifar10 runs${suffixOf(target)}".`,
  );
}

/** Seconds in which the stack submits such a job again. */
export const CONTINUES_SECONDS = 120;

/**
 * Whether a job failed because its last instance went away, so that the stack submits its run again to an on-demand queue: the
 * same judgement as in `infra/training/reclaimed-jobs.lambda.ts`.
 */
export function continuesElsewhere(
  { status, reason = '', exitCode, queue }: Pick<Job, 'status' | 'reason' | 'exitCode' | 'queue'>,
  stack: StackOutputs,
): boolean {
  if (status !== 'FAILED' || !allQueuesOf(stack).some(({ arn, onDemand }) => arn === queue && onDemand)) return false;
  return reason.startsWith('Host EC2') || (reason.startsWith('Essential container in task exited') && exitCode === 75);
}

/** Ends a job for good, whatever state it is in; does nothing if it has ended. */
export async function endJob(target: Target, job: Job, reason: string): Promise<void> {
  await new BatchClient(target.clientConfig).send(new TerminateJobCommand({ jobId: job.id, reason }));
}

/** The name of a job in the queue: its run, with the characters that Batch allows. */
export function jobNameOf(run: string): string {
  return run.replaceAll('.', '_');
}

/** Of a job, or of a child of an array. */
export function isJobId(reference: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(:\d+)?$/.test(reference);
}

/** Ids of the jobs, in any state, of the stack's queues that a filter of Batch's finds. */
export async function findIds(target: Target, stack: StackOutputs, filter: KeyValuesPair): Promise<string[]> {
  const client = new BatchClient(target.clientConfig);
  const found: string[] = [];
  for (const { arn } of allQueuesOf(stack)) {
    // A filter finds jobs in any state; without one, only those of one state.
    for await (const { jobSummaryList } of paginateListJobs({ client }, { jobQueue: arn, filters: [filter] })) {
      found.push(...(jobSummaryList ?? []).flatMap(({ jobId }) => jobId ?? []));
    }
  }
  return found;
}

/** Jobs, and children of arrays, as Batch describes them. Those that it does not know are left out. */
export async function describeJobs({ clientConfig }: Target, ids: readonly string[]): Promise<JobDetail[]> {
  const batch = new BatchClient(clientConfig);
  const details: JobDetail[] = [];
  for (let start = 0; start < ids.length; start += page) {
    const some = new DescribeJobsCommand({ jobs: ids.slice(start, start + page) });
    details.push(...((await batch.send(some)).jobs ?? []));
  }
  return details;
}

/** @param queues of the stack, which tell what a job trains on */
export function readJob(detail: JobDetail, queues: readonly Queue[]): Job {
  const { jobId = '', jobQueue = '', container = {}, attempts = [] } = detail;
  const command = container.command ?? [];
  const named = command.indexOf('--run');
  return defined<Job>({
    id: jobId,
    // A job that was started by hand trains the run of its own id.
    run: (named === -1 ? undefined : command[named + 1]) ?? jobId.replaceAll(':', '-'),
    command,
    device: queues.find(({ arn }) => arn === jobQueue)?.device,
    queue: jobQueue,
    status: detail.status ?? 'SUBMITTED',
    wasCancelled: detail.status === 'FAILED' && (detail.isCancelled || detail.isTerminated) ? true : undefined,
    reason: reasonOf(detail.statusReason, container.reason),
    createdAt: new Date(detail.createdAt ?? 0),
    startedAt: detail.startedAt ? new Date(detail.startedAt) : undefined,
    stoppedAt: detail.stoppedAt ? new Date(detail.stoppedAt) : undefined,
    attempts: attempts.map((attempt) =>
      defined<Attempt>({
        exitCode: attempt.container?.exitCode,
        reason: reasonOf(attempt.statusReason, attempt.container?.reason),
        logStream: attempt.container?.logStreamName,
        task: attempt.container?.taskArn,
        startedAt: attempt.startedAt ? new Date(attempt.startedAt) : undefined,
        stoppedAt: attempt.stoppedAt ? new Date(attempt.stoppedAt) : undefined,
      }),
    ),
    attemptsAllowed: detail.retryStrategy?.attempts ?? 1,
    exitCode: container.exitCode ?? attempts.at(-1)?.container?.exitCode,
    logGroup: container.logConfiguration?.options?.['awslogs-group'],
    logStream: container.logStreamName,
    task: container.taskArn,
  });
}

/** Both the job and its container may have a reason. */
function reasonOf(...reasons: readonly (string | undefined)[]): string | undefined {
  return reasons.filter(Boolean).join('; ') || undefined;
}

/** The same object without undefined members. */
function defined<Value>(value: { [Key in keyof Value]: Value[Key] | undefined }): Value {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as Value;
}
