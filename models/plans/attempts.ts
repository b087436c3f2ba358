import { randomBytes } from 'node:crypto';
import * as z from 'zod/mini';
import { checked, readJson, writeJson } from '../json.ts';
import type { ObjectStore } from '../stores/object-store.ts';
import { planKey } from './plan.ts';

const ATTEMPT = /^(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)(\d{3})-(\d{4})-(\d{1,7})-[0-9a-f]{6}$/;

/** Who works on a shard. */
export interface Worker {
  /** The number of the submission, such as `0001`. */
  readonly submission: string;
  /** From 0, over all arrays of the submission. */
  readonly child: number;
}

/** What an attempt's name says, so that a listing shows who works on what, and no object is read. */
export interface AttemptFacts extends Worker {
  readonly at: Date;
}

/** Somebody began a shard: `started/<shard>/<attempt>.json`. */
const Started = z.object({
  at: z.iso.datetime(),
  submission: z.string(),
  child: z.number(),
  attempt: z.string(),
  /** The id of the Batch job; absent in a process of a person's machine. */
  job: z.optional(z.string()),
});

/** An attempt of a shard failed: `failures/<shard>/<attempt>.json`. A process that was killed leaves none. */
export const ShardFailure = z.object({
  at: z.iso.datetime(),
  message: z.string(),
  /** The exit code of the process, where that is what failed. */
  exitCode: z.optional(z.number()),
  job: z.optional(z.string()),
});
export type ShardFailure = z.infer<typeof ShardFailure>;

/** A new name for an attempt. Names are practically unique, sort by time, and say who works. */
export function newAttempt({ submission, child }: Worker, now = new Date()): string {
  const [date, time] = now
    .toISOString()
    .replaceAll(/[-:.Z]/g, '')
    .split('T');
  return `${date}-${time}-${submission}-${child}-${randomBytes(3).toString('hex')}`;
}

/** @returns `undefined` if the text is not the name of an attempt */
export function parseAttempt(attempt: string): AttemptFacts | undefined {
  const found = ATTEMPT.exec(attempt);
  if (found === null) return undefined;
  const [, year, month, day, hour, minute, second, milli, submission = '', child] = found;
  const at = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}.${milli}Z`);
  return { at, submission, child: Number(child) };
}

/** Says that an attempt begins. */
export async function markStarted(
  store: ObjectStore,
  plan: string,
  shard: string,
  { attempt, job }: { readonly attempt: string; readonly job?: string | undefined },
): Promise<void> {
  const { at = new Date(), submission, child } = parseAttempt(attempt) ?? {};
  const key = planKey(plan, `started/${shard}/${attempt}.json`);
  const started = { at: at.toISOString(), submission, child, attempt, ...(job !== undefined && { job }) };
  await writeJson(store, key, checked(Started, started, key), 'absent');
}

/** Says why an attempt failed. */
export async function writeFailure(
  store: ObjectStore,
  plan: string,
  shard: string,
  attempt: string,
  failure: ShardFailure,
): Promise<void> {
  const key = planKey(plan, `failures/${shard}/${attempt}.json`);
  await writeJson(store, key, checked(ShardFailure, failure, key), 'absent');
}

/** Names of the attempts of a shard, the earliest first. */
export async function listAttempts(store: ObjectStore, plan: string, shard: string): Promise<string[]> {
  return namesBelow(store, planKey(plan, `started/${shard}`));
}

/** The failures of a shard, the earliest first. */
export async function readFailures(
  store: ObjectStore,
  plan: string,
  shard: string,
): Promise<({ readonly attempt: string } & ShardFailure)[]> {
  const folder = planKey(plan, `failures/${shard}`);
  const failures: ({ readonly attempt: string } & ShardFailure)[] = [];
  for (const attempt of await namesBelow(store, folder)) {
    const failure = await readJson(store, `${folder}/${attempt}.json`, ShardFailure);
    if (failure !== undefined) failures.push({ attempt, ...failure });
  }
  return failures;
}

async function namesBelow(store: ObjectStore, folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { key } of store.list(`${folder}/`)) names.push(key.slice(folder.length + 1, -'.json'.length));
  return names;
}
