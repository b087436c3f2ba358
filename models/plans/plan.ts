import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import { NotFound, UsageError } from '#errors/user-error.ts';
import { checked, MalformedObject } from '../json.ts';
import { checkKey } from '../stores/key.ts';
import type { ObjectStore } from '../stores/object-store.ts';
import { whileUsing } from '../version-uses.ts';
import { putFirst } from './put-first.ts';

/** The most items of a plan. */
export const MAXIMUM_ITEMS = 1_000_000;
/** The most bytes of a `plan.json`: each child reads it whole, in a container of 2 GB at least. */
const MAXIMUM_BYTES = 256 * 2 ** 20;

const ID = /^[0-9a-f]{12}$/;
/** Hexadecimal digits of a shard's id. With twelve, two of a million items would share an id in one plan of some 560. */
export const SHARD_DIGITS = 16;
const count = z.number().check(z.int(), z.nonnegative());
const sha256 = z.string().check(z.regex(/^[0-9a-f]{64}$/));
/** The id of a shard. */
export const ShardId = z.string().check(z.regex(new RegExp(`^[0-9a-f]{${SHARD_DIGITS}}$`)));

/** A training run of a sweep. */
export const SweepItem = z.strictObject({
  shard: ShardId,
  /** How people tell the runs apart, such as `learningRate=0.2 seed=3`. */
  name: z.string(),
  recipe: z.string(),
  /** Changes of the recipe's settings, `key=value` each. */
  set: z.array(z.string()),
  seed: count,
  /** A data set as `train --data` takes it. */
  data: z.string(),
  /** The version whose weights the run begins with, or `none`. @default as `train --from` */
  from: z.optional(z.string()),
  /** The settings without the seed: the runs of a group differ in the seed alone. */
  group: z.string(),
});
export type SweepItem = z.infer<typeof SweepItem>;

/** Some thousand pictures that one child classifies. */
const ClassifyItem = z.strictObject({
  shard: ShardId,
  /** The object that lists them, one line of JSON each, and its digest. */
  list: z.strictObject({ key: z.string(), sha256 }),
  objects: count,
  bytes: count,
});

const common = {
  /** Digest of the sources that the children must have, as `sourcesDigest` gives it. */
  code: sha256,
  /** What decides the results of all items alike: JSON that the kind's own schema reads. */
  options: z.record(z.string(), z.unknown()),
};

/** Work for many children, each item independent of the others: `plan.json`, which never changes. */
export const Plan = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('sweep'), ...common, items: z.array(SweepItem) }),
  z.strictObject({ kind: z.literal('classify'), ...common, items: z.array(ClassifyItem) }),
]);
export type Plan = z.infer<typeof Plan>;
export type PlanKind = Plan['kind'];
export type PlanOf<Kind extends PlanKind> = Extract<Plan, { kind: Kind }>;
export type ItemOf<Kind extends PlanKind> = PlanOf<Kind>['items'][number];

/** What a plan is made of: its items have no ids yet. */
export interface PlanDraft<Kind extends PlanKind> {
  readonly kind: Kind;
  readonly code: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly items: readonly Omit<ItemOf<Kind>, 'shard'>[];
}

/** There is no plan of this id in the store. */
export class UnknownPlan extends NotFound {
  override readonly name = 'UnknownPlan';

  constructor(id: string, store: ObjectStore) {
    super(
      `${store.url} has no plan ${JSON.stringify(id)}. A plan's id is 12 of 0–9 and a–f. Look at "./cifar10 jobs".`,
    );
  }
}

/** `plan.json` is not what was written: its id is the digest of its bytes. */
export class DamagedPlan extends UsageError {
  override readonly name = 'DamagedPlan';

  constructor(id: string, problem: string, options?: ErrorOptions) {
    super(
      `${planKey(id, 'plan.json')} is damaged: ${problem}. Restore it; or delete it, and run the command that made the plan ` +
        'again: the same items are the same plan, and results are kept.',
      options,
    );
  }
}

/**
 * A plan with the ids of its shards: 16 hexadecimal digits of the digest of an item, the same in every plan.
 *
 * @throws {UsageError} there are no items, more than 1,000,000, or two that are the same; nothing was written
 */
