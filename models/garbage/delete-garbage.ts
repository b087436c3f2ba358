import { removeVersion } from '../delete-version.ts';
import type { ObjectStore } from '../stores/object-store.ts';
import { decideDeletion, VersionUsed } from '../version-uses.ts';
import type { Garbage, UnusedVersion } from './find-garbage.ts';

/** What was deleted. Sizes are in bytes. */
export interface Deleted {
  readonly versions: readonly UnusedVersion[];
  /** Versions that somebody has used since they were found, and what these began with. */
  readonly spared: readonly { readonly version: string; readonly why: string }[];
  /** Finished runs that have no checkpoints any more. */
  readonly runs: readonly string[];
  readonly bytes: number;
}

/**
 * Deletes what `findGarbage` has found, but for versions that were used since. Whenever it is interrupted, nothing refers to what
 * is gone; the next one does the rest.
 */
export async function deleteGarbage(store: ObjectStore, { versions, checkpoints }: Garbage): Promise<Deleted> {
  const deleted: UnusedVersion[] = [];
  const spared = new Map<string, string>();
  for (const each of versions) {
    const { version, uses, card } = each;
    const why = spared.get(version) ?? (await decide(store, version, uses));
    if (why === undefined) {
      await removeVersion(store, version);
      deleted.push(each);
      continue;
    }
    spared.set(version, why);
    // Children come first, so that this is known before the turn of the parent.
    if (card?.parent && 'version' in card.parent)
      spared.set(card.parent.version, `${version} began with it, and stays`);
  }
  for (const { keys } of checkpoints) for (const key of keys) await store.delete(key);
  const gone = new Set(versions.map(({ version }) => version));
  return {
    versions: deleted,
    spared: [...spared].filter(([version]) => gone.has(version)).map(([version, why]) => ({ version, why })),
    runs: checkpoints.map(({ run }) => run),
    bytes: [...deleted, ...checkpoints].reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

/** @returns why the version stays; undefined where its deletion is decided */
async function decide(store: ObjectStore, version: string, uses: UnusedVersion['uses']): Promise<string | undefined> {
  try {
    await decideDeletion(store, version, uses);
    return undefined;
  } catch (error) {
    if (error instanceof VersionUsed) return error.message;
    throw error;
  }
}
