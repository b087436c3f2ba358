import { mapInOrder } from '#environment/map-in-order.ts';
import { UserError } from '#errors/user-error.ts';
import { listAliases, rememberedBy } from '../aliases.ts';
import { type Card, parentName } from '../card.ts';
import { listPlans } from '../plans/list-plans.ts';
import { readPlan, versionsOf } from '../plans/plan.ts';
import { missingShards } from '../plans/shards.ts';
import type { ObjectStore } from '../stores/object-store.ts';
import { listUses, type UsesSeen } from '../version-uses.ts';
import { hasVersion, listSizes, listVersions, readCard } from '../versions.ts';
import { type RunCheckpoints, readRuns, type StoredRuns } from './stored-runs.ts';

/** Cards read at a time. */
const PARALLEL = 8;

export interface GarbageOptions {
  /** The newest versions that stay, whatever refers to them. @default 0 */
  readonly keep?: number;
  /** Versions that are not older stay. @default none */
  readonly olderThan?: Date | undefined;
}

/** What may be deleted of a store, and what stays. Sizes are in bytes. */
export interface Garbage {
  /** Versions that nothing refers to, each before the one that it began with. */
  readonly versions: readonly UnusedVersion[];
  /** Checkpoints of finished runs. */
  readonly checkpoints: readonly RunCheckpoints[];
  /** The newest first. */
  readonly kept: readonly KeptVersion[];
}

interface StoredVersion {
  readonly version: string;
  readonly bytes: number;
  /** Absent where the deletion of the version was interrupted. */
  readonly card?: Card;
}

export interface UnusedVersion extends StoredVersion {
  /** Its uses as they were before references were looked for. */
  readonly uses: UsesSeen;
}

export interface KeptVersion extends StoredVersion {
  /** Why it stays, in sentences without a full stop, such as `production points to it`. */
  readonly why: readonly string[];
}

/** What a version refers to cannot be read, so it is unknown what may be deleted. */
class UnknownReferences extends UserError {
  override readonly name = 'UnknownReferences';

  constructor(cause: UserError, remedy = '') {
    super(`${cause.message} What it refers to is unknown, so nothing was deleted.${remedy}`, { cause });
  }
}

const unused: UsesSeen = { etag: undefined, current: [], isDeleted: false };

/**
 * Finds the versions that nothing refers to. A reference is: an alias and what it remembers; a run that may resume, for what it
 * begins with and for what it has published; a plan that is not done; a sweep, for what it published; and each version that
 * stays, for what it began with.
 *
 * The order of the reads matters: a reference that moves from one object to another while this reads is seen in one of them. See
 * docs/decisions/model-gc.md.
 *
 * @throws {UnknownReferences} a version, a run or a plan is damaged: what it refers to is unknown
 */
export async function findGarbage(store: ObjectStore, options: GarbageOptions = {}): Promise<Garbage> {
  const uses = await orUnknown(() => listUses(store));
  const before = new Set(await listVersions(store));
  const runs = await orUnknown(() => readRuns(store));
  const plans = await orUnknown(() => readPlans(store));
  const versions = await readVersions(store, uses);
  const reasons = new Map<string, string[]>();
  const keep = (version: string | undefined, why: string) => {
    if (version !== undefined) reasons.set(version, [...(reasons.get(version) ?? []), why]);
  };

  for (const [name, alias] of await listAliases(store)) {
    keep(alias.version, `${name} points to it`);
    for (const version of rememberedBy(alias)) keep(version, `${name} pointed to it before`);
  }
  for (const [version, { current }] of uses)
    for (const { by, at } of current) keep(version, `${by} uses it since ${at}`);
  keepForRuns(runs, plans, versions, keep);
  for (const [id, { waiting }] of plans) for (const version of waiting) keep(version, `plan ${id} is not done`);
  keepNewest(versions, before, options, keep);
  keepParents(versions, reasons);

  const isKept = ({ version }: StoredVersion) => reasons.has(version) && !uses.get(version)?.isDeleted;
  return {
    versions: childrenFirst(versions.filter((each) => !isKept(each))).map((each) => ({
      ...each,
      uses: uses.get(each.version) ?? unused,
    })),
    checkpoints: runs.checkpoints,
    kept: versions.filter(isKept).map((each) => ({ ...each, why: reasons.get(each.version)! })),
  };
}

type Keep = (version: string | undefined, why: string) => void;

interface StoredPlan {
  /** What the work that is left of it begins with or asks. */
  readonly waiting: ReadonlySet<string>;
}

async function readPlans(store: ObjectStore): Promise<Map<string, StoredPlan>> {
  const plans = new Map<string, StoredPlan>();
  for (const id of await listPlans(store)) {
    const plan = await readPlan(store, id);
    const isDone = (await missingShards(store, id, plan)).length === 0;
    plans.set(id, { waiting: isDone ? new Set() : versionsOf(plan) });
  }
  return plans;
}

