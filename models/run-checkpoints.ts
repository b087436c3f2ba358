import * as z from 'zod/mini';
import { UserError } from '#errors/user-error.ts';
import { checked, decodeJson, MalformedObject, writeJson } from './json.ts';
import { sha256Of } from './manifest.ts';
import { runKey } from './runs.ts';
import type { ObjectStore } from './stores/object-store.ts';

const count = z.number().check(z.int(), z.nonnegative());

/** The newest checkpoint of a run: `checkpoint.json`. */
const CheckpointPointer = z.object({
  at: z.iso.datetime(),
  step: count,
  /** The file's path, relative to the run. */
  path: z.string(),
  size: count,
  sha256: z.string().check(z.regex(/^[0-9a-f]{64}$/)),
});
type CheckpointPointer = z.infer<typeof CheckpointPointer>;

/** Identifies the checkpoint that a process read or wrote last; its next write must present it. */
export interface CheckpointTag {
  /** The entity tag of `checkpoint.json`; `undefined` if there is none. */
  readonly etag: string | undefined;
  /** The file's path, relative to the run. */
  readonly path: string;
}

export interface StoredCheckpoint extends CheckpointTag {
  readonly step: number;
  readonly body: Uint8Array;
  /** Keys of newer objects that were skipped, being missing or not what was written. */
  readonly damaged: readonly string[];
}

/** A run has checkpoints, and every one of them is damaged. */
export class DamagedCheckpoints extends UserError {
  override readonly name = 'DamagedCheckpoints';

  constructor(run: string, damaged: readonly string[]) {
    const are = damaged.length === 1 ? 'is' : 'are';
    super(
      `No checkpoint of the run ${run} can be read: ${damaged.join(', ')} ${are} missing or not what was written. ` +
        'Restore one of the files under checkpoints/, or train again under another --run.',
    );
  }
}

/**
 * Stores a checkpoint: writes it beside the last one, reads it back, and only then points to it. The last one stays, in case
 * the new one is damaged later; older ones are deleted.
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
  const etag = await writeJson(store, runKey(run, 'checkpoint.json'), checked(CheckpointPointer, pointer, path), only);
  const kept = [path, expected?.path].map((each) => each && runKey(run, each));
  for await (const { key } of store.list(runKey(run, 'checkpoints/'))) {
    if (!kept.includes(key)) await store.delete(key);
  }
  return { etag, path };
}

/**
 * Reads the checkpoint that is pointed to; if it or the pointer is damaged, the newest undamaged one. Each file has its digest
 * in its name, and every checkpoint is a state that the run went through, so the run can resume from any of them.
 *
 * @throws {DamagedCheckpoints} there are checkpoints, and every one of them is damaged
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
 * The digest in the name keeps two processes at the same step from overwriting each other's file, and shows whether a file is
 * whole without a pointer to it.
 */
function checkpointPath(step: number, sha256: string): string {
  return `checkpoints/${String(step).padStart(8, '0')}-${sha256.slice(0, 8)}.safetensors`;
}

/** The files of a run's checkpoints, in the order of their steps. */
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
