import { loadClassifier } from '#inference/serving/classifier.ts';
import type { Card } from '#models/card.ts';
import type { Golden } from '#models/golden.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { readVersion, type VerifiedVersion } from '#models/versions.ts';

/** A version whose bytes and answers were verified, for any thread to run. */
export interface BulkModel {
  readonly version: string;
  /** The alias that led to it, if one did. */
  readonly alias: string | undefined;
  readonly card: Card;
  readonly golden: Golden;
  /** `model.json` and `weights.bin`, in memory that threads share. */
  readonly files: Readonly<Record<string, Uint8Array>>;
}

/**
 * Reads a version. It must answer its golden images as training did.
 *
 * @param version an id
 * @param alias that led to it, if one did
 * @throws {UnknownVersion} the store has no such version
 * @throws {GoldenMismatch | DamagedVersion} the version cannot be used
 */
export async function readBulkModel(store: ObjectStore, version: string, alias?: string): Promise<BulkModel> {
  const found = await readVersion(store, version, { only: ['model.json', 'weights.bin'] });
  (await loadClassifier(found)).dispose();
  return bulkModelOf(found, alias);
}

/** A version that was read and verified already. */
export function bulkModelOf({ id, card, golden, file }: VerifiedVersion, alias?: string): BulkModel {
  const files = Object.fromEntries(['model.json', 'weights.bin'].map((path) => [path, shared(file(path))]));
  return { version: id, alias, card, golden, files };
}

function shared(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}
