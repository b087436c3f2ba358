import { setTimeout as sleep } from 'node:timers/promises';
import { readEvents } from '#models/run-events.ts';
import type { TrainingEvent } from '#training/record/events.ts';
import type { Target } from '../stack/target.ts';
import { findJob, hasEnded, type Job } from './batch-jobs.ts';
import type { SubmittedJob } from './submit-job.ts';

export interface FollowOptions {
  /** Called with the job after every request, changed or not. */
  readonly onJob?: (job: Job) => void;
  /** Called with every event of the training, in order. */
  readonly onEvent?: (event: TrainingEvent) => void;
  /** Aborting it stops following; the job continues. @default never */
  readonly signal?: AbortSignal | undefined;
}

/** Seconds between two requests; AWS limits their rate. */
const interval = { local: 1, aws: 5 } as const;

/**
 * Follows a job until it has ended, however it ends.
 *
 * @returns the job, ended
 * @throws the signal's reason, when it is aborted
 */
export async function followJob(target: Target, { id, run }: SubmittedJob, options: FollowOptions = {}): Promise<Job> {
  const { onJob = () => {}, onEvent = () => {}, signal } = options;
  const [stack, store] = [await target.stack(), await target.store()];
  let last = -1;
  for (;;) {
    signal?.throwIfAborted();
    // The job first: once it has ended, all of its events are written.
    const job = await findJob(target, stack, id);
    const events = await readEvents<TrainingEvent>(store, run, { after: last });
    onJob(job);
    for (const { number, event } of events) {
      onEvent(event);
      last = number;
    }
    if (hasEnded(job)) return job;
    await sleep(1000 * interval[target.name], undefined, { signal }).catch(() => signal?.throwIfAborted());
  }
}
