import * as z from 'zod/mini';
import { UserError } from '#errors/user-error.ts';
import { checked, decodeJson, encodeJson } from './json.ts';
import { type ObjectStore, WriteConflict } from './stores/object-store.ts';
import { hasVersion, isVersionId, UnknownVersion } from './versions.ts';

const ALIAS_NAME = /^[a-z][a-z0-9-]{0,31}$/;

/** The version that a name stands for: `aliases/<name>.json`. */
export const Alias = z.object({
  version: z.string(),
  /** The version before; null at first. */
  previous: z.nullable(z.string()),
  /** Who moved it, a person or `run <id>`. */
  by: z.string(),
  at: z.iso.datetime(),
  reason: z.nullable(z.string()),
});
export type Alias = z.infer<typeof Alias>;

/** An alias as it was read; a move is conditional on exactly this state. */
export interface StoredAlias extends Alias {
  readonly etag: string;
}

export interface Move {
  /** A version's id. */
  readonly to: string;
  readonly by: string;
  /** @default none */
  readonly reason?: string | undefined;
  /** The result of `readAlias` that the decision to move was based on. */
  readonly expected: StoredAlias | undefined;
}

/** Somebody else moved the alias since it was read; their move stands. */
export class AliasMoved extends UserError {
  override readonly name = 'AliasMoved';

  constructor(alias: string, current: Alias | undefined, options?: ErrorOptions) {
    const whereto = current === undefined ? 'away' : `to ${current.version} by ${current.by}`;
    super(`${alias} was moved ${whereto} in the meantime. Look at it again before you move it.`, options);
  }
}

/** @returns `undefined` if the alias was never set. @throws {UserError} `name` is not a valid name */
export async function readAlias(store: ObjectStore, name: string): Promise<StoredAlias | undefined> {
  const key = keyOf(name);
  const object = await store.get(key);
  return object && { ...decodeJson(Alias, object.body, key), etag: object.etag };
}

/** Every alias of the store, by name. */
export async function listAliases(store: ObjectStore): Promise<Map<string, StoredAlias>> {
  const aliases = new Map<string, StoredAlias>();
  for await (const { key } of store.list('aliases/')) {
    const name = /^aliases\/(.+)\.json$/.exec(key)?.[1];
    const alias = name !== undefined && isAliasName(name) ? await readAlias(store, name) : undefined;
    if (name !== undefined && alias !== undefined) aliases.set(name, alias);
  }
  return aliases;
}

/**
 * Points an alias to a version, if nobody has moved it since the caller read it: of two simultaneous moves one wins. A move
 * to the current version changes nothing, so that `previous` stays what a rollback needs.
 *
 * @throws {AliasMoved} somebody else was there first
 * @throws {UnknownVersion} there is no complete version `to`
 */
export async function moveAlias(
  store: ObjectStore,
  name: string,
  { to, by, reason, expected }: Move,
): Promise<StoredAlias> {
  const key = keyOf(name);
  if (!(await hasVersion(store, to))) throw new UnknownVersion(to, store);
  if (expected?.version === to) return expected;
  const alias = checked(
    Alias,
    { version: to, previous: expected?.version ?? null, by, at: new Date().toISOString(), reason: reason ?? null },
    key,
  );
  const only = expected === undefined ? 'absent' : { ifMatch: expected.etag };
  try {
    const etag = await store.put(key, encodeJson(alias), { only, contentType: 'application/json' });
    return { ...alias, etag };
  } catch (error) {
    if (!(error instanceof WriteConflict)) throw error;
    throw new AliasMoved(name, await readAlias(store, name), { cause: error });
  }
}

/**
 * Points an alias to its version before. A second rollback undoes the first.
 *
 * @throws {UserError} it never pointed to another version
 */
export async function rollback(
  store: ObjectStore,
  name: string,
  { by, reason }: { readonly by: string; readonly reason?: string | undefined },
): Promise<StoredAlias> {
  const expected = await readAlias(store, name);
  if (expected === undefined) throw new UserError(`${name} points to no version yet; there is nothing to roll back.`);
  if (expected.previous === null) {
    throw new UserError(`${name} has always pointed to ${expected.version}; there is nothing to roll back to.`);
  }
  return moveAlias(store, name, { to: expected.previous, by, reason: reason ?? 'rollback', expected });
}

/**
 * The id of the version that is meant.
 *
 * @param versionOrAlias an id, which is returned unchecked, or the name of an alias
 * @throws {UnknownVersion} it is neither
 */
export async function resolveVersion(store: ObjectStore, versionOrAlias: string): Promise<string> {
  if (isVersionId(versionOrAlias)) return versionOrAlias;
  const alias = isAliasName(versionOrAlias) ? await readAlias(store, versionOrAlias) : undefined;
  if (alias === undefined) throw new UnknownVersion(versionOrAlias, store, 'has no such version or alias');
  return alias.version;
}

/** Whether the text is a valid name for an alias. */
export function isAliasName(text: string): boolean {
  return ALIAS_NAME.test(text);
}

function keyOf(name: string): string {
  if (!isAliasName(name)) {
    throw new UserError(`${JSON.stringify(name)} cannot name an alias. Use lower-case letters, digits and hyphens.`);
  }
  return `aliases/${name}.json`;
}
