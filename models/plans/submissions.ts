import * as z from 'zod/mini';
import { NotFound, UsageError } from '#errors/user-error.ts';
import { checked, readJson, writeJson } from '../json.ts';
import { type ObjectStore, WriteConflict } from '../stores/object-store.ts';
import { planKey, ShardId } from './plan.ts';

const NUMBER = /^[0-9]{4}$/;
const MAXIMUM_SUBMISSIONS = 9999;

/** Children that were started for the shards of a plan that had no result then: `submissions/<n>.json`. */
export const PlanSubmission = z.object({
  at: z.iso.datetime(),
  by: z.string(),
  /** The commit of the program that submitted it, `-dirty` if files differed from it; null where it is unknown. */
  commit: z.nullable(z.string()),
  where: z.enum(['local-processes', 'batch']),
  /** Ids of the shards, in the order of the work. */
  shards: z.array(ShardId).check(z.minLength(1)),
  /** How many share the work: child `c` (from 0) has the shards at `c`, `c + children`, `c + 2 children` … */
  children: z.number().check(z.int(), z.positive()),
});
export type PlanSubmission = z.infer<typeof PlanSubmission>;

/**
 * Stores a submission under the next free number. Of two submitters at once, each gets a number of its own.
 *
 * @returns its number, from `0001`
 */
export async function createSubmission(store: ObjectStore, plan: string, submission: PlanSubmission): Promise<string> {
  const last = (await listSubmissions(store, plan)).at(-1);
  for (let number = Number(last ?? 0) + 1; number <= MAXIMUM_SUBMISSIONS; number++) {
    const name = String(number).padStart(4, '0');
    const key = submissionKey(plan, name);
    try {
      await writeJson(store, key, checked(PlanSubmission, submission, key), 'absent');
      return name;
    } catch (error) {
      if (!(error instanceof WriteConflict)) throw error;
    }
  }
  throw new UsageError(`The plan ${plan} was submitted ${MAXIMUM_SUBMISSIONS} times, which is the most.`);
}

/** @throws {NotFound} the plan has no submission of this number */
export async function readSubmission(store: ObjectStore, plan: string, number: string): Promise<PlanSubmission> {
  const found = NUMBER.test(number) ? await readJson(store, submissionKey(plan, number), PlanSubmission) : undefined;
  if (found !== undefined) return found;
  const known = await listSubmissions(store, plan);
  const has = known.length === 0 ? 'none' : shown(known);
  throw new NotFound(`The plan ${plan} has no submission ${JSON.stringify(number)}; it has ${has}.`);
}

/** Numbers of the plan's submissions, ascending. */
export async function listSubmissions(store: ObjectStore, plan: string): Promise<string[]> {
  const numbers: string[] = [];
  for await (const { key } of store.list(planKey(plan, 'submissions/x').slice(0, -1))) {
    const number = /\/([0-9]{4})\.json$/.exec(key)?.[1];
    if (number !== undefined) numbers.push(number);
  }
  return numbers;
}

/**
 * The shards of one child, in the order of its work.
 *
 * @param child from 0, over all arrays of the submission
 * @throws {UsageError} the submission has fewer children
 */
export function shardsOfChild({ shards, children }: PlanSubmission, child: number): string[] {
  if (!Number.isInteger(child) || child < 0 || child >= children) {
    throw new UsageError(
      `There is no child ${child}: the submission has ${children}, ${children === 1 ? '0 alone' : `from 0 to ${children - 1}`}.`,
    );
  }
  return shards.filter((_, index) => index % children === child);
}

function submissionKey(plan: string, number: string): string {
  return planKey(plan, `submissions/${number}.json`);
}

function shown(numbers: readonly string[]): string {
  return numbers.length === 1 ? numbers[0]! : `${numbers[0]} to ${numbers.at(-1)}`;
}