export function makePlan<Kind extends PlanKind>({ kind, code, options, items }: PlanDraft<Kind>): PlanOf<Kind> {
  if (items.length === 0) throw new UsageError('The plan has no items. Give it at least one.');
  if (items.length > MAXIMUM_ITEMS) {
    throw new UsageError(
      `The plan has ${items.length.toLocaleString('en')} items, and ${MAXIMUM_ITEMS.toLocaleString('en')} are the most. ` +
        (kind === 'sweep' ? 'Sweep fewer settings or seeds.' : 'Put more pictures into a shard.'),
    );
  }
  const seen = new Set<string>();
  const withIds = items.map((item, index) => {
    const id = digestOf(canonical(item)).slice(0, SHARD_DIGITS);
    if (seen.has(id)) throw new UsageError(`Item ${index + 1} of the plan is there twice: ${JSON.stringify(item)}`);
    seen.add(id);
    return { ...item, shard: id };
  });
  return checked(Plan, { kind, code, options, items: withIds }, 'The plan') as PlanOf<Kind>;
}

/** The digest of the plan's content: the same items, options and code are the same plan. */
export function planId(plan: Plan): string {
  return digestOf(encodePlan(plan)).slice(0, 12);
}

/**
 * Writes a plan, or finds that it is there: a second writer of the same plan changes nothing.
 *
 * @returns its id, and whether it was new
 * @throws {UsageError} it is too large; nothing was written. @throws {DamagedPlan} another content is stored at its id
 * @throws {UnknownVersion} a version that it names was deleted; nothing was written
 */
export async function createPlan(
  store: ObjectStore,
  plan: Plan,
): Promise<{ readonly id: string; readonly isNew: boolean }> {
  const body = encodePlan(plan);
  const id = digestOf(body).slice(0, 12);
  const isNew = await whileUsing(store, versionsOf(plan), `plan ${id}`, () =>
    putFirst(store, planKey(id, 'plan.json'), body),
  );
  if (!isNew) await readPlan(store, id); // Damage is better found now than by each child.
  return { id, isNew };
}

/** The versions that a plan's work begins with or asks; among them may be what is no version, such as `none`. */
export function versionsOf({ kind, options, items }: Plan): Set<string> {
  const named =
    kind === 'classify'
      ? [options.version].filter((version) => typeof version === 'string')
      : items.flatMap(({ from }) => from ?? []);
  return new Set(named);
}

/** @throws {UnknownPlan} there is none. @throws {DamagedPlan} it is not what was written, or of another form */
export async function readPlan(store: ObjectStore, id: string): Promise<Plan> {
  const object = isPlanId(id) ? await store.get(planKey(id, 'plan.json')) : undefined;
  if (object === undefined) throw new UnknownPlan(id, store);
  if (digestOf(object.body).slice(0, 12) !== id)
    throw new DamagedPlan(id, 'its content has another digest than its id');
  try {
    return checked(Plan, JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(object.body)), id);
  } catch (error) {
    if (!(error instanceof MalformedObject)) throw error;
    throw new DamagedPlan(id, 'it has the form of another release', { cause: error });
  }
}

/** Whether the text has the form of a plan's id. */
export function isPlanId(text: string): boolean {
  return ID.test(text);
}

/** The key of a plan's object. @param path such as `plan.json` or `results/0123456789abcdef.json` */
export function planKey(id: string, path: string): string {
  const key = `plans/${id}/${path}`;
  checkKey(key);
  return key;
}

/**
 * JSON with one item a line and sorted members: the same content has the same bytes.
 *
 * @throws {UsageError} it is too large
 */
function encodePlan({ items, ...plan }: Plan): Uint8Array {
  const head = canonical(plan).slice(0, -1);
  const lines: string[] = [];
  let size = head.length;
  for (const item of items) {
    const line = canonical(item);
    size += Buffer.byteLength(line) + 2;
    if (size > MAXIMUM_BYTES) {
      throw new UsageError(
        `The plan is larger than ${MAXIMUM_BYTES / 2 ** 20} MiB, the most that a child reads. Make it of fewer items, or of shorter ones.`,
      );
    }
    lines.push(line);
  }
  return new TextEncoder().encode(`${head},"items":[\n${lines.join(',\n')}\n]}\n`);
}

/** JSON without blanks, the members of each object sorted by name, undefined ones left out. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) => {
    if (typeof member !== 'object' || member === null || Array.isArray(member)) return member;
    return Object.fromEntries(Object.entries(member).sort(([one], [other]) => (one < other ? -1 : 1)));
  });
}

function digestOf(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
