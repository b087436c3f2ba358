import { UserError } from '#errors/user-error.ts';
import { listAliases } from './aliases.ts';
import type { ObjectStore } from './stores/object-store.ts';
import { contentTypeOf, isVersionId, manifestKey, UnknownVersion, versionKeys } from './versions.ts';

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
 * Deletes a version for good. Its manifest goes first: without it no reader takes the rest for a version, so a deletion that is
 * killed leaves nothing half visible, and the next one completes it.
 *
 * @returns the number of deleted objects
 * @throws {VersionInUse} an alias points to it; it is as it was
 * @throws {UnknownVersion} the store has no such version, not even a part of one
 */
export async function deleteVersion(store: ObjectStore, version: string): Promise<number> {
  const keys = isVersionId(version) ? await versionKeys(store, version) : [];
  if (keys.length === 0) throw new UnknownVersion(version, store);
  await refuseIfInUse(store, version);
  const manifest = await store.get(manifestKey(version));
  await store.delete(manifestKey(version));
  // No alias moves to a version without a manifest; one may have moved just before.
  await refuseIfInUse(store, version).catch(async (error: unknown) => {
    if (manifest) {
      const contentType = contentTypeOf(manifestKey(version));
      await store.put(manifestKey(version), manifest.body, { only: 'absent', contentType });
    }
    throw error;
  });
  for (const key of keys) await store.delete(key);
  return keys.length;
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
