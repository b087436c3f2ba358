/**
 * LocalStack loses its state when it ends. While it runs, every change of its model bucket is also made in a folder with the
 * bucket's layout (`plugin/cifar10_local/storage/`), from which the next instance gets its models and runs back.
 */
import { localStore } from '#environment/home.ts';
import { listAliases, type StoredAlias } from '#models/aliases.ts';
import { encodeJson, MalformedObject } from '#models/json.ts';
import { DamagedCheckpoints, readCheckpoint, writeCheckpoint } from '#models/run-checkpoints.ts';
import { runKey } from '#models/runs.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import { type ListedObject, type ObjectStore, WriteConflict } from '#models/stores/object-store.ts';
import { DamagedVersion, hasVersion, listVersions, publishVersion, readVersion } from '#models/versions.ts';

/** What the bucket got, because it did not have it. */
export interface Restored {
  /** Version ids. */
  readonly versions: readonly string[];
  /** Ids of runs with new objects. */
  readonly runs: readonly string[];
  /** Alias names. */
  readonly aliases: readonly string[];
  /** One message for each damaged version or checkpoint, which was not copied. */
  readonly damaged: readonly string[];
}

/**
 * Copies what the bucket of a new stack does not have, in an order that keeps it consistent at each step: the files of a
 * version before its manifest, a checkpoint before what points to it, and aliases last. The next call completes an interrupted
 * one. The alias that was moved last wins, so that no promotion in the bucket is undone.
 */
export async function restoreModels(bucket: ObjectStore, folder: string = localStore): Promise<Restored> {
  const kept = folderStore(folder);
  const aliases = await listAliases(kept);
  const { versions, damaged } = await copyVersions(kept, bucket);
  const runs: string[] = [];
  for (const [run, objects] of await listRuns(kept))
    if (await copyRun(kept, bucket, run, objects, damaged)) runs.push(run);
  await copyPlans(kept, bucket);
  const moved: string[] = [];
  const there = await listAliases(bucket);
  for (const [name, alias] of aliases) if (await copyAlias(bucket, name, alias, there.get(name))) moved.push(name);
  return { versions, runs, aliases: moved, damaged };
}

async function copyVersions(from: ObjectStore, to: ObjectStore): Promise<{ versions: string[]; damaged: string[] }> {
  const versions: string[] = [];
  const damaged: string[] = [];
  const there = new Set(await listVersions(to));
  // The oldest first, so that the order of publication stays the same.
  for (const id of (await listVersions(from)).toReversed()) {
    if (there.has(id)) continue;
    try {
      const { manifest, file } = await readVersion(from, id);
      await publishVersion(to, new Map(manifest.files.map((entry) => [entry.path, file(entry.path)])));
      versions.push(id);
    } catch (error) {
      // A damaged version does not stop the copy of the others.
      if (!(error instanceof DamagedVersion || error instanceof MalformedObject)) throw error;
      damaged.push(error.message);
    }
  }
  return { versions, damaged };
}

/** The objects of each run. */
async function listRuns(store: ObjectStore): Promise<Map<string, ListedObject[]>> {
  const runs = new Map<string, ListedObject[]>();
  for await (const object of store.list('runs/')) {
    const [, run = ''] = object.key.split('/');
    const objects = runs.get(run) ?? [];
    objects.push(object);
    runs.set(run, objects);
  }
  return runs;
}

/**
 * @param damaged gets a message if the run's checkpoint is damaged
 * @returns whether anything was copied
 */
async function copyRun(
  from: ObjectStore,
  to: ObjectStore,
  run: string,
  objects: ListedObject[],
  damaged: string[],
): Promise<boolean> {
  const there = new Map<string, ListedObject>();
  for await (const object of to.list(runKey(run, ''))) there.set(object.key, object);
  const result = runKey(run, 'result.json');
  const isPlain = ({ key }: ListedObject) => key !== result && !key.startsWith(runKey(run, 'checkpoint'));
  let isNew = false;
  for (const object of objects.filter(isPlain)) isNew = (await copyObject(from, to, object, there)) || isNew;
  isNew =
    (await copyCheckpoint(from, to, run).catch((error: unknown) => {
      // A damaged checkpoint does not stop the copy of the rest.
      if (!(error instanceof DamagedCheckpoints)) throw error;
      damaged.push(error.message);
      return false;
    })) || isNew;
  for (const object of objects.filter(({ key }) => key === result)) {
    isNew = (await copyObject(from, to, object, there)) || isNew;
  }
  return isNew;
}

/**
 * Plans are immutable, and so is all that is stored with them. The rows of a shard are there before the result that names them,
 * so plans are listed first: of a result that is stored meanwhile, neither is copied, or the rows alone.
 */
async function copyPlans(from: ObjectStore, to: ObjectStore): Promise<void> {
  const plans: ListedObject[] = [];
  for await (const object of from.list('plans/')) plans.push(object);
  for (const [prefix, objects] of [
    ['batches/', from.list('batches/')],
    ['plans/', plans],
  ] as const) {
    const there = new Map<string, ListedObject>();
    for await (const object of to.list(prefix)) there.set(object.key, object);
    for await (const object of objects) await copyObject(from, to, object, there);
  }
}

/** @returns whether it was copied: the destination had no such object, or a different one */
async function copyObject(
  from: ObjectStore,
  to: ObjectStore,
  { key, size, modified }: ListedObject,
  there: ReadonlyMap<string, ListedObject>,
): Promise<boolean> {
  const existing = there.get(key);
  if (existing !== undefined && existing.size === size && existing.modified >= modified) return false;
  const body = (await from.get(key))?.body;
  if (body === undefined) return false;
  const current = existing && (await to.get(key))?.body;
  if (current !== undefined && Buffer.compare(current, body) === 0) return false;
  await to.put(key, body);
  return true;
}

/** Copies the run's checkpoint if it has more steps: a run has a single sequence of checkpoints. */
async function copyCheckpoint(from: ObjectStore, to: ObjectStore, run: string): Promise<boolean> {
  const checkpoint = await readCheckpoint(from, run).catch(async (error: unknown) => {
    if (!(error instanceof DamagedCheckpoints)) throw error;
    // The running training has replaced them while they were read.
    return readCheckpoint(from, run);
  });
  if (checkpoint === undefined) return false;
  const expected = await readCheckpoint(to, run);
  if (expected !== undefined && expected.damaged.length === 0 && expected.step >= checkpoint.step) return false;
  await writeCheckpoint(to, run, { step: checkpoint.step, body: checkpoint.body, expected });
  return true;
}

async function copyAlias(
  to: ObjectStore,
  name: string,
  alias: StoredAlias,
  there: StoredAlias | undefined,
): Promise<boolean> {
  if (there !== undefined && Date.parse(there.at) >= Date.parse(alias.at)) return false;
  if (!(await hasVersion(to, alias.version))) return false;
  const { etag: _, ...stored } = alias;
  try {
    await to.put(`aliases/${name}.json`, encodeJson(stored), {
      only: there === undefined ? 'absent' : { ifMatch: there.etag },
      contentType: 'application/json',
    });
    return true;
  } catch (error) {
    // It was moved in the meantime, which is the later move.
    if (error instanceof WriteConflict) return false;
    throw error;
  }
}
