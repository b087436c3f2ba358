import { BatchClient } from '@aws-sdk/client-batch';
import { sourceCommit } from '#environment/source-commit.ts';
import { userAtHost } from '#environment/user.ts';
import { UsageError } from '#errors/user-error.ts';
import type { Plan } from '#models/plans/plan.ts';
import { missingShards, shardProgress } from '#models/plans/shards.ts';
import { createSubmission, readSubmission } from '#models/plans/submissions.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { hasEnded } from '../batch/batch-jobs.ts';
import { newestDefinition } from '../batch/job-definition.ts';
import { type Device, type Queue, queueFor } from '../batch/queues.ts';
import { sendJob } from '../batch/send-job.ts';
import type { StackOutputs, Target } from '../stack/target.ts';
import { activeChildren, planJobName, planJobs } from './plan-jobs.ts';

/** A plan and its id in the store. */
export interface StoredPlan {
  readonly id: string;
  readonly plan: Plan;
}

export interface SubmitPlanOptions {
  /** The most children at once. @default one a shard */
  readonly atMost?: number | undefined;
  /** What a sweep trains on; pictures are classified on CPUs. @default gpu */
  readonly on?: Device | undefined;
}

/** What was submitted. */
export interface SubmittedPlan {
  readonly plan: string;
  /** The number of the submission; absent if there was nothing to submit. */
  readonly submission?: string;
  /** The jobs in Batch. */
  readonly jobs: readonly { readonly id: string; readonly first: number; readonly children: number }[];
  /** Shards without a result when it was submitted. */
  readonly missing: number;
  /** Children of earlier submissions that had not ended then. */
  readonly active: number;
  /** The new children. */
  readonly children: number;
}

/** The most children of an array job. */
const LARGEST_ARRAY = 10_000;

/**
 * Submits children for the shards of a plan that have no result: an array job for every 10,000 of them, and a plain job for a
 * single one. Shards that a child of an earlier submission is about to do are not submitted again, unless the cap leaves room
 * for more children than there are: those begin at the other end of what waits.
 *
 * @throws {UsageError} the cap is no whole number from 1, or the stack lacks the queue
 * @throws {UserError} Batch does not take a job; the message says why, and what to do
 */
export async function submitPlan(
  target: Target,
  { id, plan }: StoredPlan,
  { atMost = Number.POSITIVE_INFINITY, on }: SubmitPlanOptions = {},
): Promise<SubmittedPlan> {
  checkCap(atMost);
  const stack = await target.stack();
  const queue = planQueue(plan, on, stack, target);
  const store = await target.store();
  const missing = await missingShards(store, id, plan);
  const covered = await coveredShards(target, stack, store, id);
  const uncovered = missing.filter((shard) => !covered.shards.has(shard));
  const late = covered.isShared
    ? (await waitingShards(store, { id, plan })).filter((shard) => covered.shards.has(shard))
    : [];
  const shards = [...uncovered, ...late.reverse()];
  const children = Math.max(0, Math.min(shards.length, atMost - covered.children));
  const found = { plan: id, missing: missing.length, active: covered.children, children };
  if (children === 0) return { ...found, jobs: [] };
  const submission = await createSubmission(store, id, {
    ...{ at: new Date().toISOString(), by: userAtHost(), commit: await sourceCommit() },
    ...{ where: 'batch' as const, shards, children },
  });
  const timeoutSeconds = await timeoutFor(target, queue, Math.ceil(shards.length / children));
  const jobs: { id: string; first: number; children: number }[] = [];
  for (let first = 0; first < children; first += LARGEST_ARRAY) {
    const size = Math.min(LARGEST_ARRAY, children - first);
    const command = shardsCommand({ plan: id, submission, ...(size === 1 ? { child: first } : { offset: first }) });
    const job = await sendJob(target, queue, {
      ...{ name: planJobName(id, submission), command, timeoutSeconds },
      ...(size > 1 && { arraySize: size }),
      find: async () => (await planJobs(target, stack, id, submission)).find((each) => each.first === first)?.id,
    });
    jobs.push({ id: job, first, children: size });
  }
  return { ...found, submission, jobs };
}

/** The arguments of a child's program. */
export function shardsCommand({
  plan,
  submission,
  offset = 0,
  child,
}: {
  readonly plan: string;
  readonly submission: string;
  /** The child of the array's first index. @default 0 */
  readonly offset?: number;
  /** The one child of a plain job, or of a process. @default by the index in the array */
  readonly child?: number;
}): string[] {
  return [
    ...['shards', '--plan', plan, '--submission', submission],
    ...(offset === 0 ? [] : ['--offset', String(offset)]),
    ...(child === undefined ? [] : ['--child', String(child)]),
  ];
}

/** @throws {UsageError} it is no number of children */
export function checkCap(atMost: number): void {
  if (atMost === Number.POSITIVE_INFINITY || (Number.isInteger(atMost) && atMost >= 1)) return;
  throw new UsageError(`--at-most is ${atMost}, and must be a whole number from 1. Omit it for a child a shard.`);
}

/** The queue and the job definition of a plan's children. @throws {UsageError} the stack lacks one */
export function planQueue(
  { kind }: Pick<Plan, 'kind'>,
  on: Device = 'gpu',
  stack: StackOutputs,
  target: Pick<Target, 'name'>,
): Queue {
  if (kind === 'sweep') return queueFor(on, stack, target);
  const { ClassifyJobDefinitionName: definition } = stack;
  if (definition !== undefined) return { ...queueFor('cpu', stack, target), definition };
  throw new UsageError(
    `The stack has no job definition for classification: an earlier release deployed it. Update it with "./cifar10 deploy --target ${target.name}".`,
  );
}

interface Covered {
  /** Shards that children of earlier submissions have or will get. */
  readonly shards: ReadonlySet<string>;
  /** Children that have not ended. */
  readonly children: number;
  /** Whether one of them has several shards, so that more children would be faster. */
  readonly isShared: boolean;
}

async function coveredShards(target: Target, stack: StackOutputs, store: ObjectStore, plan: string): Promise<Covered> {
  const shards = new Set<string>();
  let children = 0;
  let isShared = false;
  for (const job of await planJobs(target, stack, plan)) {
    if (hasEnded(job)) continue;
    const submission = await readSubmission(store, plan, job.submission);
    const active = new Set(await activeChildren(target, job));
    children += active.size;
    isShared ||= submission.children < submission.shards.length;
    for (const [index, shard] of submission.shards.entries()) {
      if (active.has(index % submission.children)) shards.add(shard);
    }
  }
  return { shards, children, isShared };
}

/** Shards that nobody has started, in the order of the plan's items. */
async function waitingShards(store: ObjectStore, { id, plan }: StoredPlan): Promise<string[]> {
  const waiting = new Set<string>();
  for await (const { shard, state } of shardProgress(store, id, plan)) if (state === 'waiting') waiting.add(shard);
  return plan.items.map(({ shard }) => shard).filter((shard) => waiting.has(shard));
}

/** @returns `undefined` where the definition's own limit is right, or there is none */
async function timeoutFor(target: Target, { definition }: Queue, shardsOfEach: number): Promise<number | undefined> {
  if (shardsOfEach === 1) return undefined;
  const newest = await newestDefinition(new BatchClient(target.clientConfig), definition);
  const seconds = newest?.timeout?.attemptDurationSeconds;
  return seconds === undefined ? undefined : Math.min(seconds * shardsOfEach, MAXIMUM_TIMEOUT_SECONDS);
}

/** What the member's type, a 32-bit number, holds. */
const MAXIMUM_TIMEOUT_SECONDS = 2 ** 31 - 1;
