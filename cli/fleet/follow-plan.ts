import { localStore, shownPath } from '#environment/home.ts';
import { UserError } from '#errors/user-error.ts';
import { readPlan } from '#models/plans/plan.ts';
import { listSubmissions, readSubmission } from '#models/plans/submissions.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { CONTINUES_SECONDS, continuesElsewhere, suffixOf } from '../batch/batch-jobs.ts';
import { allQueuesOf } from '../batch/queues.ts';
import { isThrottled } from '../batch/throttled.ts';
import type { StackOutputs, Target } from '../stack/target.ts';
import { answers, isUnreachable } from '../stack/unreachable.ts';
import { explainFailures } from './plan-failures.ts';
import { failedChildren, type PlanJob, planJobs } from './plan-jobs.ts';
import { readPlanStatus } from './plan-status.ts';
import { planView } from './plan-view.ts';
import { type PlanState, stateHere, watchPlan } from './watch-plan.ts';

export interface FollowPlanOptions {
  /** Called with how far the plan is, after every look. */
  readonly onState?: (state: PlanState) => void;
  /** Aborting it stops following; the jobs continue. @default never */
  readonly signal?: AbortSignal;
}

/** Seconds between two looks; AWS limits the rate of requests. */
const interval = { local: 1, aws: 5 } as const;
/** Seconds without an answer before following ends: a laptop changes networks. */
const PATIENCE = 300;

/** The cloud cannot be asked about the plan any more. */
class CannotFollowPlan extends UserError {
  override readonly name = 'CannotFollowPlan';
}

/**
 * Follows a plan's jobs until every shard has a result, or no child is left to do it. Children whose instances were reclaimed
 * too often are followed to the queue where they continue.
 *
 * @returns how far the plan is then
 * @throws {CannotFollowPlan} LocalStack has ended, or AWS cannot be reached; the message says how to resume
 * @throws the signal's reason, when it is aborted
 */
export async function followPlanJobs(
  target: Target,
  id: string,
  { onState = () => {}, signal }: FollowPlanOptions = {},
): Promise<PlanState> {
  const [stack, store] = [await target.stack(), await target.store()];
  const plan = await readPlan(store, id);
  let jobs: PlanJob[] = [];
  const look = async () => {
    // The children first: once one has ended, all of its results are stored.
    jobs = await planJobs(target, stack, id);
    return jobs.length === 0 ? stateHere(store, { id, plan }, 0) : readPlanStatus(target, stack, store, jobs);
  };
  const stop = new AbortController();
  const options = {
    seconds: interval[target.name],
    signal: signal ? AbortSignal.any([signal, stop.signal]) : stop.signal,
    onTrouble: (error: unknown, seconds: number) => judgeTrouble(target, id, error, seconds),
  };
  let endedAt: number | undefined;
  for await (const state of watchPlan(look, options)) {
    signal?.throwIfAborted();
    onState(state);
    if (state.done === state.total) return state;
    if (state.children.running + state.children.waiting > 0) endedAt = undefined;
    else {
      endedAt ??= performance.now();
      const isLate = performance.now() - endedAt > 1000 * CONTINUES_SECONDS;
      if (isLate) return state;
      if (!(await isUnlisted(store, id, jobs)) && !(await someContinue(target, stack, jobs))) return state;
    }
  }
  throw signal?.reason;
}

/**
 * Follows a plan's jobs on standard output until they have ended, or until Ctrl-C, which does not end them.
 *
 * @returns the exit code for this process: 0 if every shard has a result, 1 if not, 130 after Ctrl-C
 */
export async function followPlan(
  target: Target,
  id: string,
  { json = false }: { readonly json?: boolean } = {},
): Promise<number> {
  const view = planView(process.stdout, { json });
  const interrupt = new AbortController();
  const abort = () => interrupt.abort();
  process.once('SIGINT', abort);
  const suffix = suffixOf(target);
  try {
    const state = await followPlanJobs(target, id, { onState: view.show, signal: interrupt.signal });
    view.end();
    if (state.done === state.total) return 0;
    const retry = `./cifar10 jobs ${id} --retry${suffix}`;
    process.stderr.write(await explainFailures(await target.store(), id, { retry }));
    return 1;
  } catch (error) {
    view.end();
    if (!interrupt.signal.aborted) throw error;
    process.stderr.write(
      `\nThe jobs continue. Follow them again with "./cifar10 jobs ${id} --follow${suffix}", end them with "./cifar10 jobs ${id} --cancel${suffix}".\n`,
    );
    return 130;
  } finally {
    process.removeListener('SIGINT', abort);
  }
}

/** Whether jobs that were submitted a moment ago are not listed yet. */
async function isUnlisted(store: ObjectStore, id: string, jobs: readonly PlanJob[]): Promise<boolean> {
  const last = (await listSubmissions(store, id)).at(-1);
  if (last === undefined) return false;
  const { at, where, children } = await readSubmission(store, id, last);
  if (where !== 'batch' || Date.now() - Date.parse(at) > 1000 * CONTINUES_SECONDS) return false;
  return jobs.reduce((sum, job) => sum + (job.submission === last ? job.children : 0), 0) < children;
}

/** Whether the stack is about to submit a child again, on demand. */
async function someContinue(target: Target, stack: StackOutputs, jobs: readonly PlanJob[]): Promise<boolean> {
  const onDemand = new Set(allQueuesOf(stack).flatMap((queue) => queue.onDemand?.arn ?? []));
  const nameOf = (job: PlanJob, child: number) => `${job.submission} ${child}`;
  const again = new Set(jobs.filter(({ queue }) => onDemand.has(queue)).map((job) => nameOf(job, job.first)));
  for (const job of jobs) {
    if (!job.states.FAILED) continue;
    for (const { child, stoppedAt, ...failed } of await failedChildren(target, job)) {
      const isRecent = Date.now() - stoppedAt.getTime() < 1000 * CONTINUES_SECONDS;
      if (!isRecent || again.has(nameOf(job, child))) continue;
      if (continuesElsewhere({ status: 'FAILED', queue: job.queue, ...failed }, stack)) return true;
    }
  }
  return false;
}

/** @throws {CannotFollowPlan} waiting helps no more */
async function judgeTrouble(target: Target, id: string, error: unknown, seconds: number): Promise<void> {
  const { name, clientConfig } = target;
  if (name === 'local' && !(await answers(clientConfig.endpoint!))) {
    // Without the failed request as its cause, which the command line would explain in general words.
    throw new CannotFollowPlan(
      `LocalStack has ended, and the jobs of plan ${id} with it. Its results are kept in ${shownPath(localStore)}. ` +
        `To do what is missing:\n  ./cifar10 local up && ./cifar10 deploy && ./cifar10 jobs ${id} --retry`,
    );
  }
  if (!isUnreachable(error) && !isThrottled(error)) throw error;
  if (seconds < PATIENCE) return;
  throw new CannotFollowPlan(
    `Nothing has answered for ${PATIENCE / 60} minutes (${(error as Error).message}). The jobs of plan ${id} continue. ` +
      `Follow them again with "./cifar10 jobs ${id} --follow${suffixOf(target)}".`,
    { cause: error },
  );
}
