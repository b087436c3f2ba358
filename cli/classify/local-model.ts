import { NoModelYet } from '#inference/serving/model-errors.ts';
import { openServedStore } from '#inference/serving/served-store.ts';
import { type BulkModel, readBulkModel } from '#jobs/bulk/bulk-model.ts';
import { readAlias, resolveVersion } from '#models/aliases.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';

/**
 * Reads the version that answers for a store: the one that is named, or `production`, or the one trained last where none was
 * promoted. It must answer its golden images as training did.
 *
 * @param url a folder or `s3://<bucket>`
 * @throws {UsageError} it is neither, or the store has no such version. @throws {NoModelYet} the store has no model
 * @throws {GoldenMismatch | DamagedVersion} the version cannot be used
 */
export async function readLocalModel(url: string, name: string | undefined): Promise<BulkModel> {
  const store = await openServedStore(url);
  const alias = name ?? (await firstAlias(store));
  if (alias === undefined) throw new NoModelYet('production', store);
  const version = await resolveVersion(store, alias);
  return readBulkModel(store, version, alias === version ? undefined : alias);
}

async function firstAlias(store: ObjectStore): Promise<string | undefined> {
  for (const alias of ['production', 'candidate']) if (await readAlias(store, alias)) return alias;
  return undefined;
}
