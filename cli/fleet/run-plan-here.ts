import { shownPath } from '#environment/home.ts';
import { sourceCommit } from '#environment/source-commit.ts';
import { userAtHost } from '#environment/user.ts';
import { UserError } from '#errors/user-error.ts';
import { writeFailure } from '#models/plans/attempts.ts';
import { missingShards, shardProgress } from '#models/plans/shards.ts';
import { createSubmission, type PlanSubmission, shardsOfChild } from '#models/plans/submissions.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { type ChildProcess, lastLines, type ProcessEnd, startChild } from './child-process.ts';
import { childrenHere } from './local-capacity.ts';
import { checkCap, type StoredPlan } from './submit-plan.ts';

export interface RunPlanOptions {
  /** The most children at once. @default as many as this machine has cores and memory for, which is the most in any case */
  readonly atMost?: number | undefined;
  /** Aborting it asks the children to end; they keep checkpoints. @default never */
  readonly signal?: AbortSignal | undefined;
  /** Aborting it kills the children. @default never */
  readonly kill?: AbortSignal | undefined;
  /** Called with what a reader should know: that children are started, or that one is started again. */
  readonly onNote?: (line: string) => void;
  /** Called with the number of processes, whenever it changes. */
  readonly onChildren?: (running: number) => void;
}

/** What became of a plan's missing shards. */
export interface RanPlan {
  /** The number of the submission; absent if no shard was missing. */
  readonly submission?: string;
  /** Shards that had no result before. */
  readonly missing: number;
  /** Shards that have none now. */
  readonly left: number;
  /** Processes at once. */
  readonly children: number;
  /** How often a process that was killed was started again. */
  readonly restarts: number;
  readonly wasInterrupted: boolean;
}

/** Attempts of a child in which no shard was done, before it is abandoned: as many as the stack's definitions allow. */
const ATTEMPTS = 3;
/** Exit codes after which Batch would try again, too: interrupted with a checkpoint, and killed from outside. */
const RETRIED = [75, 137];
const USAGE = 2;

/**
 * Does the missing shards of a plan in processes of this machine. A process that is killed is started again, and does what its
 * child lacks. The processes end when this one does, killed or not.
 *
 * @throws {UsageError} the cap is no whole number from 1
 * @throws {UserError} the children refuse the plan; the message is theirs
 */
export async function runPlanHere(
  store: ObjectStore,
  { id, plan }: StoredPlan,
  options: RunPlanOptions = {},
): Promise<RanPlan> {
  const { atMost = Number.POSITIVE_INFINITY, signal, onNote = () => {}, onChildren = () => {} } = options;
  checkCap(atMost);
  const shards = await missingShards(store, id, plan);
  const missing = shards.length;
  if (missing === 0) return { missing, left: 0, children: 0, restarts: 0, wasInterrupted: false };
  const children = Math.min(missing, atMost, childrenHere(plan.kind));
  const submission: PlanSubmission = {
    ...{ at: new Date().toISOString(), by: userAtHost(), commit: await sourceCommit() },
    ...{ where: 'local-processes', shards, children },
  };
  const number = await createSubmission(store, id, submission);
  const work = { store, stored: { id, plan }, submission, number, options, onNote };
  onNote(`${children === 1 ? 'One process works' : `${children} processes work`} on ${missing} shards here.`);
  let running = children;
  onChildren(running);
  const ended = await Promise.allSettled(
    Array.from({ length: children }, (_, child) => keepRunning(work, child).finally(() => onChildren(--running))),
  );
  const restarts = ended.map((each) => {
    if (each.status === 'rejected') throw each.reason;
    return each.value;
  });
  return {
    ...{ submission: number, missing, left: (await missingShards(store, id, plan)).length, children },
    restarts: restarts.reduce((sum, each) => sum + each, 0),
    wasInterrupted: signal?.aborted ?? false,
  };
}

interface Work {
  readonly store: ObjectStore;
  readonly stored: StoredPlan;
  readonly submission: PlanSubmission;
  readonly number: string;
  readonly options: RunPlanOptions;
  readonly onNote: (line: string) => void;
}

/** Runs a child until it has done what it can. @returns how often it was started again */
async function keepRunning(
  { store, stored, submission, number, options, onNote }: Work,
  child: number,
): Promise<number> {
  const { id, plan } = stored;
  const own = new Set(shardsOfChild(submission, child));
  const missing = async () => (await missingShards(store, id, plan)).filter((shard) => own.has(shard)).length;
  let restarts = 0;
  let before = own.size;
  for (let fruitless = 0; ; restarts++) {
    if (options.signal?.aborted) return restarts;
    const program = await startChild({ plan: id, kind: plan.kind, submission: number, child, store: store.url });
    const end = await endOf(program, options);
    if (options.signal?.aborted || ('exitCode' in end && !RETRIED.includes(end.exitCode))) {
      if ('exitCode' in end && end.exitCode === USAGE) throw await refusalOf(program);
      return restarts;
    }
    await recordDeath(store, stored, { number, child }, end);
    const after = await missing();
    if (after === 0) return restarts;
    fruitless = after < before ? 0 : fruitless + 1;
    if (fruitless === ATTEMPTS) {
      onNote(
        `Child ${child} ended ${ATTEMPTS} times without a result: ${describe(end)}. Its output: ${shownPath(program.log)}`,
      );
      return restarts;
    }
    onNote(`Child ${child} ended (${describe(end)}) and starts again: ${after} of its ${own.size} shards are left.`);
    before = after;
  }
}

async function endOf(program: ChildProcess, { signal, kill }: RunPlanOptions): Promise<ProcessEnd> {
  const ask = () => program.end('SIGTERM');
  const killIt = () => program.end('SIGKILL');
  signal?.addEventListener('abort', ask);
  kill?.addEventListener('abort', killIt);
  if (signal?.aborted) ask();
  if (kill?.aborted) killIt();
  try {
    return await program.ended;
  } finally {
    signal?.removeEventListener('abort', ask);
    kill?.removeEventListener('abort', killIt);
  }
}

/** A process that was killed says nothing: the failure of the shard that it was at is recorded for it. */
async function recordDeath(
  store: ObjectStore,
  { id, plan }: StoredPlan,
  { number, child }: { readonly number: string; readonly child: number },
  end: ProcessEnd,
): Promise<void> {
  if ('exitCode' in end && end.exitCode === 75) return; // It was asked to end, and has kept a checkpoint.
  for await (const { shard, state, last } of shardProgress(store, id, plan)) {
    if (state !== 'running' || last?.submission !== number || last.child !== child) continue;
    const failure = {
      at: new Date().toISOString(),
      message: `The process ended: ${describe(end)}.`,
      ...('exitCode' in end && { exitCode: end.exitCode }),
    };
    await writeFailure(store, id, shard, last.attempt, failure);
  }
}

function describe(end: ProcessEnd): string {
  return 'signal' in end ? `killed by ${end.signal}` : `exit code ${end.exitCode}`;
}

async function refusalOf({ log }: ChildProcess): Promise<UserError> {
  const lines = await lastLines(log, 20);
  const at = lines.findLastIndex((line) => line.startsWith('error: '));
  return new UserError(
    lines
      .slice(Math.max(0, at))
      .join('\n')
      .replace(/^error: /, ''),
  );
}