/** The complete versions, the newest first, then those of which a part is left that was to be deleted. */
async function readVersions(store: ObjectStore, uses: ReadonlyMap<string, UsesSeen>): Promise<StoredVersion[]> {
  const complete: StoredVersion[] = [];
  const { versions: ids, bytes } = await listSizes(store);
  for await (const [version, card] of mapInOrder(ids, PARALLEL, (id) => cardOf(store, id, uses))) {
    if (card !== 'gone') complete.push({ version, bytes: bytes.get(version) ?? 0, ...(card && { card }) });
  }
  const parts = [...uses].filter(
    ([version, { isDeleted }]) => isDeleted && bytes.has(version) && !ids.includes(version),
  );
  return [...complete, ...parts.map(([version]) => ({ version, bytes: bytes.get(version) ?? 0 }))];
}

/** @returns undefined where the version is being deleted: its files may be gone. @throws {UnknownReferences} it is damaged */
async function cardOf(
  store: ObjectStore,
  version: string,
  uses: ReadonlyMap<string, UsesSeen>,
): Promise<Card | 'gone' | undefined> {
  try {
    return await readCard(store, version);
  } catch (error) {
    if (!(await hasVersion(store, version))) return 'gone'; // Deleted since it was listed.
    if (uses.get(version)?.isDeleted) return undefined;
    if (!(error instanceof UserError)) throw error;
    throw new UnknownReferences(
      error,
      ` Or delete it: "${`./cifar10 models delete ${version} ${store.commandOption}`.trimEnd()}".`,
    );
  }
}

function keepForRuns(
  { unfinished }: StoredRuns,
  plans: ReadonlyMap<string, StoredPlan>,
  versions: readonly StoredVersion[],
  keep: Keep,
): void {
  for (const [run, { parent }] of unfinished) keep(parent, `the run ${run} begins with it, and has not finished`);
  for (const { version, card } of versions) {
    if (card === undefined) continue;
    if (unfinished.has(card.run)) keep(version, `its run ${card.run} has not finished`);
    const sweep = card.run.split('.')[0]!;
    if (card.run.includes('.') && plans.has(sweep)) keep(version, `sweep ${sweep} keeps it`);
  }
}

function keepNewest(
  versions: readonly StoredVersion[],
  before: ReadonlySet<string>,
  { keep: most = 0, olderThan }: GarbageOptions,
  keep: Keep,
): void {
  for (const [index, { version }] of versions.entries()) {
    if (!before.has(version)) keep(version, 'it is being published');
    if (index < most) keep(version, most === 1 ? 'it is the newest' : `it is one of the newest ${most}`);
    if (olderThan !== undefined && madeAt(version) >= olderThan) {
      keep(version, `it is not older than ${olderThan.toISOString().slice(0, 16)}Z`);
    }
  }
}

/** Adds what versions that stay began with, and what that began with, and so on. */
function keepParents(versions: readonly StoredVersion[], reasons: Map<string, string[]>): void {
  const known = new Map(versions.map((each) => [each.version, each]));
  const parents = (version: string) => parentOf(known.get(version));
  const queue = versions.map(({ version }) => version).filter((version) => reasons.has(version));
  for (let child = queue.shift(); child !== undefined; child = queue.shift()) {
    const parent = parents(child);
    if (parent === undefined) continue;
    const why = reasons.get(parent);
    reasons.set(parent, [...(why ?? []), `${child} began with it`]);
    if (why === undefined) queue.push(parent);
  }
}

/** A deletion that ends early leaves no version without the one that it began with. */
function childrenFirst(versions: readonly StoredVersion[]): StoredVersion[] {
  const left = new Map(versions.map((each) => [each.version, each]));
  const sorted: StoredVersion[] = [];
  while (left.size > 0) {
    const parents = new Set([...left.values()].map(parentOf));
    const leaves = [...left.values()].filter(({ version }) => !parents.has(version));
    for (const each of leaves) {
      sorted.push(each);
      left.delete(each.version);
    }
  }
  return sorted;
}

function parentOf(version: StoredVersion | undefined): string | undefined {
  const parent = version?.card?.parent;
  return parent && 'version' in parent ? parentName(parent) : undefined;
}

/** The minute in a version's id, in UTC. */
function madeAt(version: string): Date {
  const [, year, month, day, hour, minute] = /^(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)/.exec(version) ?? [];
  return new Date(`${year}-${month}-${day}T${hour}:${minute}:00Z`);
}

async function orUnknown<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof UserError ? new UnknownReferences(error) : error;
  }
}
