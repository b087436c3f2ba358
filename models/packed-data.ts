import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import { UserError } from '#errors/user-error.ts';
import { DataIdentity } from './data-identity.ts';
import { checked, decodeJson, encodeJson } from './json.ts';
import { type ObjectStore, WriteConflict } from './stores/object-store.ts';

const count = z.number().check(z.int(), z.nonnegative());
const perChannel = z.array(z.number()).check(z.minLength(1));

/** The labels and then the pixels of a split, cut into parts, which are joined again in their order. */
const PackedSplit = z.object({
  count: count.check(z.positive()),
  parts: z.array(z.object({ bytes: count, sha256: z.string().check(z.regex(/^[0-9a-f]{64}$/)) })),
});
export type PackedSplit = z.infer<typeof PackedSplit>;

/** A data set that a store keeps, so that other machines can train and measure on it: `set.json` of its folder. */
export const PackedData = z.extend(DataIdentity, {
  title: z.string(),
  classes: z.array(z.string().check(z.minLength(1))).check(z.minLength(2)),
  images: z.object({
    size: z.tuple([count, count, count]),
    /** How pictures of another shape became ones of this size. */
    fit: z.enum(['crop', 'pad', 'stretch']),
    mean: perChannel,
    deviation: perChannel,
  }),
  /** Of a label; little-endian. */
  labelBytes: z.union([z.literal(1), z.literal(2)]),
  heldOutImages: z.enum(['stratified', 'last']),
  heldOut: z.optional(count),
  train: PackedSplit,
  test: PackedSplit,
});
export type PackedData = z.infer<typeof PackedData>;

/** The folder of a packed data set, `data/<name>/<sha256>`: the digest is that of its `set.json`, which has those of all else. */
const FOLDER = /^data\/[a-z0-9][a-z0-9-]{0,63}\/([0-9a-f]{64})$/;

/** @returns `undefined` if an address is not that of a packed data set in a bucket */
export function packedAddress(address: string): { readonly store: string; readonly folder: string } | undefined {
  const [, store = '', folder = ''] = /^(s3:\/\/[^/]+)\/(.*[^/])\/?$/.exec(address) ?? [];
  return FOLDER.test(folder) ? { store, folder } : undefined;
}

/** The key of a part of a split. */
export function partKey(folder: string, split: 'train' | 'test', part: number): string {
  return `${folder}/${split}-${String(part).padStart(5, '0')}.bin`;
}

/**
 * Puts a data set into a store, unless it is there: its parts first, so that whoever finds its `set.json` finds all of it. An
 * interrupted one resumes with the parts that are missing.
 *
 * @param parts returns the bytes of a part of a split
 * @returns the folder
 */
export async function putPackedData(
  store: ObjectStore,
  data: PackedData,
  parts: (split: 'train' | 'test', part: number) => Uint8Array,
  onPart: (done: number, all: number) => void = () => {},
): Promise<string> {
  const body = encodeJson(checked(PackedData, data, 'set.json'));
  const folder = `data/${data.name}/${createHash('sha256').update(body).digest('hex')}`;
  if (await isThere(store, `${folder}/set.json`)) return folder;
  const wanted = (['train', 'test'] as const).flatMap((split) =>
    data[split].parts.map((_, part) => ({ split, part, key: partKey(folder, split, part) })),
  );
  let done = 0;
  for (const { split, part, key } of wanted) {
    await putOnce(store, key, parts(split, part));
    onPart(++done, wanted.length);
  }
  await putOnce(store, `${folder}/set.json`, body, 'application/json');
  return folder;
}

/**
 * Reads what a packed data set is.
 *
 * @param folder as `putPackedData` returned it
 * @throws {UserError} there is none, or it is damaged
 */
export async function readPackedData(store: ObjectStore, folder: string): Promise<PackedData> {
  const key = `${folder}/set.json`;
  const object = await store.get(key);
  if (object === undefined) {
    throw new UserError(
      `${store.url} has no data set ${folder}. Submit the training again with --data: that puts it there.`,
    );
  }
  if (createHash('sha256').update(object.body).digest('hex') !== FOLDER.exec(folder)?.[1]) {
    throw damagedData(store, key);
  }
  return decodeJson(PackedData, object.body, key);
}

/** @param key of the object that is not what was written */
export function damagedData(store: ObjectStore, key: string): UserError {
  return new UserError(
    `${store.url}/${key} is damaged. Delete its folder, and submit the training again with --data: that puts it there again.`,
  );
}

/**
 * Looks for a packed data set by its test images.
 *
 * @returns its folder; `undefined` if the store has none
 */
export async function findPackedData(
  store: ObjectStore,
  { name, sha256: { test } }: { readonly name: string; readonly sha256: Readonly<Record<string, string>> },
): Promise<string | undefined> {
  for await (const { key } of store.list(`data/${name}/`)) {
    const folder = key.slice(0, key.lastIndexOf('/'));
    if (!key.endsWith('/set.json') || !FOLDER.test(folder)) continue;
    if ((await readPackedData(store, folder)).sha256.test === test) return folder;
  }
  return undefined;
}

async function isThere(store: ObjectStore, key: string): Promise<boolean> {
  for await (const found of store.list(key)) return found.key === key;
  return false;
}

/** What is there is the same: the key of its folder is a digest of it. */
async function putOnce(store: ObjectStore, key: string, body: Uint8Array, contentType?: string): Promise<void> {
  try {
    await store.put(key, body, { only: 'absent', ...(contentType && { contentType }) });
  } catch (error) {
    if (!(error instanceof WriteConflict)) throw error;
  }
}
