import { type Attempt, hasEnded, type Job } from './batch-jobs.ts';
import { hasNoMachine, isWaiting } from './job-wait.ts';
import type { TaskTimes } from './task-times.ts';

/** Seconds that an attempt has spent so far. */
export interface AttemptTimes {
  /** From its submission, or the end of the attempt before, until it ran. */
  readonly queued: number;
  /** Of these, the time without a machine; absent once it has one and ECS does not tell. */
  readonly waiting?: number;
  /** Of these, the time with a machine, which fetched the image; absent likewise. */
  readonly starting?: number;
  /** Of `starting`, the fetching of the image. */
  readonly image?: number;
  readonly running: number;
}

/** Seconds that a job has spent so far, over all attempts: the sums of what is known of each. */
export interface JobTimes extends AttemptTimes {
  /** In order; the last one may still run or wait, or have ended before it ran. */
  readonly attempts: readonly AttemptTimes[];
}

/**
 * How long a job has queued and run.
 *
 * @param tasks of its attempts, by ARN. @default none: Batch itself does not tell when a machine was found
 */
export function jobTimes(
  job: Pick<Job, 'status' | 'createdAt' | 'startedAt' | 'stoppedAt' | 'attempts' | 'task'>,
  { now = Date.now(), tasks }: { readonly now?: number; readonly tasks?: ReadonlyMap<string, TaskTimes> } = {},
): JobTimes {
  const attempts: AttemptTimes[] = [];
  let since = job.createdAt.getTime();
  const spend = ({ startedAt, task = '' }: Pick<Attempt, 'startedAt' | 'task'>, end: number, isWithout = false) => {
    const start = startedAt?.getTime() ?? end;
    const queued = Math.max(0, start - since) / 1000;
    const parts = isWithout ? { waiting: queued, starting: 0 } : split(tasks?.get(task), since, queued);
    attempts.push({ queued, ...parts, running: Math.max(0, end - start) / 1000 });
    since = end;
  };
  for (const attempt of job.attempts) spend(attempt, attempt.stoppedAt?.getTime() ?? since);
  const isListed = hasEnded(job) && job.attempts.length > 0; // Its last attempt is among them.
  if (!isListed) {
    // Until a machine is found, Batch still tells of the attempt before.
    const isWithout = hasNoMachine(job);
    const { startedAt, task } = job;
    const current = {
      ...(!isWaiting(job) && startedAt && { startedAt }),
      ...(!isWithout && task !== undefined && { task }),
    };
    spend(current, job.stoppedAt?.getTime() ?? now, isWithout);
  }
  return { ...sumOf(attempts), attempts };
}

/** What was spent before and after the machine was found. */
function split(task: TaskTimes | undefined, since: number, queued: number): Partial<AttemptTimes> {
  if (task === undefined) return {};
  const waiting = Math.min(queued, Math.max(0, (task.placedAt.getTime() - since) / 1000));
  const { imageSeconds: image } = task;
  return { waiting, starting: queued - waiting, ...(image !== undefined && { image }) };
}

function sumOf(attempts: readonly AttemptTimes[]): AttemptTimes {
  const sum = { queued: 0, running: 0 };
  for (const { queued, running } of attempts) {
    sum.queued += queued;
    sum.running += running;
  }
  const known = attempts.every(({ waiting }) => waiting !== undefined);
  if (!known || attempts.length === 0) return sum;
  const total = (key: 'waiting' | 'starting' | 'image') => attempts.reduce((all, each) => all + (each[key] ?? 0), 0);
  return {
    ...{ queued: sum.queued, waiting: total('waiting'), starting: total('starting') },
    ...(attempts.some(({ image }) => image !== undefined) && { image: total('image') }),
    running: sum.running,
  };
}
