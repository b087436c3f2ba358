import { availableParallelism } from 'node:os';
import { UserError } from '#errors/user-error.ts';
import { resolveVersion } from '#models/aliases.ts';
import { type Plan, planId } from '#models/plans/plan.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { machineDollars, startSecondsOf } from '../batch/job-cost.ts';
import { readCapacity } from '../batch/queue-capacity.ts';
import type { Device, Queue } from '../batch/queues.ts';
import { settingsOf, type TrainingJob } from '../batch/submit-job.ts';
import { fleetTime, machineCost } from '../cost/fleet-cost.ts';
import { atPricesOf } from '../cost/price-dates.ts';
import prices from '../cost/prices.json' with { type: 'json' };
import { runSeconds } from '../cost/training-seconds.ts';
import type { StackOutputs, Target } from '../stack/target.ts';
import { confirm } from '../terminal/confirm.ts';
import { MEASURED, secondsOfItems, speedOfCards } from './item-seconds.ts';
import { childrenHere, TRAINING_CORES } from './local-capacity.ts';

export interface EstimateOptions {
  /** Shards without a result. */
  readonly missing: readonly string[];
  /** The most children at once. @default as many as have room */
  readonly atMost?: number | undefined;
  /** The cloud that runs them, and its queue with the definition of the children. @default processes of this machine */
  readonly on?: { readonly target: Target; readonly queue: Queue } | undefined;
  /** Training images of the data set, the held-out ones included. @default CIFAR-10's 50,000 */
  readonly images?: number | undefined;
}

/** What is left of a plan will take, before it is submitted. */
export interface PlanEstimate {
  readonly kind: Plan['kind'];
  /** Runs or shards that have no result. */
  readonly items: number;
  /** How many of them are worked on at the same time. */
  readonly atOnce: number;
  /** Until all are done, once there are machines. */
  readonly seconds: number;
  /** Of all machines together, their start included. */
  readonly machineSeconds: number;
  /** On demand; absent where it costs nothing, or no price is known. */
  readonly dollars?: number;
  /** Whether it costs money, known or not. */
  readonly isPaid: boolean;
  /** What the time is computed from. */
  readonly basis: string;
  /** Of `dollars`, such as ` at prices of us-east-1` where the stack is elsewhere; else empty. */
  readonly priced?: string;
}

/**
 * Estimates how long the missing items of a plan take, and what they cost.
 *
 * @throws {UserError} the queue has no room for a child at all
 */
export async function estimatePlan(
  store: ObjectStore,
  plan: Plan,
  { missing, atMost = Number.POSITIVE_INFINITY, on, images }: EstimateOptions,
): Promise<PlanEstimate> {
  const isPaid = on?.target.name === 'aws';
  const cores = availableParallelism();
  const capacity = on && (await readCapacity(on.target, on.queue));
  const childCores = capacity?.vcpus ?? (plan.kind === 'sweep' ? TRAINING_CORES : cores);
  const room = on ? (capacity?.atOnce ?? missing.length) : childrenHere(plan.kind);
  if (room < 1) {
    throw new UserError(
      `The queue ${on?.queue.arn} has no room for a job: its environments may start fewer vCPUs than the ${childCores} of one. Deploy the stack with a higher --max-vcpus.`,
    );
  }
  const atOnce = Math.min(missing.length, atMost, room);
  const device = isPaid ? on.queue.device : 'cpu';
  const { seconds: items, basis } = await secondsOfItems(store, plan, new Set(missing), {
    ...{ id: planId(plan), device, images },
    cores: isPaid ? childCores : cores,
  });
  // Jobs on LocalStack, however many run, share the cores of this machine.
  const share = isPaid ? 1 : Math.max(1, (atOnce * Math.min(childCores, cores)) / cores);
  const start = isPaid ? startSecondsOf(device) : 0;
  const time = fleetTime(
    items.map((each) => share * each),
    atOnce,
    start,
  );
  const dollars = isPaid ? machineCost(time.machineSeconds, capacity?.instanceTypes ?? [], prices) : undefined;
  return {
    ...{ kind: plan.kind, items: missing.length, atOnce, ...time, isPaid, basis },
    ...(dollars !== undefined && { dollars, priced: atPricesOf(on!.target) }),
  };
}

