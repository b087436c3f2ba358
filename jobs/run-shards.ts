import { UsageError } from '#errors/user-error.ts';
import { listAttempts, markStarted, newAttempt, type Worker, writeFailure } from '#models/plans/attempts.ts';
import type { Plan } from '#models/plans/plan.ts';
import { readResult, writeResult } from '#models/plans/results.ts';
import { type ObjectStore, WriteConflict } from '#models/stores/object-store.ts';
import type { RunShard } from './shard-context.ts';

/** How many listings are asked for at once. */
const LISTINGS = 16;

export interface RunShardsOptions {
  readonly store: ObjectStore;
  readonly planId: string;
  readonly plan: Plan;
  /** Ids of the shards to do, one after the other. */
  readonly shards: readonly string[];
  readonly worker: Worker;
  /** Does a shard of the plan's kind. */
  readonly runShard: RunShard;
  /** The id of the Batch job. @default none */
  readonly job?: string | undefined;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

/** What became of the shards. */
export interface ShardCounts {
  /** Done now. */
  readonly done: number;
  /** Somebody else has done them. */
  readonly skipped: number;
  /** Another process is at them. */
  readonly taken: number;
  readonly failed: number;
}

/**
 * Does shards of a plan that have no result, one after the other. A shard that fails is recorded, and does not keep the others
 * from being done. One whose writes conflict with those of another process is left to that process, and is no failure.
 *
 * Shards that were started least often come first: after a restart, a shard that kills its process is the last one.
 *
 * @throws the signal's reason, when it is aborted. @throws {StoreUnavailable} nothing can be recorded
 */
export async function runShards(options: RunShardsOptions): Promise<ShardCounts> {
  const { store, planId, plan, signal, log } = options;
  const items = new Map(plan.items.map((item) => [item.shard, item]));
  const counts = { done: 0, skipped: 0, taken: 0, failed: 0 };
  const order = await byAttempts(options);
  for (const [index, shard] of order.entries()) {
    signal.throwIfAborted();
    const place = `Shard ${shard}, ${index + 1} of ${order.length}`;
    if ((await readResult(store, planId, shard)) !== undefined) {
      counts.skipped++;
      log(`${place}: it has a result already.`);
      continue;
    }
    counts[await runOne(options, items.get(shard), place)]++;
  }
  return counts;
}

async function runOne(
  { store, planId, plan, worker, runShard, job, signal, log }: RunShardsOptions,
  item: Plan['items'][number] | undefined,
  place: string,
): Promise<keyof ShardCounts> {
  if (item === undefined) {
    throw new UsageError(`${place}: the plan ${planId} has no such shard. Submit what is missing of the plan again.`);
  }
  const { shard } = item;
  const attempt = newAttempt(worker);
  const began = performance.now();
  const as = { ...(job !== undefined && { job }) };
  await markStarted(store, planId, shard, { attempt, job });
  log(`${place}: begun.`);
  try {
    const result = await runShard({ store, planId, plan, item, attempt, signal, log });
    const at = new Date().toISOString();
    const seconds = Math.round(performance.now() - began) / 1000;
    const isFirst = await writeResult(store, planId, shard, { at, attempt, seconds, ...as, result });
    log(`${place}: ${isFirst ? `done in ${seconds} s.` : 'done, and somebody else was faster; their result stays.'}`);
    return isFirst ? 'done' : 'skipped';
  } catch (error) {
    if (signal.aborted && error === signal.reason) throw error;
    if ((await readResult(store, planId, shard)) !== undefined) {
      log(`${place}: somebody else has done it.`);
      return 'skipped';
    }
    if (error instanceof Error && error.cause instanceof WriteConflict) {
      log(`${place}: another process is at it.`);
      return 'taken';
    }
    const message = error instanceof Error ? error.message : String(error);
    log(`${place}: failed: ${message}`);
    await writeFailure(store, planId, shard, attempt, { at: new Date().toISOString(), message, ...as });
    return 'failed';
  }
}

/** The shards, those first that were started least often; else in their order. */
async function byAttempts({ store, planId, shards }: RunShardsOptions): Promise<readonly string[]> {
  if (shards.length === 1) return shards;
  const counted: { readonly shard: string; readonly attempts: number }[] = [];
  for (let at = 0; at < shards.length; at += LISTINGS) {
    const some = shards.slice(at, at + LISTINGS);
    const attempts = await Promise.all(some.map((shard) => listAttempts(store, planId, shard)));
    counted.push(...some.map((shard, index) => ({ shard, attempts: attempts[index]!.length })));
  }
  return counted.sort((one, other) => one.attempts - other.attempts).map(({ shard }) => shard);
}
