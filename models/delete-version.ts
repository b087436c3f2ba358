import { UserError } from '#errors/user-error.ts';
import { listAliases } from './aliases.ts';
import type { ObjectStore } from './stores/object-store.ts';
import { decideDeletion, forgetUses, seeUses, VersionUsed } from './version-uses.ts';
import { isVersionId, manifestKey, UnknownVersion, versionKeys } from './versions.ts';

/** Objects deleted at a time. */
const PARALLEL = 8;

/** An alias points to the version, so somebody may be using it. */
export class VersionInUse extends UserError {
  override readonly name = 'VersionInUse';

  constructor(version: string, aliases: readonly string[], { commandOption }: ObjectStore) {
    const points = aliases.length === 1 ? 'points' : 'point';
    const promote = `./cifar10 models promote <version> --alias ${aliases[0]} ${commandOption}`.trimEnd();
    super(
      `${aliases.join(' and ')} ${points} to ${version}, so it was not deleted. Promote another version first: "${promote}".`,
    );
  }
}

/**
 * Deletes a version for good. From the moment that it is decided nothing can refer to the version anew.
 *
 * @returns the number of deleted objects
 * @throws {VersionInUse} an alias points to it; it is as it was
 * @throws {VersionUsed} somebody is about to refer to it; it is as it was
 * @throws {UnknownVersion} the store has no such version, not even a part of one
 */
export async function deleteVersion(store: ObjectStore, version: string): Promise<number> {
  const keys = isVersionId(version) ? await versionKeys(store, version) : [];
  if (keys.length === 0) throw new UnknownVersion(version, store);
  for (;;) {
    const seen = await seeUses(store, version);
    await refuseIfInUse(store, version);
    try {
      await decideDeletion(store, version, seen);
      break;
    } catch (error) {
      if (!(error instanceof VersionUsed) || seen.current.length > 0) throw error; // An alias may have moved: look again.
    }
  }
  await removeVersion(store, version);
  return keys.length;
}

/**
 * Removes a version whose deletion is decided. Its manifest goes first: without it no reader takes the rest for a version, so a
 * removal that is killed leaves nothing half visible. Its uses go last, so that the next one knows that this was a deletion.
 */
export async function removeVersion(store: ObjectStore, version: string): Promise<void> {
  const keys = await versionKeys(store, version);
  await store.delete(manifestKey(version));
  const others = keys.filter((each) => each !== manifestKey(version));
  for (let at = 0; at < others.length; at += PARALLEL) {
    const deletions = others.slice(at, at + PARALLEL).map((key) => store.delete(key));
    const failed = (await Promise.allSettled(deletions)).find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
  }
  await forgetUses(store, version);
}

async function refuseIfInUse(store: ObjectStore, version: string): Promise<void> {
  const aliases = [...(await listAliases(store))].filter(([, alias]) => alias.version === version);
  if (aliases.length > 0)
    throw new VersionInUse(
      version,
      aliases.map(([name]) => name),
      store,
    );
}