/**
 * Estimates how long a training job takes on a machine that boots for it, and what it costs.
 *
 * @throws {UsageError} the recipe or a setting is unknown
 */
export async function estimateRun(
  target: Target,
  stack: StackOutputs,
  training: TrainingJob,
  device: Device,
): Promise<PlanEstimate> {
  const store = await target.store();
  const { from } = training;
  const source = from === undefined || from === 'none' ? undefined : await resolveVersion(store, from);
  const settings = await settingsOf(store, training, source);
  const measured = await speedOfCards(store, new Set([training.recipe ?? 'quick']), device);
  const run = runSeconds(settings, { hasTest: true, speed: measured?.speed });
  const isPaid = target.name === 'aws';
  const seconds = run + (isPaid ? startSecondsOf(device) : 0);
  const dollars = machineDollars(target, stack, device, seconds);
  return {
    ...{ kind: 'sweep', items: 1, atOnce: 1, seconds, machineSeconds: seconds, isPaid },
    ...(dollars !== undefined && { dollars, priced: atPricesOf(target) }),
    basis: measured?.basis ?? MEASURED,
  };
}

/** Such as `24 runs, about 31 minutes, $0.42, at most 8 at once (as measured on 2 cores)`. */
export function describeEstimate({
  kind,
  items,
  seconds,
  dollars,
  priced = '',
  isPaid,
  atOnce,
  basis,
}: Omit<PlanEstimate, 'machineSeconds'>): string {
  const noun = kind === 'sweep' ? 'run' : 'shard';
  const facts = [
    `${items.toLocaleString('en')} ${noun}${items === 1 ? '' : 's'}`,
    `about ${roundedTime(seconds)}`,
    ...(isPaid ? [`${describeDollars(dollars)}${priced}`] : []),
    ...(items === 1 ? [] : [`at most ${atOnce.toLocaleString('en')} at once`]),
  ];
  return `${facts.join(', ')} (${basis})`;
}

/** Such as `$0.42`. List prices on demand are the most that it costs: Spot instances cost less. */
export function describeDollars(dollars: number | undefined): string {
  if (dollars === undefined) return 'at a price that is not known';
  return dollars < 0.01 ? 'less than $0.01' : `$${dollars.toFixed(2)}`;
}

/** Such as `at most $0.42 on demand`. */
export function describeMost(dollars: number | undefined): string {
  if (dollars === undefined) return describeDollars(dollars);
  return `${dollars < 0.01 ? '' : 'at most '}${describeDollars(dollars)} on demand`;
}

/** Such as `half a minute`, `31 minutes` or `2.5 hours`: an estimate is no more exact. */
export function roundedTime(seconds: number): string {
  if (seconds < 45) return 'half a minute';
  if (seconds < 90) return '1 minute';
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} minutes`;
  return `${Number((seconds / 3600).toPrecision(2))} hours`;
}

/**
 * Says what it takes, and asks on a terminal whether to begin. Without one, only what costs money needs `--yes`.
 *
 * @param estimate as a line, such as `describeEstimate` makes
 * @throws {UsageError} it costs money, and there is neither a terminal nor `--yes`
 */
export async function confirmEstimate(
  estimate: string,
  { isPaid, yes = false }: { readonly isPaid: boolean; readonly yes?: boolean | undefined },
): Promise<boolean> {
  if (yes || !(isPaid || process.stdin.isTTY)) {
    process.stderr.write(`${estimate}\n`);
    return true;
  }
  return confirm(estimate);
}
