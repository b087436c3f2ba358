import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import * as z from 'zod/mini';
import { UsageError, UserError } from '#errors/user-error.ts';
import { Card, Parent } from './card.ts';
import { checked, decodeJson, encodeJson, MalformedObject } from './json.ts';
import { sha256Of } from './manifest.ts';
import { type ObjectStore, WriteConflict } from './stores/object-store.ts';

const RUN_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
const count = z.number().check(z.int(), z.nonnegative());
const fraction = z.number().check(z.minimum(0), z.maximum(1));

/** What was asked of a queue: `submission.json`. */
export const Submission = z.object({
  at: z.iso.datetime(),
  by: z.string(),
  /** Arguments of the training program, such as `['train', 'quick', '--run', '…']`. */
  command: z.array(z.string()),
});
export type Submission = z.infer<typeof Submission>;

/** What a run trains: `args.json`. A run is resumed with the same, and refused with others. */
export const RunArguments = z.object({
  recipe: z.string(),
  seed: count,
  /** The whole recipe as it was resolved, JSON values only. */
  settings: z.record(z.string(), z.unknown()),
  /** Absent where the weights are drawn. */
  parent: z.optional(Parent),
});
export type RunArguments = z.infer<typeof RunArguments>;

/** How a run ended well: `result.json`, written once. */
export const RunResult = z.object({
  at: z.iso.datetime(),
  version: z.string(),
  /** On the whole test set. */
  accuracy: z.object({ plain: fraction, tta: fraction }),
  trainingSeconds: z.number().check(z.nonnegative()),
  steps: count,
  kept: Card.shape.kept,
  /** How often it diverged, and went back to go on with a lower learning rate. */
  recoveries: z.optional(count),
});
export type RunResult = z.infer<typeof RunResult>;

/** Where the training can go on: `checkpoint.json`. */
const CheckpointPointer = z.object({
  at: z.iso.datetime(),
  step: count,
  /** Of the file, relative to the run. */
  path: z.string(),
  size: count,
  sha256: z.string().check(z.regex(/^[0-9a-f]{64}$/)),
});
type CheckpointPointer = z.infer<typeof CheckpointPointer>;

/** What a process that goes on checkpointing must hand back. */
export interface CheckpointTag {
  /** Of `checkpoint.json`; `undefined` where there is none. */
  readonly etag: string | undefined;
  /** Of the file, relative to the run. */
  readonly path: string;
}

export interface StoredCheckpoint extends CheckpointTag {
  readonly step: number;
  readonly body: Uint8Array;
  /** Keys of what was passed over on the way to it, being missing or not what was written. */
  readonly damaged: readonly string[];
}

/** A run has checkpoints, and none of them is whole. */
export class DamagedCheckpoints extends UserError {
  override readonly name = 'DamagedCheckpoints';

  constructor(run: string, damaged: readonly string[]) {
    const are = damaged.length === 1 ? 'is' : 'are';
    super(
      `No checkpoint of the run ${run} can be read: ${damaged.join(', ')} ${are} missing or not what was written. ` +
        'Restore one of the files under checkpoints/, or train anew under another --run.',
    );
  }
}

/** Unlikely to be anybody else's, and in the order of time. */
export function newRunId(now = new Date()): string {
  const [date, time] = now.toISOString().replaceAll(/[-:]/g, '').split(/[T.]/);
  return `${date}-${time}-${randomBytes(2).toString('hex')}`;
}

/** @throws {UsageError} it cannot be part of a key */
export function checkRunId(run: string): string {
  if (RUN_ID.test(run)) return run;
  throw new UsageError(`${JSON.stringify(run)} cannot name a run. Use letters, digits, ".", "_" and "-", at most 100.`);
}

/** Ids of the runs that were submitted to a queue, in the order of their names, which begin with the time. */
export async function listSubmittedRuns(store: ObjectStore): Promise<string[]> {
  const runs: string[] = [];
  for await (const { key } of store.list('runs/')) {
    const [, run = '', ...path] = key.split('/');
    if (path.join('/') === 'submission.json') runs.push(run);
  }
  return runs;
}

/** Where a file of a run is, such as `history.csv` or `report/loss.svg`. */
export function runKey(run: string, path: string): string {
  return `runs/${checkRunId(run)}/${path}`;
}

/** @throws {UsageError} a run of this name was submitted before */
export async function createSubmission(store: ObjectStore, run: string, submission: Submission): Promise<void> {
  const key = runKey(run, 'submission.json');
  try {
    await putJson(store, key, checked(Submission, submission, key), 'absent');
  } catch (error) {
    if (!(error instanceof WriteConflict)) throw error;
    throw new UsageError(
      `The run ${run} was submitted before. Take another name, or look at it with "./cifar10 jobs".`,
      {
        cause: error,
      },
    );
  }
}

export async function readSubmission(store: ObjectStore, run: string): Promise<Submission | undefined> {
  return readJson(store, runKey(run, 'submission.json'), Submission);
}

/**
 * Begins a run, or goes on with it.
 *
 * @returns `finished` with its result if the run ended well before: then nothing is left to do
 * @throws {UsageError} there is a run of this name with other arguments; the message names them
 */
export async function beginRun(
  store: ObjectStore,
  run: string,
  args: RunArguments,
): Promise<{ readonly state: 'new' | 'resumed' } | { readonly state: 'finished'; readonly result: RunResult }> {
  const key = runKey(run, 'args.json');
  const wanted = decodeJson(RunArguments, encodeJson(args), key); // As it will be read: without what JSON drops.
  try {
    await putJson(store, key, wanted, 'absent');
    return { state: 'new' };
  } catch (error) {
    if (!(error instanceof WriteConflict)) throw error;
  }
  const found = await readArguments(store, run);
  const differences = differencesOf(wanted, found);
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
  await putJson(store, key, checked(RunResult, result, key), 'absent');
}

