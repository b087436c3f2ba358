/**
 * LocalStack forgets everything when it ends. What has been trained on it is kept in a folder with the same layout as the
 * bucket, from which the next instance gets it back.
 */
import path from 'node:path';
import { home } from '#environment/home.ts';
import { listAliases, type StoredAlias } from '#models/aliases.ts';
import { encodeJson, MalformedObject } from '#models/json.ts';
import { DamagedCheckpoints, readCheckpoint, writeCheckpoint } from '#models/run-checkpoints.ts';
import { runKey } from '#models/runs.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import { type ListedObject, type ObjectStore, WriteConflict } from '#models/stores/object-store.ts';
import { DamagedVersion, hasVersion, listVersions, publishVersion, readVersion } from '#models/versions.ts';

/** What was copied because it was not there yet. */
export interface Mirrored {
  /** Ids. */
  readonly versions: readonly string[];
  /** Ids of the runs of which something was new. */
  readonly runs: readonly string[];
  /** Names. */
  readonly aliases: readonly string[];
  /** Versions and checkpoints that were left out, and why: their bytes are not what was written. */
  readonly damaged: readonly string[];
}

/** Where the models of this clone are kept; also where `cifar10 train` writes to by default. */
export const keptModels = path.join(home, 'store');

/** From the bucket to the folder: as a run ends, and before LocalStack does. */
export function saveModels(bucket: ObjectStore, folder: string = keptModels): Promise<Mirrored> {
  return copyModels(bucket, folderStore(folder));
}

/** From the folder to the bucket: after a deployment. */
export function restoreModels(bucket: ObjectStore, folder: string = keptModels): Promise<Mirrored> {
  return copyModels(folderStore(folder), bucket);
}

/**
 * Adds what `to` lacks, in an order that makes every state on the way a whole one: the files of a version before its
 * manifest, a checkpoint before what points to it, and aliases at the end. An interrupted copy is completed by the next.
 * Of two aliases the one that was moved last counts, so nothing that was promoted at the destination is undone.
 */
async function copyModels(from: ObjectStore, to: ObjectStore): Promise<Mirrored> {
  const aliases = await listAliases(from);
  const { versions, damaged } = await copyVersions(from, to);
  const runs: string[] = [];
  for (const [run, objects] of await listRuns(from)) if (await copyRun(from, to, run, objects, damaged)) runs.push(run);
  const moved: string[] = [];
  const there = await listAliases(to);
  for (const [name, alias] of aliases) if (await copyAlias(to, name, alias, there.get(name))) moved.push(name);
  return { versions, runs, aliases: moved, damaged };
}

async function copyVersions(from: ObjectStore, to: ObjectStore): Promise<{ versions: string[]; damaged: string[] }> {
  const versions: string[] = [];
  const damaged: string[] = [];
  const there = new Set(await listVersions(to));
  // The oldest first: where only the time of publication tells which is newer, it goes on telling it.
  for (const id of (await listVersions(from)).toReversed()) {
    if (there.has(id)) continue;
    try {
      const { manifest, file } = await readVersion(from, id);
      await publishVersion(to, new Map(manifest.files.map((entry) => [entry.path, file(entry.path)])));
      versions.push(id);
    } catch (error) {
      // One that cannot be read is no reason to lose the others.
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
 * @param damaged is told why its checkpoint was left out
 * @returns whether there was something new
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
      // One that cannot be read is no reason to lose the others.
      if (!(error instanceof DamagedCheckpoints)) throw error;
      damaged.push(error.message);
      return false;
    })) || isNew;
  for (const object of objects.filter(({ key }) => key === result)) {
    isNew = (await copyObject(from, to, object, there)) || isNew;
  }
  return isNew;
}

/** @returns whether it was not there, or was another */
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

/** The checkpoint that has come further wins: of one run there is only one line of checkpoints. */
async function copyCheckpoint(from: ObjectStore, to: ObjectStore, run: string): Promise<boolean> {
  const checkpoint = await readCheckpoint(from, run).catch(async (error: unknown) => {
    if (!(error instanceof DamagedCheckpoints)) throw error;
    // A training that goes on has replaced them while they were read.
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
    // Whoever moved it in the meantime was later than we.
    if (error instanceof WriteConflict) return false;
    throw error;
  }
}
