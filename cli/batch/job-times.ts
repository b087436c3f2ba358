import { hasEnded, type Job } from './batch-jobs.ts';
import { isWaiting } from './job-wait.ts';

/** Seconds that a job has spent in its states so far, over all attempts. */
export interface JobTimes {
  /** Without a machine; with its start where nothing tells when that began. */
  readonly queued: number;
  /** With a machine that fetched the image; absent where nothing tells when that began. */
  readonly starting?: number;
  readonly running: number;
}

/**
 * How long a job has queued and run. Batch tells when an attempt began to run, but not when its machine was found.
 *
 * @param placedAt when the current or last attempt was given its machine, where that is known
 */
export function jobTimes(
  job: Pick<Job, 'status' | 'createdAt' | 'startedAt' | 'stoppedAt' | 'attempts'>,
  { placedAt, now = Date.now() }: { readonly placedAt?: Date | undefined; readonly now?: number } = {},
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
  const starting = startOf(job, placedAt, now);
  const seconds = { queued: (queued - (starting ?? 0)) / 1000, running: running / 1000 };
  return starting === undefined ? seconds : { ...seconds, starting: starting / 1000 };
}

/** Milliseconds between the machine and the program of the last attempt. */
function startOf(
  { status, startedAt }: Pick<Job, 'status' | 'startedAt'>,
  placedAt: Date | undefined,
  now: number,
): number | undefined {
  if (placedAt === undefined) return undefined;
  const until = status === 'STARTING' ? now : startedAt?.getTime();
  return until === undefined || until < placedAt.getTime() ? undefined : until - placedAt.getTime();
}
