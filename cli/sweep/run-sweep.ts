import { missingShards } from '#models/plans/shards.ts';
import { runOfShard, sweepOptionsOf } from '#models/plans/sweep-options.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import type { Queue } from '../batch/queues.ts';
import { followPlan } from '../fleet/follow-plan.ts';
import { describeReceipt, receiptOf } from '../fleet/receipt.ts';
import { runPlanOnTerminal } from '../fleet/run-on-terminal.ts';
import { submitPlan } from '../fleet/submit-plan.ts';
import type { Target } from '../stack/target.ts';
import { deleteCheckpoints } from './delete-checkpoints.ts';
import { readOutcomes } from './outcomes.ts';
import { nextPlan, planPublishing, type StoredSweep, storePlan } from './sweep-chain.ts';

/** Where the runs of a sweep are trained. */
export interface Place {
  readonly store: ObjectStore;
  /** A cloud, and the queue of its jobs. @default processes of this machine */
  readonly cloud?: { readonly target: Target; readonly queue: Queue } | undefined;
}

export interface RunSweepOptions {
  /** The most runs at once. @default as many as there is room for */
  readonly atMost?: number | undefined;
  /** Which runs are published: `best:<number>`, `all` or `none`. */
  readonly keep: string;
  /** Print lines of JSON. @default false */
  readonly json?: boolean;
  /** Submit jobs, and do not follow them. @default false */
  readonly detach?: boolean;
  /** The command that resumes the sweep, for messages. */
  readonly resume: string;
}

/** What became of a sweep. */
export interface RanSweep {
  /** 0: it has ended; 1: runs failed; 130 after Ctrl-C, 75 after SIGTERM: it is not at its end. */
  readonly exitCode: number;
  /** Jobs were submitted, and are not followed. */
  readonly isDetached: boolean;
  /** The plan of the last rung that was begun. */
  readonly last: StoredSweep;
}

/**
 * Does what is missing of a sweep: the runs of each rung, then the versions of the runs that are kept. At its end the
 * checkpoints of the other runs are deleted. Whatever was interrupted, the same again does the rest.
 *
 * @param first the plan of the first rung, which is in the store
 */
export async function runSweep(place: Place, first: StoredSweep, options: RunSweepOptions): Promise<RanSweep> {
  const { store } = place;
  const rungs: StoredSweep[] = [];
  for (let rung: StoredSweep | undefined = first; rung !== undefined; rung = await nextPlan(store, rung)) {
    if (rungs.length > 0) await storePlan(store, rung);
    rungs.push(rung);
    sayRung(rung, options);
    const ended = await doPlan(place, rung, options);
    if (ended !== 0) return { exitCode: ended ?? 0, isDetached: ended === undefined, last: rung };
  }
  const last = rungs.at(-1)!;
  const publishing = planPublishing(last, await readOutcomes(store, last.id, last.plan), options.keep);
  if (publishing !== undefined) {
    await storePlan(store, publishing);
    say(`Publishing ${count(publishing.plan.items.length, 'run')}, tested on the test images.`, options);
    const ended = await doPlan(place, publishing, options);
    if (ended !== 0) return { exitCode: ended ?? 0, isDetached: ended === undefined, last };
  }
  const lastOptions = sweepOptionsOf(last.id, last.plan);
  const kept = new Set(publishing?.plan.items.map(({ shard }) => runOfShard(last.id, lastOptions, shard)));
  for (const rung of rungs) await deleteCheckpoints(store, rung, kept);
  return { exitCode: 0, isDetached: false, last };
}

/** @returns the exit code: 0 if every shard has a result; `undefined` if jobs were submitted that are not followed */
async function doPlan(
  { store, cloud }: Place,
  { id, plan }: StoredSweep,
  { atMost, json = false, detach = false, resume }: RunSweepOptions,
): Promise<number | undefined> {
  if ((await missingShards(store, id, plan)).length === 0) return 0;
  const stored = { id, plan };
  let exitCode: number;
  if (cloud === undefined) exitCode = await runPlanOnTerminal(store, stored, { atMost, json, retry: resume });
  else {
    const { target, queue } = cloud;
    const { children, active } = await submitPlan(target, stored, { atMost, on: queue.device });
    say(
      `${count(children, 'job')} submitted${active > 0 ? `, and ${active} of earlier submissions are at work` : ''}.`,
      {
        json,
      },
    );
    if (detach) return undefined;
    exitCode = await followPlan(target, id, { json });
  }
  if (exitCode === 0 && !json) {
    const receipt = await receiptOf(store, plan, { on: cloud });
    say(describeReceipt(receipt), { json });
  }
  return exitCode;
}

function sayRung({ id, plan }: StoredSweep, options: Pick<RunSweepOptions, 'json'>): void {
  const { halving } = sweepOptionsOf(id, plan);
  if (halving === undefined) return;
  const groups = new Set(plan.items.map(({ group }) => group)).size;
  const epochs = plan.items[0]?.set.findLast((change) => change.startsWith('epochs='))?.slice('epochs='.length);
  const length = halving.rung === halving.rungs || epochs === undefined ? 'to the end' : `for ${epochs} epochs`;
  say(`Rung ${halving.rung} of ${halving.rungs}: ${count(groups, 'group')}, ${length} (plan ${id}).`, options);
}

function say(line: string, { json = false }: Pick<RunSweepOptions, 'json'>): void {
  if (!json) process.stdout.write(`${line}\n`);
}

function count(number: number, noun: string): string {
  return `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`;
}
