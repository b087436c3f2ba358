import { checked } from '#models/json.ts';
import { ClassifyOptions, ClassifyResult, mergedKey } from '#models/plans/classify-result.ts';
import { type PlanOf, planKey } from '#models/plans/plan.ts';
import { readResults } from '#models/plans/results.ts';
import { hasAllResults } from '#models/plans/shards.ts';
import { type ObjectStore, type Part, WriteConflict } from '#models/stores/object-store.ts';
import { contentTypeOf } from '#models/versions.ts';
import { headerOf } from './bulk/formats.ts';

const TRIES = 5;

/** The rows of all shards, in one table in the order of the lists. */
export interface MergedTable {
  readonly key: string;
  readonly bytes: number;
  readonly rows: number;
  readonly failed: number;
  /** Pictures that were changed or removed since the list was made; they are among those that failed. */
  readonly changed: number;
}

/**
 * Puts the rows of a classification together, once all shards have a result. It may be done again, and by several at once: the first
 * table stays, and all would be the same.
 *
 * @param signal ends it between two parts of the table. @default never
 * @returns `undefined` while shards are missing
 * @throws {MissingPart} the rows of a shard are gone
 * @throws {WriteConflict} the write was refused time and again, and there is no table
 * @throws the signal's reason, when it is aborted; no table was written
 */
export async function mergeAnswers(
  store: ObjectStore,
  planId: string,
  plan: PlanOf<'classify'>,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<MergedTable | undefined> {
  if (!(await hasAllResults(store, planId, plan, { signal }))) return undefined;
  const options = checked(ClassifyOptions, plan.options, planKey(planId, 'plan.json'));
  const key = mergedKey(planId, options.format);
  const header = new TextEncoder().encode(headerOf({ ...options, width: 0 }));
  const parts: Part[] = [header];
  let [bytes, rows, failed, changed] = [header.length, 0, 0, 0];
  const shards = plan.items.map(({ shard }) => shard);
  for await (const { shard, result } of readResults(store, planId, shards)) {
    signal?.throwIfAborted();
    const found = checked(ClassifyResult, result.result, planKey(planId, `results/${shard}.json`));
    parts.push({ key: found.answers.key, size: found.answers.bytes });
    bytes += found.answers.bytes;
    rows += found.rows;
    failed += found.failed;
    changed += found.changed;
  }
  await putTable(store, key, parts, signal);
  return { key, bytes, rows, failed, changed };
}

/**
 * Writes the table, unless there is one. S3 also refuses a writer while another one is writing (409), whose write may fail: who is
 * refused therefore looks whether there is a table.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
 */
async function putTable(
  store: ObjectStore,
  key: string,
  parts: readonly Part[],
  signal: AbortSignal | undefined,
): Promise<void> {
  for (let tries = 1; !(await isThere(store, key)); tries++) {
    try {
      await store.concatenate(key, parts, { only: 'absent', contentType: contentTypeOf(key), signal });
      return;
    } catch (error) {
      if (!(error instanceof WriteConflict)) throw error;
      if (tries === TRIES && !(await isThere(store, key))) throw error;
    }
  }
}

/** Without reading it: it may be large. */
async function isThere(store: ObjectStore, key: string): Promise<boolean> {
  for await (const { key: found } of store.list(key)) if (found === key) return true;
  return false;
}
