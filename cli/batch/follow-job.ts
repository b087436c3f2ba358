import { setTimeout as sleep } from 'node:timers/promises';
import { localStore, shownPath } from '#environment/home.ts';
import { NotFound, UserError } from '#errors/user-error.ts';
import { readEvents } from '#models/run-events.ts';
import { readResult } from '#models/runs.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import type { TrainingEvent } from '#training/record/events.ts';
import type { StackOutputs, Target } from '../stack/target.ts';
import { answers, isUnreachable } from '../stack/unreachable.ts';
import {
  CONTINUES_SECONDS,
  continuesElsewhere,
  findJob,
  hasEnded,
  type Job,
  jobsOfRun,
  suffixOf,
} from './batch-jobs.ts';
import { ADVICE_SECONDS, hasNoMachine, isWaiting, secondsWaited, type Wait } from './job-wait.ts';
import { readWait } from './read-wait.ts';
import { submitCommand } from './submit-command.ts';
import type { SubmittedJob } from './submit-job.ts';
import { isThrottled } from './throttled.ts';

export interface FollowOptions {
  /** Called with the job after every request, changed or not. */
  readonly onJob?: (job: Job) => void;
  /** Called with every event of the training, in order. */
  readonly onEvent?: (event: TrainingEvent) => void;
  /** Called with the reason once a job has waited for ten minutes, and again when another reason is found. */
  readonly onWait?: (wait: Wait) => void;
  /** Seconds of following without a machine for the job, after which following ends. @default unlimited */
  readonly waitSeconds?: number | undefined;
  /** Aborting it stops following; the job continues. @default never */
  readonly signal?: AbortSignal | undefined;
}

/** The cloud cannot be asked about the job any more. */
class CannotFollow extends UserError {
  override readonly name = 'CannotFollow';
}

/** The job has had no machine for as long as somebody was willing to wait. It stays queued. */
class NoMachine extends UserError {
  override readonly name = 'NoMachine';
  /** As `timeout` of coreutils. */
  override readonly exitCode = 124;
}

/** Seconds between two requests; AWS limits their rate. */
const interval = { local: 1, aws: 5 } as const;
/** Seconds without an answer before following ends: a laptop changes networks. */
const PATIENCE = 300;
/** Seconds between two looks for the reason of a long wait. */
const REASON_SECONDS = 60;

/**
 * Follows a job until it has ended, however it ends, and its run into the job that the stack submits when instances of the
 * first were reclaimed too often. A cloud that is unreachable or throttles for a while is asked again.
 *
 * @returns the job, ended
 * @throws {CannotFollow} LocalStack has ended, AWS cannot be reached, or has forgotten the job; the message says how to continue
 * @throws {NoMachine} `waitSeconds` are over; the message says why, and how to continue
 * @throws the signal's reason, when it is aborted
 */
export async function followJob(target: Target, submitted: SubmittedJob, options: FollowOptions = {}): Promise<Job> {
  const { onJob = () => {}, onEvent = () => {}, signal } = options;
  const { run } = submitted;
  let { id } = submitted;
  const [stack, store] = [await target.stack(), await target.store()];
  const watch = watchWait(target, stack, options);
  let last = -1;
  let answeredAt = performance.now();
  let endedAt: number | undefined;
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
      if (hasEnded(job)) {
        endedAt ??= performance.now();
        const isOver = performance.now() - endedAt > 1000 * CONTINUES_SECONDS;
        if (isOver || !continuesElsewhere(job, stack)) return job;
        const [newest = job] = await jobsOfRun(target, stack, run);
        if (newest.createdAt > job.createdAt) [id, endedAt] = [newest.id, undefined];
      } else {
        await watch(job);
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (await hasLocalStackEnded(target, error)) throw localStackEnded(target, submitted);
      if (error instanceof NotFound) throw await forgotten(target, submitted, store, error);
      if (!isUnreachable(error) && !isThrottled(error)) throw error;
      if (performance.now() - answeredAt > 1000 * PATIENCE) throw unreachable(target, submitted, error);
    }
    await sleep(1000 * interval[target.name], undefined, { signal }).catch(() => signal?.throwIfAborted());
  }
}

