import type { AwsAnswer, AwsRequest } from '../batch/aws-server.fixture.ts';

/** A job as it was submitted, and how its children are. */
export interface QueuedJob {
  readonly jobId: string;
  readonly jobName: string;
  readonly jobQueue: string;
  readonly jobDefinition: string;
  readonly containerOverrides: { readonly command: readonly string[] };
  readonly arrayProperties?: { readonly size: number };
  readonly timeout?: { readonly attemptDurationSeconds: number };
  /** The state of each child. */
  readonly states: string[];
  /** Why failed children failed. @default no reason */
  statusReason?: string;
  /** Of failed children. @default none */
  exitCode?: number;
  stoppedAt?: number;
}

/** The part of Batch that plans use, as AWS documents it: it takes every job, and runs none. */
export function batchQueue() {
  const jobs: QueuedJob[] = [];
  const find = (id: unknown) => jobs.find(({ jobId }) => jobId === id);
  const answers: Readonly<Record<string, (input: AwsRequest['input']) => object>> = {
    SubmitJob(input) {
      const { arrayProperties } = input as unknown as QueuedJob;
      const jobId = `job-${jobs.length + 1}`;
      const states = Array.from({ length: arrayProperties?.size ?? 1 }, () => 'RUNNABLE');
      jobs.push({ ...(input as unknown as QueuedJob), jobId, states });
      return { jobId };
    },
    ListJobs({ jobQueue, filters, arrayJobId, jobStatus }) {
      if (arrayJobId !== undefined) {
        const { states = [], statusReason, exitCode, stoppedAt } = find(arrayJobId) ?? {};
        const children = states.flatMap((status, index) =>
          status === jobStatus ? [{ arrayProperties: { index } }] : [],
        );
        return {
          jobSummaryList: children.map((child) => ({ ...child, statusReason, container: { exitCode }, stoppedAt })),
        };
      }
      const [{ values: [pattern = ''] = [] } = {}] = filters as { readonly values?: string[] }[];
      const matches = ({ jobName }: QueuedJob) =>
        pattern.endsWith('*') ? jobName.startsWith(pattern.slice(0, -1)) : jobName === pattern;
      return { jobSummaryList: jobs.filter((job) => job.jobQueue === jobQueue && matches(job)) };
    },
    DescribeJobs: ({ jobs: ids }) => ({ jobs: (ids as string[]).flatMap((id) => describe(find(id)) ?? []) }),
    TerminateJob({ jobId }) {
      const { states = [] } = find(jobId) ?? {};
      for (const [index, state] of states.entries()) if (!hasEnded(state)) states[index] = 'FAILED';
      return {};
    },
    // The newest revision is not the first.
    DescribeJobDefinitions: () => ({
      jobDefinitions: [60, 3600].map((attemptDurationSeconds, index) => ({
        revision: index + 1,
        timeout: { attemptDurationSeconds },
      })),
    }),
  };
  return {
    jobs,
    answer: ({ operation, input }: AwsRequest): AwsAnswer => ({ output: answers[operation]?.(input) ?? {} }),
  };
}

function describe(job: QueuedJob | undefined): object | undefined {
  if (job === undefined) return undefined;
  const { containerOverrides, arrayProperties, states, ...others } = job;
  const statusSummary = Object.fromEntries([...new Set(states)].map((state) => [state, countOf(states, state)]));
  const isOver = states.every(hasEnded);
  const status = !isOver
    ? arrayProperties
      ? 'PENDING'
      : states[0]
    : states.includes('FAILED')
      ? 'FAILED'
      : 'SUCCEEDED';
  const array = arrayProperties && { arrayProperties: { ...arrayProperties, statusSummary } };
  return { ...others, status, container: containerOverrides, ...array };
}

function hasEnded(state: string): boolean {
  return state === 'SUCCEEDED' || state === 'FAILED';
}

function countOf(states: readonly string[], wanted: string): number {
  return states.filter((state) => state === wanted).length;
}
