import prices from '#cli/cost/prices.json' with { type: 'json' };
import { machineHour } from '#cli/cost/training-cost.ts';
import { assumed, documented, instanceStart, type Measured, type Pictures, requestPrices } from './constants.ts';

/** Pictures of a shard at most, and its bytes: what is lost when a child is killed, and what is a few minutes' work. */
const SHARD_OBJECTS = 5_000;
const SHARD_BYTES = 4 * 2 ** 30;
const CHILD_VCPUS = 2;
const INSTANCE = 'c7a.large';

export interface Bulk {
  readonly pictures: number;
  readonly kind: Pictures;
  /** Of all instances together. */
  readonly vcpus: number;
  /** Prefixes that S3 has partitioned the pictures into. @default 1 */
  readonly prefixes?: number;
}

/** What a classification of a prefix takes. Seconds, unless a name says otherwise. */
export interface BulkCost {
  readonly shards: number;
  readonly children: number;
  readonly list: number;
  /** To write the lists and the plan. */
  readonly plan: number;
  readonly start: number;
  readonly work: number;
  /** What bounds the work. */
  readonly bound: 'cores' | 'S3';
  readonly merge: number;
  readonly seconds: number;
  readonly listBytes: number;
  readonly answerBytes: number;
  readonly dollars: {
    readonly machines: number;
    /** The same machines on Spot, with the work that is done twice. */
    readonly spot: number;
    readonly requests: number;
    /** The answers, on their way to who merges them. */
    readonly transfer: number;
  };
}

/** The arithmetic of docs/scaling.md. @param measured what one core takes for each step */
export function bulkCost({ pictures, kind, vcpus, prefixes = 1 }: Bulk, measured: Measured): BulkCost {
  const perShard = Math.min(SHARD_OBJECTS, Math.max(1, Math.floor(SHARD_BYTES / kind.bytes)));
  const shards = Math.ceil(pictures / perShard);
  const children = Math.min(shards, Math.floor(vcpus / CHILD_VCPUS));
  const pages = Math.ceil(pictures / documented.keysPerPage);
  const listBytes = pictures * measured.listedBytes;
  const answerBytes = pictures * measured.rowBytes;

  const list = pages * (assumed.listLatency + measured.listPage);
  const plan = over(listBytes + shards * measured.itemBytes.classify);
  const late = Math.max(0, children - documented.instancesAtOnce) / documented.instancesPerSecond;
  const start = instanceStart('cpu') + measured.childStart + late;
  const picture = (kind.seconds + measured.get) / assumed.efficiency;
  // The last shard of the busiest child ends it: whole shards, on the cores of one child.
  const byCores = Math.ceil(shards / children) * Math.min(perShard, pictures) * (picture / CHILD_VCPUS);
  const byStore = pictures / (prefixes * documented.getsPerSecond);
  const work = Math.max(byCores, byStore);
  const merge = over(answerBytes) + shards / documented.getsPerSecond;

  const machineSeconds =
    children * (start + (byStore > byCores ? work : (pictures * picture) / CHILD_VCPUS / children));
  const machines = (machineSeconds / 3600) * machineHour(INSTANCE, prices);
  const again = (perShard * picture) / CHILD_VCPUS / 2 + start;
  const puts = pages + 5 * shards; // list, mark, answers, result, and one page of each list that looks for them
  return {
    ...{ shards, children, list, plan, start, work, merge, listBytes, answerBytes },
    bound: byStore > byCores ? 'S3' : 'cores',
    seconds: list + plan + start + work + merge,
    dollars: {
      machines,
      spot: spotCost(machines, again),
      requests: pictures * requestPrices.get + puts * requestPrices.put,
      transfer: (answerBytes / 2 ** 30) * prices.transferOut.gigabyte,
    },
  };
}

/** Seconds for bytes between S3 and the machine of the one who submits. */
function over(bytes: number): number {
  return (8 * bytes) / assumed.uplink;
}

/**
 * Dollars of machines on Spot instances.
 *
 * @param machines what they cost on demand
 * @param again seconds that are lost with an instance: half of what was under way, and the start of the next one
 */
export function spotCost(machines: number, again: number): number {
  return machines * assumed.spotShare * (1 + (assumed.interruptedPerHour * again) / 3600);
}

/** From how many vCPUs on S3's rate for one prefix bounds the work. */
export function vcpusAtStoreRate(kind: Pictures, { get }: Measured): number {
  return Math.round((documented.getsPerSecond * (kind.seconds + get)) / assumed.efficiency);
}
