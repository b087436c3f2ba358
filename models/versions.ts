import { NotFound, UserError } from '#errors/user-error.ts';
import { Card } from './card.ts';
import { Golden, goldenProblem } from './golden.ts';
import { decodeJson, encodeJson, MalformedObject } from './json.ts';
import { Manifest, manifestOf, sha256Of, treeOf } from './manifest.ts';
import { isKey } from './stores/key.ts';
import { type ObjectStore, WriteConflict } from './stores/object-store.ts';

const PREFIX = 'models/';
const MANIFEST = 'manifest.json';
/** What every version has, besides its manifest. */
const REQUIRED = ['model.json', 'weights.bin', 'card.json', 'golden.json'];
const VERSION_ID = /^\d{8}-\d{4}-[0-9a-f]{8}$/;

/** A version of which every byte is as it was published. */
export interface VerifiedVersion {
  readonly id: string;
  readonly card: Card;
  readonly golden: Golden;
  readonly manifest: Manifest;
  /** @throws {RangeError} the version has no such file, or it was not read */
  file(path: string): Uint8Array;
}

/** There is no complete version with this name. */
export class UnknownVersion extends NotFound {
  override readonly name = 'UnknownVersion';
  readonly version: string;

  constructor(version: string, store: ObjectStore, detail = 'has no such version') {
    super(`${store.url} ${detail}: ${version}. "${listCommand(store)}" shows those that it has.`);
    this.version = version;
  }
}

/** A file of a version is missing, or is not the one that was published. */
export class DamagedVersion extends UserError {
  override readonly name = 'DamagedVersion';
  readonly version: string;
  /** The key of the damaged object. */
  readonly key: string;

  constructor(version: string, key: string, problem: string, store: ObjectStore) {
    super(`${key} in ${store.url} ${problem}. Restore it, or use another version ("${listCommand(store)}").`);
    this.version = version;
    this.key = key;
  }
}

/** The files of a version need more memory than there is; none of them was read. */
export class VersionTooLarge extends UserError {
  override readonly name = 'VersionTooLarge';

  constructor(version: string, bytes: number, atMost: number) {
    const megabytes = (count: number) => `${(count / 1e6).toFixed(1)} MB`;
    super(
      `${version} has ${megabytes(bytes)} of files, and there is memory for ${megabytes(atMost)}. ` +
        'Serve a smaller model, or give the program more memory.',
    );
  }
}

function listCommand({ commandOption }: ObjectStore): string {
  return `./cifar10 models list ${commandOption}`.trimEnd();
}

export function isVersionId(text: string): boolean {
  return VERSION_ID.test(text);
}

/**
 * Stores a version: its files first and the manifest last, so that an interrupted upload does not count as a version.
 *
 * @param files by path: `model.json`, `weights.bin`, `card.json`, `golden.json` and whatever else belongs to it
 * @returns the version's id, such as `20261123-0412-a1b2c3d4`: the minute (UTC) of the card's `createdAt`, and the digest
 *   of the files. The same files have the same id, so publishing them again completes an upload that was interrupted.
 * @throws {MalformedObject} a file is missing, its path is not a valid key, or the card or the golden vectors do not match their schema
 */
export async function publishVersion(store: ObjectStore, files: ReadonlyMap<string, Uint8Array>): Promise<string> {
  const file = (path: string): Uint8Array => {
    const body = files.get(path);
    if (body === undefined) throw new MalformedObject(path, 'a version must have it');
    return body;
  };
  for (const path of REQUIRED) file(path);
  const { card } = parseDocuments(file, '');
  for (const path of files.keys()) {
    if (!isKey(path) || path === MANIFEST) throw new MalformedObject(path, 'a version cannot have a file of this name');
  }
  const manifest = manifestOf(files);
  const id = `${minuteOf(card.createdAt)}-${manifest.tree.slice(0, 8)}`;
  for (const { path } of manifest.files) {
    await putOnce(store, keyOf(id, path), file(path), contentTypeOf(path));
  }
  await putOnce(store, keyOf(id, MANIFEST), encodeJson(manifest), contentTypeOf(MANIFEST));
  return id;
}

/**
 * Reads a version and checks every byte of it against the manifest, and the manifest against the id.
 *
 * @param only the files to read besides card and golden vectors; others are neither read nor checked. @default all
 * @param atMost bytes of all files that are read. @default any number
 * @throws {VersionTooLarge} by the manifest, they have more
 * @throws {UnknownVersion} the version does not exist, or its upload was interrupted
 * @throws {DamagedVersion} a file is missing or was changed; the message names it
 */
export async function readVersion(
  store: ObjectStore,
  version: string,
  { only, atMost = Number.POSITIVE_INFINITY }: { readonly only?: readonly string[]; readonly atMost?: number } = {},
): Promise<VerifiedVersion> {
  const manifest = await readManifest(store, version);
  const wanted = new Set(
    only === undefined ? manifest.files.map(({ path }) => path) : ['card.json', 'golden.json', ...only],
  );
  const bytes = manifest.files.reduce((sum, { path, size }) => sum + (wanted.has(path) ? size : 0), 0);
  if (bytes > atMost) throw new VersionTooLarge(version, bytes, atMost);
  const bodies = new Map<string, Uint8Array>();
  await Promise.all(
    [...wanted].map(async (path) => bodies.set(path, await readVerified(store, version, manifest, path))),
  );
  const file = (path: string): Uint8Array => {
    const body = bodies.get(path);
    if (body === undefined) throw new RangeError(`${path} of ${version} was not read.`);
    return body;
  };
  return { id: version, manifest, ...parseDocuments(file, keyOf(version, '')), file };
}

