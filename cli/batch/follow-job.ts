import { setTimeout as sleep } from 'node:timers/promises';
import { localStore, shownPath } from '#environment/home.ts';
import { NotFound, UserError } from '#errors/user-error.ts';
import { readEvents } from '#models/run-events.ts';
import type { TrainingEvent } from '#training/record/events.ts';
import type { Target } from '../stack/target.ts';
import { answers, isUnreachable } from '../stack/unreachable.ts';
import { findJob, hasEnded, type Job, suffixOf } from './batch-jobs.ts';
import { submitCommand } from './submit-command.ts';
import type { SubmittedJob } from './submit-job.ts';

export interface FollowOptions {
  /** Called with the job after every request, changed or not. */
  readonly onJob?: (job: Job) => void;
  /** Called with every event of the training, in order. */
  readonly onEvent?: (event: TrainingEvent) => void;
  /** Aborting it stops following; the job continues. @default never */
  readonly signal?: AbortSignal | undefined;
}

/** The cloud cannot be asked about the job any more. */
class CannotFollow extends UserError {
  override readonly name = 'CannotFollow';
}

/** Seconds between two requests; AWS limits their rate. */
const interval = { local: 1, aws: 5 } as const;
/** Seconds without an answer before following ends: a laptop changes networks. */
const PATIENCE = 300;

/**
 * Follows a job until it has ended, however it ends. A cloud that is unreachable for a while is asked again.
 *
 * @returns the job, ended
 * @throws {CannotFollow} LocalStack has ended, or AWS cannot be reached; the message says how to go on
 * @throws the signal's reason, when it is aborted
 */
export async function followJob(target: Target, submitted: SubmittedJob, options: FollowOptions = {}): Promise<Job> {
  const { onJob = () => {}, onEvent = () => {}, signal } = options;
  const { id, run } = submitted;
  const [stack, store] = [await target.stack(), await target.store()];
  let last = -1;
  let answeredAt = performance.now();
  for (;;) {
    signal?.throwIfAborted();
    try {
      // The job first: once it has ended, all of its events are written.
      const job = await findJob(target, stack, id);
      const events = await readEvents<TrainingEvent>(store, run, { after: last });
      answeredAt = performance.now();
      onJob(job);
      for (const { number, event } of events) {
        onEvent(event);
        last = number;
      }
      if (hasEnded(job)) return job;
    } catch (error) {
      signal?.throwIfAborted();
      if (await hasLocalStackEnded(target, error)) throw localStackEnded(target, submitted, error);
      if (!isUnreachable(error)) throw error;
      if (performance.now() - answeredAt > 1000 * PATIENCE) throw unreachable(target, submitted, error);
    }
    await sleep(1000 * interval[target.name], undefined, { signal }).catch(() => signal?.throwIfAborted());
  }
}

/** LocalStack knows no job of an instance before. */
async function hasLocalStackEnded({ name, clientConfig }: Target, error: unknown): Promise<boolean> {
  if (name !== 'local') return false;
  return error instanceof NotFound || !(await answers(clientConfig.endpoint!));
}

function localStackEnded(target: Target, submitted: SubmittedJob, cause: unknown): CannotFollow {
  return new CannotFollow(
    `LocalStack has ended, and the job of run ${submitted.run} with it. What the run has kept is in ${shownPath(localStore)}. ` +
      `To resume it:\n  ./cifar10 local up && ./cifar10 deploy && ${submitCommand(submitted, target)}`,
    { cause },
  );
}

function unreachable(target: Target, { run }: SubmittedJob, cause: unknown): CannotFollow {
  return new CannotFollow(
    `Nothing has answered for ${PATIENCE / 60} minutes (${(cause as Error).message}). The job of run ${run} continues. ` +
      `Follow it again with "./cifar10 jobs ${run} --follow${suffixOf(target)}".`,
    { cause },
  );
}
