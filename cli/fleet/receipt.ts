import { type Plan, planId } from '#models/plans/plan.ts';
import { readResult } from '#models/plans/results.ts';
import { listSubmissions, readSubmission } from '#models/plans/submissions.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { duration } from '#training/commands/run-view.ts';
import { hasEnded, type Job, jobsOfRun } from '../batch/batch-jobs.ts';
import { jobDollars, startSecondsOf } from '../batch/job-cost.ts';
import { jobTimes } from '../batch/job-times.ts';
import { readCapacity } from '../batch/queue-capacity.ts';
import type { Queue } from '../batch/queues.ts';
import { machineCost } from '../cost/fleet-cost.ts';
import { atPricesOf } from '../cost/price-dates.ts';
import prices from '../cost/prices.json' with { type: 'json' };
import type { StackOutputs, Target } from '../stack/target.ts';
import { describeMost } from './estimate.ts';
import { readPlanWork } from './plan-work.ts';

/** What a plan has come to. */
export interface PlanReceipt {
  readonly plan: string;
  readonly kind: Plan['kind'];
  readonly total: number;
  readonly done: number;
  /** Shards whose last attempt failed. */
  readonly failed: number;
  /** From the first of the last attempts to the last result; 0 without one. */
  readonly seconds: number;
  /** The last attempt of each shard that was begun, and on AWS the start of the machines. */
  readonly machineSeconds: number;
  /** On demand; absent where it costs nothing, or no price is known. */
  readonly dollars?: number;
  /** Of `dollars`, such as ` at prices of us-east-1` where the stack is elsewhere; else empty. */
  readonly priced?: string;
  readonly isPaid: boolean;
  /** Where the results are in the store. */
  readonly place: string;
}

/**
 * What a plan has come to so far: its shards, the time of machines, and what that costs. Read from the store's listings, so that
 * a plan of 10,000 shards takes a second or two.
 *
 * @param on the cloud that ran it, and its queue. @default processes of this machine
 */
export async function receiptOf(
  store: ObjectStore,
  plan: Plan,
  { on }: { readonly on?: { readonly target: Target; readonly queue: Queue } | undefined } = {},
): Promise<PlanReceipt> {
  const id = planId(plan);
  const { done, failed, endedSeconds, firstStart, lastEnd, someDone } = await readPlanWork(store, { id, plan });
  const isPaid = on?.target.name === 'aws';
  const paid = isPaid ? await payment(store, id, someDone, on) : undefined;
  const machineSeconds = endedSeconds + (paid?.startSeconds ?? 0);
  const dollars = paid && machineCost(machineSeconds, paid.instanceTypes, prices);
  return {
    ...{ plan: id, kind: plan.kind, total: plan.items.length, done, failed, machineSeconds, isPaid },
    seconds: firstStart && lastEnd ? Math.max(0, lastEnd.getTime() - firstStart.getTime()) / 1000 : 0,
    ...(dollars !== undefined && { dollars, priced: atPricesOf(on!.target) }),
    place: `${store.url}/${plan.kind === 'sweep' ? `plans/${id}/results/` : `batches/${id}/`}`,
  };
}

/** What was paid for besides the work, and on which instances. */
async function payment(
  store: ObjectStore,
  id: string,
  shards: readonly string[],
  { target, queue }: { readonly target: Target; readonly queue: Queue },
): Promise<{ readonly startSeconds: number; readonly instanceTypes: readonly string[] }> {
  const capacity = await readCapacity(target, queue);
  let machines = 0;
  for (const number of await listSubmissions(store, id)) {
    const { where, children } = await readSubmission(store, id, number);
    if (where === 'batch') machines += Math.min(children, capacity?.atOnce ?? children);
  }
  const known = new Set<string>();
  for (const shard of shards) {
    const { result } = (await readResult(store, id, shard)) ?? {};
    const type = (result as { machine?: { instance?: unknown } } | undefined)?.machine?.instance;
    if (typeof type === 'string') known.add(type);
  }
  return {
    startSeconds: machines * startSecondsOf(queue.device),
    instanceTypes: known.size > 0 ? [...known] : (capacity?.instanceTypes ?? []),
  };
}

/** Such as `24 of 24 runs done in 31:12; 3:58:01 of machine time, at most $0.42 on demand.` and where the results are. */
export function describeReceipt(receipt: PlanReceipt): string {
  const { kind, total, done, failed, seconds, machineSeconds, dollars, priced = '', isPaid, place } = receipt;
  const noun = `${kind === 'sweep' ? 'run' : 'shard'}${total === 1 ? '' : 's'}`;
  const cost = isPaid ? `, ${describeMost(dollars)}${priced}` : '';
  return [
    `${done.toLocaleString('en')} of ${total.toLocaleString('en')} ${noun} done in ${duration(seconds)}` +
      `${failed > 0 ? `, ${failed.toLocaleString('en')} failed` : ''}; ${duration(machineSeconds)} of machine time${cost}.`,
    `Results: ${place}`,
  ].join('\n');
}

/**
 * The receipt of a job on AWS that was followed, with those in which its run continued on demand.
 *
 * @returns `undefined` where nothing is paid, or the last job has not ended
 */
export async function jobReceipt(
  target: Target,
  stack: StackOutputs,
  { id, run }: Pick<Job, 'id' | 'run'>,
): Promise<string | undefined> {
  if (target.name !== 'aws') return undefined;
  const newest = await jobsOfRun(target, stack, run);
  const jobs = newest.slice(0, newest.findIndex((job) => job.id === id) + 1);
  return jobs[0] && hasEnded(jobs[0]) ? describeJobReceipt(target, stack, jobs) : undefined;
}

/** Such as `The job ran for 4:12, after 3:05 in the queue; at most $0.05 on demand.` */
export function describeJobReceipt(
  target: Pick<Target, 'name' | 'region'>,
  stack: StackOutputs,
  jobs: readonly Job[],
): string {
  let [running, queued] = [0, 0];
  let dollars: number | undefined = 0;
  for (const job of jobs) {
    const times = jobTimes(job);
    running += times.running;
    queued += times.queued;
    const own = jobDollars(target, stack, job, times);
    dollars = dollars === undefined || own === undefined ? undefined : dollars + own;
  }
  const noun = jobs.length === 1 ? 'The job' : `The run, in ${jobs.length} jobs,`;
  const cost = target.name === 'aws' ? `; ${describeMost(dollars)}${atPricesOf(target)}` : '';
  return `${noun} ran for ${duration(running)}, after ${duration(queued)} in the queue${cost}.`;
}
