import type { ObjectStore } from '../stores/object-store.ts';
import { parseAttempt, type Worker } from './attempts.ts';
import { type Plan, planKey, SHARD_DIGITS } from './plan.ts';

/**
 * Larger plans in a bucket are listed in sixteen parts at once, by the first digit of the shards: S3 gives 1,000 keys an answer,
 * and the next ones only to whoever has these. A folder gives all at once.
 */
const FEW_ITEMS = 5000;
const DIGITS = '0123456789abcdef';

/** `running`: the last attempt has neither a result nor a failure; a process that was killed looks like this, too. */
export type ShardState = 'done' | 'running' | 'failed' | 'waiting';

/** How far a shard is, from the store's listings alone. */
export interface ShardProgress {
  readonly shard: string;
  readonly state: ShardState;
  /** How often it was started. */
  readonly attempts: number;
  /** The last attempt, and who made it; absent if there was none. */
  readonly last?: { readonly attempt: string; readonly startedAt: Date } & Worker;
  /** When the result was stored, or the last failure. */
  readonly endedAt?: Date;
}

/** How far a plan is. */
export interface PlanProgress {
  readonly total: number;
  readonly done: number;
  readonly running: number;
  readonly failed: number;
  readonly waiting: number;
  /** Of all attempts. */
  readonly firstStart?: Date;
  readonly lastResult?: Date;
}

/** Ids of the shards without a result, in the order of the plan's items. */
export async function missingShards(store: ObjectStore, id: string, plan: Plan): Promise<string[]> {
  const shards = plan.items.map(({ shard }) => shard);
  const order = sortedIndices(shards);
  const isDone = new Uint8Array(shards.length);
  await inParts(store, shards.length, async (digit) => {
    let at = firstOf(shards, order, digit);
    for await (const { key } of store.list(`${below(id, 'results')}${digit}`)) {
      const shard = shardIn(key, id, 'results');
      while (at < order.length && shards[order[at]!]! < shard) at++;
      if (at < order.length && shards[order[at]!] === shard) isDone[order[at]!] = 1;
    }
  });
  return shards.filter((_, index) => isDone[index] === 0);
}

/**
 * Whether all shards have a result. Every child of a plan asks at its end, so listing ends at the first shard that is seen to be
 * missing: one part of the ids is listed first, a part by chance, and the others only if none of its shards is missing.
 *
 * @throws the signal's reason, when it is aborted
 */