/** @returns `undefined` while the run goes on, and if it failed */
export async function readResult(store: ObjectStore, run: string): Promise<RunResult | undefined> {
  return readJson(store, runKey(run, 'result.json'), RunResult);
}

/**
 * Keeps a checkpoint: writes it beside the last one, reads it back, and only then points to it. The last one stays, for the
 * case that the new one is damaged later; older ones are deleted.
 *
 * @param expected the checkpoint that this process read or wrote last
 * @throws {WriteConflict} another process is training the same run; its checkpoint stands
 */
export async function writeCheckpoint(
  store: ObjectStore,
  run: string,
  {
    step,
    body,
    expected,
  }: { readonly step: number; readonly body: Uint8Array; readonly expected: CheckpointTag | undefined },
): Promise<CheckpointTag> {
  const sha256 = sha256Of(body);
  const path = checkpointPath(step, sha256);
  const pointer = { at: new Date().toISOString(), step, path, size: body.byteLength, sha256 };
  await store.put(runKey(run, path), body);
  await readBack(store, run, pointer);
  const only = expected?.etag === undefined ? 'absent' : { ifMatch: expected.etag };
  const etag = await putJson(store, runKey(run, 'checkpoint.json'), checked(CheckpointPointer, pointer, path), only);
  const kept = [path, expected?.path].map((each) => each && runKey(run, each));
  for await (const { key } of store.list(runKey(run, 'checkpoints/'))) {
    if (!kept.includes(key)) await store.delete(key);
  }
  return { etag, path };
}

/**
 * The checkpoint that is pointed to; or, where that one or the pointer is damaged, the newest that is whole. Each file has
 * its digest in its name, and every checkpoint is a state that the run went through, so it can go on from any of them.
 *
 * @throws {DamagedCheckpoints} there are checkpoints, and none is whole
 */
export async function readCheckpoint(store: ObjectStore, run: string): Promise<StoredCheckpoint | undefined> {
  const damaged = new Set<string>();
  const pointerKey = runKey(run, 'checkpoint.json');
  const object = await store.get(pointerKey);
  const etag = object?.etag;
  try {
    const pointer = object && decodeJson(CheckpointPointer, object.body, pointerKey);
    if (pointer === undefined || pointer.path !== checkpointPath(pointer.step, pointer.sha256)) damaged.add(pointerKey);
    else return { ...pointer, etag, body: await readBack(store, run, pointer), damaged: [] };
  } catch (error) {
    if (!(error instanceof MalformedObject)) throw error;
    damaged.add(error.key);
  }
  const names = await checkpointNames(store, run);
  if (object === undefined && names.length === 0) return undefined;
  for (const { path, step, digest } of names.reverse()) {
    const body = (await store.get(runKey(run, path)))?.body;
    if (body !== undefined && sha256Of(body).startsWith(digest))
      return { step, path, etag, body, damaged: [...damaged] };
    damaged.add(runKey(run, path));
  }
  throw new DamagedCheckpoints(run, [...damaged]);
}

/**
 * The digest in the name keeps two processes at the same step from overwriting what the other is about to point to, and
 * tells whether the file is whole where there is no pointer to.
 */
function checkpointPath(step: number, sha256: string): string {
  return `checkpoints/${String(step).padStart(8, '0')}-${sha256.slice(0, 8)}.safetensors`;
}

/** The files of a run's checkpoints, by what their names say, in the order of their steps. */
async function checkpointNames(store: ObjectStore, run: string) {
  const names: { readonly path: string; readonly step: number; readonly digest: string }[] = [];
  for await (const { key } of store.list(runKey(run, 'checkpoints/'))) {
    const [path, step, digest] = /checkpoints\/(\d{8,})-([0-9a-f]{8})\.safetensors$/.exec(key) ?? [];
    if (path && step && digest) names.push({ path, step: Number(step), digest });
  }
  return names.sort((a, b) => a.step - b.step);
}

/** @throws {MalformedObject} the file is missing or was changed */
async function readBack(store: ObjectStore, run: string, { path, sha256 }: CheckpointPointer): Promise<Uint8Array> {
  const key = runKey(run, path);
  const body = (await store.get(key))?.body;
  if (body === undefined) throw new MalformedObject(key, 'it is missing');
  if (sha256Of(body) !== sha256) throw new MalformedObject(key, 'it is not what was written');
  return body;
}

function differencesOf(wanted: RunArguments, found: RunArguments | undefined): string[] {
  const flat = ({ settings, ...others }: RunArguments): Record<string, unknown> => ({ ...settings, ...others });
  const [ours, theirs] = [flat(wanted), found === undefined ? {} : flat(found)];
  return [...new Set([...Object.keys(ours), ...Object.keys(theirs)])]
    .filter((name) => !isDeepStrictEqual(ours[name], theirs[name]))
    .map((name) => `${name}: ${show(theirs[name])}, not ${show(ours[name])}`);
}

function show(argument: unknown): string {
  return argument === undefined ? 'none' : JSON.stringify(argument);
}

function putJson(
  store: ObjectStore,
  key: string,
  value: unknown,
  only: 'absent' | { ifMatch: string },
): Promise<string> {
  return store.put(key, encodeJson(value), { only, contentType: 'application/json' });
}

async function readJson<Schema extends z.core.$ZodType>(
  store: ObjectStore,
  key: string,
  schema: Schema,
): Promise<z.output<Schema> | undefined> {
  const object = await store.get(key);
  return object && decodeJson(schema, object.body, key);
}
