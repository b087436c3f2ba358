import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import * as z from 'zod/mini';
import { UsageError } from '#errors/user-error.ts';
import { Card, Parent } from './card.ts';
import { cifar10Data, DataIdentity, describeData } from './data-identity.ts';
import { checked, decodeJson, encodeJson, readJson, writeJson } from './json.ts';
import { type ObjectStore, WriteConflict } from './stores/object-store.ts';
import { whileUsing } from './version-uses.ts';

const RUN_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
const count = z.number().check(z.int(), z.nonnegative());
const fraction = z.number().check(z.minimum(0), z.maximum(1));

/** All that a run is decided by: `args.json`. A run resumes with the same arguments only. */
export const RunArguments = z.object({
  recipe: z.string(),
  seed: count,
  data: z._default(DataIdentity, cifar10Data),
  /** The whole recipe as it was resolved, JSON values only. */
  settings: z.record(z.string(), z.unknown()),
  /** Whose weights the run began with; absent where they were drawn. */
  parent: z.optional(Parent),
});
export type RunArguments = z.infer<typeof RunArguments>;

/** The result of a finished run: `result.json`, written once. */
export const RunResult = z.object({
  at: z.iso.datetime(),
  version: z.string(),
  /** On the whole test set. */
  accuracy: z.object({ plain: fraction, tta: fraction }),
  trainingSeconds: z.number().check(z.nonnegative()),
  steps: count,
  /** As in the card. */
  imageSteps: Card.shape.imageSteps,
  kept: Card.shape.kept,
  /**
   * Set where the answers to images that were not trained on are no better than guessing, and absent otherwise. The version is
   * no candidate then.
   */
  guessing: z.optional(
    z.object({
      /** Of which the images are. */
      split: z.enum(['held-out', 'test']),
      images: count,
      right: count,
      /** The most frequent class, and how many images are of it. */
      mostFrequent: z.string(),
      guessed: count,
      pValue: fraction,
    }),
  ),
  /** How often it diverged, and resumed from earlier weights with a lower learning rate. */
  recoveries: z.optional(count),
});
export type RunResult = z.infer<typeof RunResult>;

/** A new name for a run. Names are practically unique, and sort by time. */
export function newRunId(now = new Date()): string {
  const [date, time] = now.toISOString().replaceAll(/[-:]/g, '').split(/[T.]/);
  return `${date}-${time}-${randomBytes(2).toString('hex')}`;
}

/** @throws {UsageError} the name cannot be part of a key */
export function checkRunId(run: string): string {
  if (RUN_ID.test(run)) return run;
  throw new UsageError(`${JSON.stringify(run)} cannot name a run. Use letters, digits, ".", "_" and "-", at most 100.`);
}

/** The key of a run's file. @param path such as `history.csv` or `report/loss.svg` */
export function runKey(run: string, path: string): string {
  return `runs/${checkRunId(run)}/${path}`;
}

/**
 * Begins a run, or resumes it.
 *
 * @param settingName what the user calls a stored setting, for the message
 * @returns `finished` with its result if the run finished earlier: nothing is left to do
 * @throws {UsageError} a run of this name has other arguments; the message lists them
 * @throws {UnknownVersion} the version that it begins with was deleted
 */
export async function beginRun(
  store: ObjectStore,
  run: string,
  args: RunArguments,
  settingName = (stored: string) => stored,
): Promise<{ readonly state: 'new' | 'resumed' } | { readonly state: 'finished'; readonly result: RunResult }> {
  const key = runKey(run, 'args.json');
  const wanted = decodeJson(RunArguments, encodeJson(args), key); // As it will be read: JSON drops undefined members.
  try {
    const parent = wanted.parent && 'version' in wanted.parent ? wanted.parent.version : undefined;
    await whileUsing(store, [parent], `run ${run}`, () => writeJson(store, key, wanted, 'absent'));
    return { state: 'new' };
  } catch (error) {
    if (!(error instanceof WriteConflict)) throw error;
  }
  const found = await readArguments(store, run);
  const differences = differencesOf(wanted, found, settingName);
  if (differences.length > 0) {
    throw new UsageError(`The run ${run} exists with other arguments (${differences.join('; ')}). Take another --run.`);
  }
  const result = await readResult(store, run);
  return result === undefined ? { state: 'resumed' } : { state: 'finished', result };
}

/** @returns `undefined` if the run never began */
export async function readArguments(store: ObjectStore, run: string): Promise<RunArguments | undefined> {
  return readJson(store, runKey(run, 'args.json'), RunArguments);
}

/** @throws {WriteConflict} the run has a result already */
export async function writeResult(store: ObjectStore, run: string, result: RunResult): Promise<void> {
  const key = runKey(run, 'result.json');
  await writeJson(store, key, checked(RunResult, result, key), 'absent');
}

/** @returns `undefined` if the run has not finished, or failed */
export async function readResult(store: ObjectStore, run: string): Promise<RunResult | undefined> {
  return readJson(store, runKey(run, 'result.json'), RunResult);
}

function differencesOf(
  wanted: RunArguments,
  found: RunArguments | undefined,
  settingName: (stored: string) => string,
): string[] {
  const flat = ({ settings, ...others }: RunArguments): Record<string, unknown> => ({ ...settings, ...others });
  const [ours, theirs] = [flat(wanted), found === undefined ? {} : flat(found)];
  return [...new Set([...Object.keys(ours), ...Object.keys(theirs)])]
    .filter((name) => !isDeepStrictEqual(ours[name], theirs[name]))
    .map((name) => `${settingName(name)}: ${show(name, theirs[name])}, not ${show(name, ours[name])}`);
}

function show(name: string, argument: unknown): string {
  if (argument === undefined) return 'none';
  return name === 'data' ? describeData(argument as DataIdentity) : JSON.stringify(argument);
}
