import * as z from 'zod/mini';
import { mapInOrder } from '#environment/map-in-order.ts';
import { checked, encodeJson, readJson } from '../json.ts';
import type { ObjectStore } from '../stores/object-store.ts';
import { planKey } from './plan.ts';
import { putFirst } from './put-first.ts';

/** How many results are read ahead. */
const READ_AHEAD = 16;

/** What a shard came to: `results/<shard>.json`, written once. */
export const ShardResult = z.object({
  /** When it was done. */
  at: z.iso.datetime(),
  /** The attempt that did it, as `newAttempt` names it. */
  attempt: z.string(),
  /** How long that attempt took. */
  seconds: z.number().check(z.nonnegative()),
  /** The id of the Batch job; absent where it was a process of a person's machine. */
  job: z.optional(z.string()),
  /** JSON that the kind's own schema reads. */
  result: z.unknown(),
});
export type ShardResult = z.infer<typeof ShardResult>;

/** @returns false if the shard has a result already; that one stays */
export async function writeResult(
  store: ObjectStore,
  plan: string,
  shard: string,
  result: ShardResult,
): Promise<boolean> {
  const key = resultKey(plan, shard);
  const body = encodeJson(checked(ShardResult, result, key));
  return putFirst(store, key, body);
}

/** @returns `undefined` if the shard has no result yet */
export async function readResult(store: ObjectStore, plan: string, shard: string): Promise<ShardResult | undefined> {
  return readJson(store, resultKey(plan, shard), ShardResult);
}

/** The results of shards that have one, in the order of the given ids, such as that of the plan's items. */
export async function* readResults(
  store: ObjectStore,
  plan: string,
  shards: Iterable<string>,
): AsyncGenerator<{ readonly shard: string; readonly result: ShardResult }> {
  for await (const [shard, result] of mapInOrder(shards, READ_AHEAD, (each) => readResult(store, plan, each))) {
    if (result !== undefined) yield { shard, result };
  }
}

/** The key of a shard's result. */
export function resultKey(plan: string, shard: string): string {
  return planKey(plan, `results/${shard}.json`);
}
