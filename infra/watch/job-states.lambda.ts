import {
  BatchClient,
  DescribeJobsCommand,
  type JobStatus,
  type JobSummary,
  paginateListJobs,
} from '@aws-sdk/client-batch';
import { variable } from '#environment/variables.ts';
import { jsonLog } from '#inference/telemetry/log.ts';
import { readAlias } from '#models/aliases.ts';
import { openObjectStore } from '#models/stores/open.ts';
import { jobStatesLine, type QueueStates } from './job-states-line.ts';

const states = ['SUBMITTED', 'PENDING', 'RUNNABLE', 'STARTING', 'RUNNING'] as const satisfies readonly JobStatus[];
/** DescribeJobs takes as many ids. */
const MOST_IDS = 100;

// Nothing may precede the JSON in a line: CloudWatch would find no metric in it.
const log = jsonLog((line) => process.stdout.write(line));

/** Writes one line about the jobs of all queues and the model that is served. Dashboard and alarm read it. */
export async function handler(): Promise<void> {
  const queues = (process.env[variable.queues] ?? '').split(' ');
  const batch = new BatchClient({ maxAttempts: 6 });
  const counted: QueueStates[] = [];
  for (const queue of queues) counted.push(await countJobs(batch, queue)); // Batch throttles those who ask much at once.
  const model = await servedModel().catch((error: unknown) => {
    log('warn', 'the served model cannot be read', { error });
    return undefined;
  });
  const line = jobStatesLine({ queues: counted, model, now: Date.now(), namespace: process.env[variable.metrics] });
  log('info', 'jobs', { ...line });
}

/** An array has no state of its own here: its children have. */
async function countJobs(batch: BatchClient, jobQueue: string): Promise<QueueStates> {
  const counts: Partial<Record<JobStatus, number>> = {};
  let oldest: number | undefined;
  const add = (status: JobStatus, count: number, { createdAt }: { readonly createdAt?: number | undefined }) => {
    counts[status] = (counts[status] ?? 0) + count;
    if (status !== 'RUNNABLE' || count === 0 || createdAt === undefined) return;
    oldest = Math.min(oldest ?? createdAt, createdAt);
  };
  const arrays = new Set<string>();
  const list = async (jobStatus: JobStatus) => {
    for await (const { jobSummaryList = [] } of paginateListJobs({ client: batch }, { jobQueue, jobStatus })) {
      for (const job of jobSummaryList) {
        if (isArray(job)) arrays.add(job.jobId ?? '');
        else add(jobStatus, 1, job);
      }
    }
  };
  await Promise.all(states.map(list));
  const ids = [...arrays];
  for (let start = 0; start < ids.length; start += MOST_IDS) {
    const { jobs = [] } = await batch.send(new DescribeJobsCommand({ jobs: ids.slice(start, start + MOST_IDS) }));
    for (const { arrayProperties, createdAt } of jobs) {
      for (const status of states) add(status, arrayProperties?.statusSummary?.[status] ?? 0, { createdAt });
    }
  }
  return { counts, oldest };
}

function isArray({ arrayProperties }: JobSummary): boolean {
  return arrayProperties?.size !== undefined;
}

async function servedModel() {
  const store = await openObjectStore(process.env[variable.store] ?? '');
  return readAlias(store, process.env[variable.alias] ?? '');
}
