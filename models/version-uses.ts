import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod/mini';
import { mapInOrder } from '#environment/map-in-order.ts';
import { UserError } from '#errors/user-error.ts';
import { checked, decodeJson, encodeJson } from './json.ts';
import { type ObjectStore, WriteConflict } from './stores/object-store.ts';
import { hasVersion, isVersionId, UnknownVersion } from './versions.ts';

const PREFIX = 'models/uses/';
/** A writer that has not ended after a day is taken for dead: between beginning and end of a use it makes a few calls to the store. */
const ABANDONED_AFTER_MS = 24 * 3_600_000;
/** The children of a sweep that begin with one version at the same time should not meet again and again. */
const CONFLICT_PAUSE_MS = 50;
/** Uses read at a time. */
const PARALLEL = 8;

const Use = z.object({ id: z.string(), by: z.string(), at: z.iso.datetime() });
type Use = z.infer<typeof Use>;

/**
 * Who is about to refer to a version, or that it is being deleted: `models/uses/<version>.json`. Each change is conditional on the
 * last one, so of a writer that refers to a version and one that deletes it, one is first.
 */
const Uses = z.object({
  /** The id of the last change, so that no two states have the same bytes, and thus the same entity tag. */
  last: z.string(),
  /** Writers that have begun to refer to it and have not ended. */
  current: z.array(Use),
  /** From here on it gets no new reference. */
  deletedAt: z.optional(z.iso.datetime()),
});
type Uses = z.infer<typeof Uses>;

const unused: Uses = { last: '', current: [] };

/** The uses of a version as they were read; a deletion is conditional on exactly this state. */
export interface UsesSeen {
  /** `undefined` if nobody ever referred to it. */
  readonly etag: string | undefined;
  /** Writers that are about to refer to it. */
  readonly current: readonly Pick<Use, 'by' | 'at'>[];
  /** Whether somebody began to delete it. */
  readonly isDeleted: boolean;
}

/** Somebody is about to refer to the version, or did so since its uses were read. */
export class VersionUsed extends UserError {
  override readonly name = 'VersionUsed';

  constructor(version: string, [use]: readonly Pick<Use, 'by' | 'at'>[] = [], options?: ErrorOptions) {
    const who = use ? `${use.by} began to use ${version} at ${use.at}` : `${version} was used in the meantime`;
    super(`${who}, so it was not deleted. Look at it again with "./cifar10 models gc --dry-run".`, options);
  }
}

/**
 * Writes something that refers to versions: none of them is deleted while `write` runs, and whoever deletes one later sees what it
 * wrote.
 *
 * @param by who writes, for people
 * @param versions ids; others, such as `none` or the path of a file, are no versions and are left out
 * @throws {UnknownVersion} one of them does not exist, or is being deleted; `write` was not called
 */
export async function whileUsing<Result>(
  store: ObjectStore,
  versions: Iterable<string | undefined>,
  by: string,
  write: () => Promise<Result>,
): Promise<Result> {
  const [version, ...others] = [...new Set(versions)].filter((each) => each !== undefined && isVersionId(each));
  if (version === undefined) return await write();
  if (!(await hasVersion(store, version))) throw new UnknownVersion(version, store);
  const use = { id: newId(), by, at: new Date().toISOString() };
  await change(store, version, ({ current, deletedAt }) => {
    if (deletedAt !== undefined) throw new UnknownVersion(version, store, 'is deleting this version');
    return current.some(({ id }) => id === use.id) ? undefined : { last: use.id, current: [...current, use] };
  });
  try {
    if (!(await hasVersion(store, version))) throw new UnknownVersion(version, store); // Deleted before the use began.
    return await whileUsing(store, others, by, write);
  } finally {
    const end = change(store, version, ({ current, ...uses }) =>
      current.some(({ id }) => id === use.id)
        ? { ...uses, last: newId(), current: current.filter(({ id }) => id !== use.id) }
        : undefined,
    );
    await end.catch(() => {}); // What was written stands; a use that does not end is taken for dead after a day.
  }
}

/** The uses of every version that has been referred to. */
export async function listUses(store: ObjectStore): Promise<Map<string, UsesSeen>> {
  const uses = new Map<string, UsesSeen>();
  const versions: string[] = [];
  for await (const { key } of store.list(PREFIX)) {
    const version = key.slice(PREFIX.length, -'.json'.length);
    if (isVersionId(version)) versions.push(version);
  }
  for await (const [version, seen] of mapInOrder(versions, PARALLEL, (each) => seeUses(store, each))) {
    uses.set(version, seen);
  }
  return uses;
}

export async function seeUses(store: ObjectStore, version: string): Promise<UsesSeen> {
  const { etag, uses } = await read(store, version);
  const isAlive = ({ at }: Use) => Date.now() - Date.parse(at) < ABANDONED_AFTER_MS;
  return { etag, current: uses.current.filter(isAlive), isDeleted: uses.deletedAt !== undefined };
}

/**
 * Decides that a version is deleted, if nobody used it since its uses were seen: from then on it gets no new reference. The caller
 * must have looked for references after it saw the uses.
 *
 * @throws {VersionUsed} somebody did, or is about to
 */
export async function decideDeletion(store: ObjectStore, version: string, seen: UsesSeen): Promise<void> {
  if (seen.isDeleted) return; // Somebody decided it, and was interrupted.
  if (seen.current.length > 0) throw new VersionUsed(version, seen.current);
  const deleted = { last: newId(), current: [], deletedAt: new Date().toISOString() };
  try {
    await write(store, version, deleted, seen.etag);
  } catch (error) {
    if (!(error instanceof WriteConflict)) throw error;
    throw new VersionUsed(version, (await seeUses(store, version)).current, { cause: error });
  }
}

/** Forgets the uses of a version of which nothing is left. */
export async function forgetUses(store: ObjectStore, version: string): Promise<void> {
  await store.delete(keyOf(version));
}

/** Changes the uses, again where somebody else was faster. @param next `undefined` leaves them as they are */
async function change(store: ObjectStore, version: string, next: (uses: Uses) => Uses | undefined): Promise<void> {
  for (;;) {
    const { etag, uses } = await read(store, version);
    const changed = next(uses);
    if (changed === undefined) return;
    try {
      await write(store, version, changed, etag);
      return;
    } catch (error) {
      if (!(error instanceof WriteConflict)) throw error;
      await sleep(Math.random() * CONFLICT_PAUSE_MS);
    }
  }
}

async function read(store: ObjectStore, version: string): Promise<{ readonly etag: string | undefined; uses: Uses }> {
  const object = await store.get(keyOf(version));
  return { etag: object?.etag, uses: object ? decodeJson(Uses, object.body, keyOf(version)) : unused };
}

async function write(store: ObjectStore, version: string, uses: Uses, etag: string | undefined): Promise<void> {
  const only = etag === undefined ? 'absent' : { ifMatch: etag };
  const body = encodeJson(checked(Uses, uses, keyOf(version)));
  await store.put(keyOf(version), body, { only, contentType: 'application/json' });
}

function newId(): string {
  return randomBytes(6).toString('hex');
}

function keyOf(version: string): string {
  return `${PREFIX}${version}.json`;
}