export async function hasAllResults(
  store: ObjectStore,
  id: string,
  plan: Plan,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<boolean> {
  const shards = plan.items.map(({ shard }) => shard);
  const order = sortedIndices(shards);
  let isMissing = false;
  const look = async (digit: string) => {
    let at = firstOf(shards, order, digit);
    const next = () => shards[order[at] ?? -1];
    for await (const { key } of store.list(`${below(id, 'results')}${digit}`)) {
      signal?.throwIfAborted();
      const shard = shardIn(key, id, 'results');
      isMissing ||= (next() ?? shard) < shard;
      if (isMissing) return; // Or another part has found it.
      if (next() === shard) at++;
    }
    isMissing ||= next()?.startsWith(digit) ?? false;
  };
  const parts = partsOf(store, shards.length);
  const [first = ''] = parts.splice(Math.floor(Math.random() * parts.length), 1);
  await look(first);
  if (!isMissing) await Promise.all(parts.map(look));
  return !isMissing;
}

/** How far each shard is, in the order of the shards' ids. Reads three listings side by side, and no object. */
export async function* shardProgress(store: ObjectStore, id: string, plan: Plan): AsyncGenerator<ShardProgress> {
  const shards = plan.items.map(({ shard }) => shard);
  yield* progressOfPart(store, id, { shards, order: sortedIndices(shards), digit: '' });
}

/** Visits each shard in no particular order: large plans of a bucket are listed in parts, side by side. */
export async function visitShards(
  store: ObjectStore,
  id: string,
  plan: Plan,
  visit: (progress: ShardProgress & { readonly first?: Date }) => void,
): Promise<void> {
  const shards = plan.items.map(({ shard }) => shard);
  const order = sortedIndices(shards);
  await inParts(store, shards.length, async (digit) => {
    for await (const progress of progressOfPart(store, id, { shards, order, digit })) visit(progress);
  });
}

/** Counts the shards by state. */
export async function planProgress(store: ObjectStore, id: string, plan: Plan): Promise<PlanProgress> {
  const counts = { done: 0, running: 0, failed: 0, waiting: 0 };
  let firstStart: Date | undefined;
  let lastResult: Date | undefined;
  await visitShards(store, id, plan, ({ state, first, endedAt }) => {
    counts[state]++;
    if (first !== undefined && (firstStart === undefined || first < firstStart)) firstStart = first;
    if (state === 'done' && (lastResult === undefined || endedAt! > lastResult)) lastResult = endedAt;
  });
  const total = plan.items.length;
  return { total, ...counts, ...(firstStart && { firstStart }), ...(lastResult && { lastResult }) };
}

interface Part {
  readonly shards: readonly string[];
  /** Indices of the shards in the order of their ids. */
  readonly order: Uint32Array;
  /** What the ids begin with: a digit, or nothing. */
  readonly digit: string;
}

async function* progressOfPart(
  store: ObjectStore,
  id: string,
  { shards, order, digit }: Part,
): AsyncGenerator<ShardProgress & { readonly first?: Date }> {
  const open = (folder: string) => shardGroups(store.list(`${below(id, folder)}${digit}`), id, folder);
  const [started, failures, results] = [open('started'), open('failures'), open('results')];
  for (let at = firstOf(shards, order, digit); at < order.length; at++) {
    const shard = shards[order[at]!]!;
    if (!shard.startsWith(digit)) break;
    const [starts, failed, result] = [await started(shard), await failures(shard), await results(shard)];
    const attempt = starts?.last.name;
    const facts = attempt === undefined ? undefined : parseAttempt(attempt);
    const hasFailed = failed !== undefined && (attempt === undefined || failed.last.name >= attempt);
    const state = result ? 'done' : hasFailed ? 'failed' : attempt === undefined ? 'waiting' : 'running';
    const endedAt = result?.last.modified ?? (hasFailed ? failed.last.modified : undefined);
    const first = starts && parseAttempt(starts.first)?.at;
    yield {
      shard,
      state,
      attempts: starts?.count ?? 0,
      ...(attempt !== undefined &&
        facts !== undefined && {
          last: { attempt, startedAt: facts.at, submission: facts.submission, child: facts.child },
        }),
      ...(endedAt && { endedAt }),
      ...(first && { first }),
    };
  }
}

interface Group {
  readonly shard: string;
  count: number;
  /** The name of the first object, without its ending. */
  readonly first: string;
  last: { name: string; modified: Date };
}

/**
 * The objects of a listing by shard.
 *
 * @returns asked for shards in ascending order, the objects of that shard; undefined if there are none
 */
function shardGroups(
  listing: AsyncIterable<{ readonly key: string; readonly modified: Date }>,
  id: string,
  folder: string,
): (shard: string) => Promise<Group | undefined> {
  const groups = (async function* () {
    let group: Group | undefined;
    for await (const { key, modified } of listing) {
      const shard = shardIn(key, id, folder);
      const name = key.slice(key.lastIndexOf('/') + 1, -'.json'.length);
      if (group?.shard === shard) {
        group.count++;
        group.last = { name, modified };
        continue;
      }
      if (group !== undefined) yield group;
      group = { shard, count: 1, first: name, last: { name, modified } };
    }
    if (group !== undefined) yield group;
  })();
  let current: Promise<IteratorResult<Group, void>> | undefined;
  return async (shard) => {
    for (;;) {
      current ??= groups.next();
      const { done, value } = await current;
      if (done || value.shard > shard) return undefined;
      current = undefined;
      if (value.shard === shard) return value;
    }
  };
}

/** Does the work for all shards at once, or for each first digit of the ids, side by side. */
async function inParts(store: ObjectStore, items: number, work: (digit: string) => Promise<void>): Promise<void> {
  await Promise.all(partsOf(store, items).map(work));
}

function partsOf(store: ObjectStore, items: number): string[] {
  const hasPages = store.url.startsWith('s3://');
  return hasPages && items > FEW_ITEMS ? [...DIGITS] : [''];
}

/** The indices of the ids, in the order of the ids. */
function sortedIndices(ids: readonly string[]): Uint32Array {
  return Uint32Array.from(ids.keys()).sort((one, other) => (ids[one]! < ids[other]! ? -1 : 1));
}

/** Where in the order the ids begin that are not smaller than `least`. */
function firstOf(ids: readonly string[], order: Uint32Array, least: string): number {
  let [low, high] = [0, order.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ids[order[middle]!]! < least) low = middle + 1;
    else high = middle;
  }
  return low;
}

function below(id: string, folder: string): string {
  return `${planKey(id, folder)}/`;
}

function shardIn(key: string, id: string, folder: string): string {
  const start = below(id, folder).length;
  return key.slice(start, start + SHARD_DIGITS);
}
