import { median } from '#environment/median.ts';
import type { Card } from '#models/card.ts';
import { MalformedObject } from '#models/json.ts';
import type { ItemOf, Plan, PlanOf } from '#models/plans/plan.ts';
import { readResults } from '#models/plans/results.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { listVersions, readCard } from '#models/versions.ts';
import { resolveRecipe } from '#training/recipe/settings.ts';
import { settingsSchema } from '#training/recipe/settings-schema.ts';
import { fromStoredSettings } from '#training/recipe/stored-settings.ts';
import type { Device } from '../batch/queues.ts';
import { BYTE_SECONDS, PICTURE_SECONDS } from '../cost/fleet-cost.ts';
import { runSeconds, trainingSeconds } from '../cost/training-seconds.ts';

/** Cards or results that are read at most: enough for a median. */
const READ = 16;

/** Where nothing nearer is measured: docs/results.md. */
export const MEASURED = 'as measured on 2 cores';

/** How long items take on one machine, and what that is computed from. */
export interface ItemSeconds {
  readonly seconds: readonly number[];
  /** A clause, such as `by 3 runs in the store`. */
  readonly basis: string;
}

export interface ItemSecondsOptions {
  /** The id of the plan, whose results tell best how long items take. */
  readonly id: string;
  readonly device: Device;
  /** Of a child that classifies. */
  readonly cores: number;
  /** Training images of the data set, the held-out ones included. @default CIFAR-10's 50,000 */
  readonly images?: number | undefined;
}

/**
 * How long each of some items of a plan takes. It is computed from figures measured on two cores, and set right by what is
 * measured nearer: results of the plan, or else trainings of the store on the same kind of device.
 *
 * @param shards that are asked for: those without a result
 * @returns in the order of the plan's items
 */
export async function secondsOfItems(
  store: ObjectStore,
  plan: Plan,
  shards: ReadonlySet<string>,
  options: ItemSecondsOptions,
): Promise<ItemSeconds> {
  const estimated = estimateItems(plan, options);
  const others = estimated.filter(({ shard }) => !shards.has(shard));
  const done = await speedOfResults(store, options.id, others);
  const measured =
    done ?? (plan.kind === 'sweep' ? await speedOfCards(store, recipesOf(plan), options.device) : undefined);
  const factor = measured === undefined ? 1 : 1 / measured.speed;
  return {
    seconds: estimated.filter(({ shard }) => shards.has(shard)).map(({ seconds }) => factor * seconds),
    basis: measured?.basis ?? (plan.kind === 'sweep' ? MEASURED : 'as measured with small pictures'),
  };
}

interface Estimated {
  readonly shard: string;
  readonly seconds: number;
}

function estimateItems(plan: Plan, { cores, images }: ItemSecondsOptions): Estimated[] {
  if (plan.kind === 'classify') {
    return plan.items.map(({ shard, objects, bytes }) => ({
      shard,
      seconds: (PICTURE_SECONDS * objects + BYTE_SECONDS * bytes) / cores,
    }));
  }
  const known = new Map<string, number>(); // Runs that differ in the seed alone take as long.
  return plan.items.map((item) => {
    const { shard, group } = item;
    const seconds = known.get(group) ?? runSeconds(settingsOf(item), { images, hasTest: false });
    known.set(group, seconds);
    return { shard, seconds };
  });
}

function settingsOf({ recipe, set }: ItemOf<'sweep'>) {
  return resolveRecipe(recipe, set).settings;
}

/** How fast machines have been. */
export interface Speed {
  /** Times as fast as estimated. */
  readonly speed: number;
  readonly basis: string;
}

async function speedOfResults(
  store: ObjectStore,
  id: string,
  estimated: readonly Estimated[],
): Promise<Speed | undefined> {
  const byShard = new Map(estimated.map(({ shard, seconds }) => [shard, seconds]));
  const speeds: number[] = [];
  for await (const { shard, result } of readResults(store, id, byShard.keys())) {
    if (result.seconds > 0) speeds.push(byShard.get(shard)! / result.seconds);
    if (speeds.length === READ) break;
  }
  return speeds.length === 0
    ? undefined
    : { speed: median(speeds), basis: `by ${counted(speeds.length, 'result')} of it` };
}

function recipesOf({ items }: PlanOf<'sweep'>): ReadonlySet<string> {
  return new Set(items.map(({ recipe }) => recipe));
}

/**
 * By trainings of CIFAR-10 on the same kind of device: those of the named recipes, or else all.
 *
 * @returns `undefined` where the store has none
 */
export async function speedOfCards(
  store: ObjectStore,
  recipes: ReadonlySet<string>,
  device: Device,
): Promise<Speed | undefined> {
  const found: { readonly speed: number; readonly isOfPlan: boolean }[] = [];
  for (const version of (await listVersions(store)).slice(0, READ)) {
    const card = await readableCard(store, version);
    if (card === undefined || card.name !== 'cifar10' || (card.host.gpu !== undefined) !== (device === 'gpu')) continue;
    const settings = settingsSchema.safeParse(fromStoredSettings(card.recipe.settings));
    if (!settings.success || card.trainingSeconds <= 0) continue;
    const estimated = trainingSeconds({ ...settings.data, epochs: card.epochs });
    found.push({ speed: estimated / card.trainingSeconds, isOfPlan: recipes.has(card.recipe.name) });
  }
  const ofPlan = found.filter(({ isOfPlan }) => isOfPlan);
  const used = ofPlan.length > 0 ? ofPlan : found;
  if (used.length === 0) return undefined;
  return { speed: median(used.map(({ speed }) => speed)), basis: `by ${counted(used.length, 'run')} in the store` };
}

/** A damaged version is of no use here; that is said where it is wanted. */
async function readableCard(store: ObjectStore, version: string): Promise<Card | undefined> {
  return readCard(store, version).catch((error: unknown) => {
    if (error instanceof MalformedObject) return undefined;
    throw error;
  });
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
