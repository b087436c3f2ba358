import * as z from 'zod/mini';
import { UserError } from '#errors/user-error.ts';
import { checked, decodeJson, encodeJson, MalformedObject } from './json.ts';
import { type ObjectStore, WriteConflict } from './stores/object-store.ts';
import { whileUsing } from './version-uses.ts';
import { DamagedVersion, hasVersion, isVersionId, readVersion, UnknownVersion } from './versions.ts';

const ALIAS_NAME = /^[a-z][a-z0-9-]{0,31}$/;
/** The most earlier versions that an alias remembers. */
const REMEMBERED = 20;

/** A version that an alias pointed to earlier. */
const Earlier = z.object({
  version: z.string(),
  /** Who moved the alias to it, and when; unknown where an earlier release replaced it. */
  by: z.optional(z.string()),
  at: z.optional(z.iso.datetime()),
  /** Whether it was promoted although the gate refused it. */
  isOverride: z.optional(z.boolean()),
});
export type Earlier = z.infer<typeof Earlier>;

/** The version that a name stands for: `aliases/<name>.json`. */
export const Alias = z.object({
  version: z.string(),
  /** The version before; null at first. */
  previous: z.nullable(z.string()),
  /** Who moved it, a person or `run <id>`. */
  by: z.string(),
  at: z.iso.datetime(),
  reason: z.nullable(z.string()),
  /** Whether it was moved although the gate refused the version. */
  isOverride: z.optional(z.boolean()),
  /**
   * What it pointed to before, the latest first. A rollback removes what it returns to and what it passes over, and what it
   * leaves is not added: rolling back again goes further back. Absent in objects of earlier releases.
   */
  history: z.optional(z.array(Earlier)),
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
  /** Whether the gate refuses the version. @default false */
  readonly isOverride?: boolean;
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
 * to the current version changes nothing, so that the history stays what a rollback needs.
 *
 * @throws {AliasMoved} somebody else was there first
 * @throws {UnknownVersion} there is no complete version `to`
 */
export async function moveAlias(
  store: ObjectStore,
  name: string,
  { to, by, reason, isOverride = false, expected }: Move,
): Promise<StoredAlias> {
  if (!(await hasVersion(store, to))) throw new UnknownVersion(to, store);
  if (expected?.version === to) return expected;
  const history = expected ? [earlierOf(expected), ...historyOf(expected)].slice(0, REMEMBERED) : [];
  return replaceAlias(
    store,
    name,
    { version: to, by, reason: reason ?? null, ...(isOverride && { isOverride }), history },
    expected,
  );
}

/** Where a rollback goes. */
export interface Rollback {
  /** The alias as it was read. */
  readonly from: StoredAlias;
  /** What it will point to again. */
  readonly to: Earlier;
  /** What it pointed to before that. */
  readonly history: readonly Earlier[];
  /** What it pointed to in between, and why that is passed over. */
  readonly passed: readonly { readonly version: string; readonly why: string }[];
}

/**
 * Finds the version that an alias pointed to before, of those that passed the gate and are still intact. A version that a
 * rollback has left is not returned to, however often one rolls back.
 *
 * @throws {UserError} there is none
 */
export async function planRollback(store: ObjectStore, name: string): Promise<Rollback> {
  const from = await readAlias(store, name);
  if (from === undefined) throw new UserError(`${name} points to no version yet; there is nothing to roll back.`);
  const passed: { version: string; why: string }[] = [];
  const history = historyOf(from);
  for (const [index, to] of history.entries()) {
    if (to.version === from.version) continue;
    const why = to.isOverride ? 'it was promoted by an override' : await damageOf(store, to.version);
    if (why === undefined) return { from, to, history: history.slice(index + 1), passed };
    passed.push({ version: to.version, why });
  }
  const others = passed.map(({ version, why }) => ` ${version} is passed over: ${why}.`).join('');
  throw new UserError(
    `${name} points to ${from.version}, and there is no earlier version to roll back to.${others} Promote the version that ` +
      'should be served.',
  );
}

/**
 * Points an alias to an earlier version again.
 *
 * @param plan of `planRollback`, if somebody was told of it. @default a new one
 * @throws {AliasMoved} somebody has moved the alias since the rollback was planned
 * @throws as `planRollback`
 */
export async function rollback(
  store: ObjectStore,
  name: string,
  {
    by,
    reason = 'rollback',
    plan,
  }: { readonly by: string; readonly reason?: string | undefined; readonly plan?: Rollback },
): Promise<StoredAlias> {
  const { from, to, history } = plan ?? (await planRollback(store, name));
  return replaceAlias(store, name, { version: to.version, by, reason, history: [...history] }, from);
}

/** @throws {AliasMoved} the alias is not `expected` any more. @throws {UnknownVersion} the version was deleted */
async function replaceAlias(
  store: ObjectStore,
  name: string,
  state: Omit<Alias, 'previous' | 'at'>,
  expected: StoredAlias | undefined,
): Promise<StoredAlias> {
  const key = keyOf(name);
  const alias = checked(Alias, { ...state, previous: expected?.version ?? null, at: new Date().toISOString() }, key);
  const only = expected === undefined ? 'absent' : { ifMatch: expected.etag };
  try {
    const etag = await whileUsing(store, [alias.version], alias.by, () =>
      store.put(key, encodeJson(alias), { only, contentType: 'application/json' }),
    );
    return { ...alias, etag };
  } catch (error) {
    if (!(error instanceof WriteConflict)) throw error;
    throw new AliasMoved(name, await readAlias(store, name), { cause: error });
  }
}

/** Objects of earlier releases tell an override by the reason alone. */
function earlierOf({ version, by, at, history, reason, ...alias }: Alias): Earlier {
  const isOverride = alias.isOverride ?? (history === undefined && reason?.includes('(override: '));
  return { version, by, at, ...(isOverride && { isOverride }) };
}

/** The other versions that an alias refers to: what it can be rolled back to, and the one that it pointed to before. */
export function rememberedBy(alias: Alias): Set<string> {
  const versions = [alias.previous, ...historyOf(alias).map(({ version }) => version)];
  return new Set(versions.filter((version) => version !== null && version !== alias.version)) as Set<string>;
}

/** An object of an earlier release has only the version before, which is not returned to if a rollback has left it. */
function historyOf({ history, previous, reason }: Alias): readonly Earlier[] {
  if (history !== undefined) return history;
  return previous === null || reason === 'rollback' ? [] : [{ version: previous }];
}

/** @returns `undefined` if the version is intact */
async function damageOf(store: ObjectStore, version: string): Promise<string | undefined> {
  try {
    await readVersion(store, version);
    return undefined;
  } catch (error) {
    if (error instanceof UnknownVersion) return 'it was deleted';
    if (error instanceof DamagedVersion || error instanceof MalformedObject) return 'it is damaged';
    throw error;
  }
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
