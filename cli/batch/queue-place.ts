import {
  BatchClient,
  GetJobQueueSnapshotCommand,
  JobStatus,
  type JobSummary,
  paginateListJobs,
} from '@aws-sdk/client-batch';
import type { Target } from '../stack/target.ts';
import type { Job } from './batch-jobs.ts';

/** A job's place among those of its queue that wait for a machine. */
export interface QueuePlace {
  /** 1 for the job that is next. */
  readonly place: number;
  /** Whether more jobs may be before it than Batch told of. */
  readonly isAtLeast: boolean;
}

/** Jobs that Batch tells the order of. */
const FRONT = 100;

/**
 * Asks Batch for the places of jobs in their queues. It tells the order of the first 100 jobs, children of arrays among them. Of
 * a later one, and where the user may not read the order, the older jobs of the queue are counted, which leaves out children.
 *
 * @returns places by the id of the job; those that are not RUNNABLE have none, nor those of which nothing could be read
 * @see https://docs.aws.amazon.com/batch/latest/APIReference/API_GetJobQueueSnapshot.html
 */
export async function readPlaces(
  { clientConfig }: Pick<Target, 'clientConfig'>,
  jobs: readonly Pick<Job, 'id' | 'queue' | 'status' | 'createdAt'>[],
): Promise<ReadonlyMap<string, QueuePlace>> {
  const batch = new BatchClient(clientConfig);
  const waiting = jobs.filter(({ status }) => status === JobStatus.RUNNABLE);
  const places = new Map<string, QueuePlace>();
  for (const queue of new Set(waiting.map((job) => job.queue))) {
    const own = waiting.filter((job) => job.queue === queue);
    const front = await readFront(batch, queue).catch(() => undefined);
    for (const [index, id] of (front ?? []).entries()) places.set(id, { place: index + 1, isAtLeast: false });
    const others = own.filter(({ id }) => !places.has(id));
    // It has left the queue meanwhile, where that is short.
    if (others.length === 0 || (front !== undefined && front.length < FRONT)) continue;
    const listed = await listWaiting(batch, queue).catch(() => []);
    for (const { id, createdAt } of listed.length === 0 ? [] : others) {
      const older = listed.filter((each) => (each.createdAt ?? 0) < createdAt.getTime()).length;
      places.set(id, { place: Math.max(older, front?.length ?? 0) + 1, isAtLeast: true });
    }
  }
  return new Map(waiting.flatMap(({ id }) => (places.has(id) ? [[id, places.get(id)!]] : [])));
}

/** Ids of the first jobs. */
async function readFront(batch: BatchClient, queue: string): Promise<string[]> {
  const { frontOfQueue } = await batch.send(new GetJobQueueSnapshotCommand({ jobQueue: queue }));
  return (frontOfQueue?.jobs ?? []).map(({ jobArn = '' }) => jobArn.slice(jobArn.lastIndexOf('/') + 1));
}

async function listWaiting(batch: BatchClient, queue: string): Promise<JobSummary[]> {
  const listed: JobSummary[] = [];
  const request = { jobQueue: queue, jobStatus: JobStatus.RUNNABLE };
  for await (const { jobSummaryList } of paginateListJobs({ client: batch }, request)) {
    listed.push(...(jobSummaryList ?? []));
  }
  return listed;
}

/** Such as `3rd`, or `101st or later`. */
export function describePlace({ place, isAtLeast }: QueuePlace): string {
  const ordinal = `${place.toLocaleString('en')}${endings[ordinals.select(place)]}`;
  return isAtLeast ? `${ordinal} or later` : ordinal;
}

const ordinals = new Intl.PluralRules('en', { type: 'ordinal' });
const endings: Readonly<Record<Intl.LDMLPluralRule, string>> = {
  ...{ one: 'st', two: 'nd', few: 'rd' },
  ...{ other: 'th', zero: 'th', many: 'th' },
};
