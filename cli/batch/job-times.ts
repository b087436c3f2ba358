import { hasEnded, type Job } from './batch-jobs.ts';
import { isWaiting } from './job-wait.ts';

/** Seconds that a job has spent so far, over all attempts. */
export interface JobTimes {
  /** Without a machine, or with one that fetched the image: Batch does not tell when a machine was found. */
  readonly queued: number;
  readonly running: number;
}

/** How long a job has queued and run. */
export function jobTimes(
  job: Pick<Job, 'status' | 'createdAt' | 'startedAt' | 'stoppedAt' | 'attempts'>,
  { now = Date.now() }: { readonly now?: number } = {},
): JobTimes {
  let [queued, running] = [0, 0];
  let since = job.createdAt.getTime();
  const spent = (startedAt: Date | undefined, end: number) => {
    const start = startedAt?.getTime() ?? end;
    queued += Math.max(0, start - since);
    running += Math.max(0, end - start);
    since = end;
  };
  for (const { startedAt, stoppedAt } of job.attempts) if (stoppedAt) spent(startedAt, stoppedAt.getTime());
  const isListed = hasEnded(job) && job.attempts.length > 0; // Its last attempt is among them.
  if (!isListed) spent(isWaiting(job) ? undefined : job.startedAt, job.stoppedAt?.getTime() ?? now);
  return { queued: queued / 1000, running: running / 1000 };
}