/** Reads and verifies the card alone. @throws as `readVersion` */
export async function readCard(store: ObjectStore, version: string): Promise<Card> {
  const manifest = await readManifest(store, version);
  return decodeJson(Card, await readVerified(store, version, manifest, 'card.json'), keyOf(version, 'card.json'));
}

/** Lists the ids of all complete versions, the newest first. */
export async function listVersions(store: ObjectStore): Promise<string[]> {
  return (await listSizes(store)).versions;
}

/** Lists all complete versions, the newest first, and the bytes of each version, also of one of which only a part is left. */
export async function listSizes(
  store: ObjectStore,
): Promise<{ readonly versions: string[]; readonly bytes: ReadonlyMap<string, number> }> {
  const versions: { readonly id: string; readonly published: number }[] = [];
  const bytes = new Map<string, number>();
  for await (const { key, size, modified } of store.list(PREFIX)) {
    const [, id = '', path, ...deeper] = key.split('/');
    if (!isVersionId(id)) continue;
    bytes.set(id, (bytes.get(id) ?? 0) + size);
    if (path === MANIFEST && deeper.length === 0) versions.push({ id, published: modified.getTime() });
  }
  versions.sort((a, b) => minuteIn(b.id).localeCompare(minuteIn(a.id)) || b.published - a.published);
  return { versions: versions.map(({ id }) => id), bytes };
}

/** The keys of all objects of a version, complete or not. */
export async function versionKeys(store: ObjectStore, version: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(keyOf(version, ''))) keys.push(key);
  return keys;
}

/** The key of the object that makes the others a version. */
export function manifestKey(version: string): string {
  return keyOf(version, MANIFEST);
}

/** Whether a complete version with this id exists; its bytes are not read. */
export async function hasVersion(store: ObjectStore, version: string): Promise<boolean> {
  return isVersionId(version) && (await store.get(keyOf(version, MANIFEST))) !== undefined;
}

async function readManifest(store: ObjectStore, version: string): Promise<Manifest> {
  if (!isVersionId(version)) throw new UnknownVersion(version, store);
  const key = keyOf(version, MANIFEST);
  const object = await store.get(key);
  if (object === undefined) {
    if ((await versionKeys(store, version)).length > 0) {
      throw new UnknownVersion(
        version,
        store,
        'has only a part of this version: its upload or deletion was interrupted',
      );
    }
    throw new UnknownVersion(version, store);
  }
  const manifest = decodeJson(Manifest, object.body, key);
  const tree = treeOf(manifest.files);
  if (tree !== manifest.tree || !version.endsWith(tree.slice(0, 8))) {
    throw new DamagedVersion(version, key, 'was changed: its digest is not the one in the id', store);
  }
  return manifest;
}

async function readVerified(
  store: ObjectStore,
  version: string,
  manifest: Manifest,
  path: string,
): Promise<Uint8Array> {
  const key = keyOf(version, path);
  const entry = manifest.files.find((file) => file.path === path);
  if (entry === undefined) throw new DamagedVersion(version, key, 'is not in the manifest', store);
  const body = (await store.get(key))?.body;
  if (body === undefined) {
    if (!(await hasVersion(store, version))) throw new UnknownVersion(version, store); // Deleted while it was read.
    throw new DamagedVersion(version, key, 'is missing', store);
  }
  const found = sha256Of(body);
  if (found !== entry.sha256 || body.length !== entry.size) {
    const sizes = body.length === entry.size ? '' : ` and ${body.length} bytes instead of ${entry.size}`;
    throw new DamagedVersion(version, key, `was changed: it has SHA-256 ${found}${sizes}`, store);
  }
  return body;
}

/** Parses card and golden vectors, and checks that they fit each other. */
function parseDocuments(file: (path: string) => Uint8Array, prefix: string): { card: Card; golden: Golden } {
  const card = decodeJson(Card, file('card.json'), `${prefix}card.json`);
  const golden = decodeJson(Golden, file('golden.json'), `${prefix}golden.json`);
  const problem = goldenProblem(golden, card);
  if (problem !== undefined) throw new MalformedObject(`${prefix}golden.json`, problem);
  return { card, golden };
}

/** Writes an object that never changes: if it exists with other bytes, the write is refused. */
async function putOnce(store: ObjectStore, key: string, body: Uint8Array, contentType: string): Promise<void> {
  try {
    await store.put(key, body, { only: 'absent', contentType });
  } catch (error) {
    if (!(error instanceof WriteConflict)) throw error;
    const existing = await store.get(key);
    if (existing === undefined || sha256Of(existing.body) !== sha256Of(body)) throw error;
  }
}

function keyOf(version: string, path: string): string {
  return `${PREFIX}${version}/${path}`;
}

/** The minute in UTC, such as `20261123-0412`. */
function minuteOf(date: string): string {
  const [, year, month, day, hour, minute] = /^(\d+)-(\d+)-(\d+)T(\d+):(\d+)/.exec(new Date(date).toISOString()) ?? [];
  return `${year}${month}${day}-${hour}${minute}`;
}

function minuteIn(version: string): string {
  return version.slice(0, 13);
}

/** The media type of a file, by the end of its name. */
export function contentTypeOf(path: string): string {
  const types: Record<string, string> = {
    json: 'application/json',
    md: 'text/markdown; charset=utf-8',
    html: 'text/html; charset=utf-8',
    svg: 'image/svg+xml',
    png: 'image/png',
    csv: 'text/csv; charset=utf-8',
  };
  return types[path.split('.').at(-1) ?? ''] ?? 'application/octet-stream';
}