/** Looks at how long a job waits; returns what to call with each state of it. */
function watchWait(target: Target, stack: StackOutputs, { onWait = () => {}, waitSeconds = Infinity }: FollowOptions) {
  let stage = '';
  let since = 0;
  let readAt = -Infinity;
  let told = '';
  return async (job: Job) => {
    const isWithout = hasNoMachine(job);
    const current = isWithout ? 'no machine' : job.status;
    if (current !== stage) [stage, since] = [current, performance.now()];
    if (!isWaiting(job)) return;
    const followed = (performance.now() - since) / 1000;
    // Another process may have submitted it; and this machine's clock may be wrong, which must end nothing.
    const isLong = Math.max(followed, isWithout ? secondsWaited(job) : 0) >= ADVICE_SECONDS;
    const isOver = isWithout && followed >= waitSeconds;
    const isRead = performance.now() - readAt < 1000 * REASON_SECONDS;
    if (!isOver && (!isLong || isRead)) return;
    readAt = performance.now();
    const wait = await readWait(target, stack, job);
    if (isOver) throw noMachine(target, job, wait, waitSeconds);
    if (wait === undefined || wait.cause === told) return;
    told = wait.cause;
    onWait(wait);
  };
}

function noMachine(target: Target, { run }: Job, wait: Wait | undefined, waitSeconds: number): NoMachine {
  const suffix = suffixOf(target);
  const time = waitSeconds % 60 === 0 ? `${waitSeconds / 60} min` : `${waitSeconds} s`;
  const reason = wait && wait.cause !== 'machine' ? `: ${wait.text}` : '';
  return new NoMachine(
    [
      `The job of run ${run} has had no machine for ${time}${reason}. It stays queued.`,
      ...(wait ? [wait.advice] : []),
      `Follow it again with "./cifar10 jobs ${run} --follow${suffix}", end it with "./cifar10 jobs ${run} --cancel${suffix}".`,
    ].join('\n'),
  );
}

/** LocalStack knows no job of an instance before. */
async function hasLocalStackEnded({ name, clientConfig }: Target, error: unknown): Promise<boolean> {
  if (name !== 'local') return false;
  return error instanceof NotFound || !(await answers(clientConfig.endpoint!));
}

/** Without the failed request as its cause, which the command line would explain in general words. */
function localStackEnded(target: Target, submitted: SubmittedJob): CannotFollow {
  return new CannotFollow(
    `LocalStack has ended, and the job of run ${submitted.run} with it. What the run has kept is in ${shownPath(localStore)}. ` +
      `To resume it:\n  ./cifar10 local up && ./cifar10 deploy && ${submitCommand(submitted, target)}`,
  );
}

/** Batch forgets a job a week after its end; the store does not. */
async function forgotten(
  target: Target,
  submitted: SubmittedJob,
  store: ObjectStore,
  cause: unknown,
): Promise<CannotFollow> {
  const result = await readResult(store, submitted.run);
  const left = result
    ? `The run has finished with version ${result.version}: "./cifar10 models show ${result.version}${suffixOf(target)}" describes it.`
    : `The run has no result. To resume it:\n  ${submitCommand(submitted, target)}`;
  return new CannotFollow(`Batch does not know the job ${submitted.id} of run ${submitted.run} any more. ${left}`, {
    cause,
  });
}

function unreachable(target: Target, { run }: SubmittedJob, cause: unknown): CannotFollow {
  return new CannotFollow(
    `Nothing has answered for ${PATIENCE / 60} minutes (${(cause as Error).message}). The job of run ${run} continues. ` +
      `Follow it again with "./cifar10 jobs ${run} --follow${suffixOf(target)}".`,
    { cause },
  );
}
