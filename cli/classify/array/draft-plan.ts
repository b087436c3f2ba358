import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mapInOrder } from '#environment/map-in-order.ts';
import { removeFolder } from '#environment/remove-folder.ts';
import { UsageError } from '#errors/user-error.ts';
import { code } from '#jobs/check-code.ts';
import { type ClassifyOptions, type ListedPicture, listLine } from '#models/plans/classify-result.ts';
import { createPlan, type ItemOf, makePlan, type PlanOf, planId, planKey } from '#models/plans/plan.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';

/**
 * A shard is large beside the half second in which a child opens the next one, and small beside what a child loses that is killed:
 * some 10 s of work on two cores, whether the pictures are small (1 to 3 ms of processor time each) or photos of megabytes (0.1 s).
 */
const SHARD_OBJECTS = 4_000;
const SHARD_BYTES = 512 * 2 ** 20;
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
/** Lists that are stored at a time. */
const AT_ONCE = 8;

type Item = Omit<ItemOf<'classify'>, 'shard'>;

/** A plan whose lists are on this machine; nothing is stored yet. */
export interface DraftedPlan {
  readonly id: string;
  readonly plan: PlanOf<'classify'>;
  readonly objects: number;
  readonly bytes: number;
  /** Stores the lists, then the plan; one that is there stays as it is. */
  store(store: ObjectStore): Promise<void>;
  /** Removes the lists from this machine. */
  remove(): Promise<void>;
}

/**
 * Divides pictures into shards, in their order. Memory holds the list of one shard: the others are in a temporary folder. The same
 * pictures and options give the same plan.
 *
 * @throws {UsageError} there are more shards than a plan can have, or two with the same pictures. @throws what `pictures` throws
 */
export async function draftPlan(
  pictures: AsyncIterable<ListedPicture>,
  options: ClassifyOptions,
  onListed: (objects: number) => void = () => {},
): Promise<DraftedPlan> {
  const { folder, remove } = await temporaryFolder();
  try {
    const items: Item[] = [];
    const digests = new Set<string>();
    let [objects, bytes] = [0, 0];
    for await (const { lines, ...shard } of shardsOf(pictures)) {
      const body = lines.join('');
      const sha256 = createHash('sha256').update(body).digest('hex');
      // By its content: the same list is the same shard, wherever it is among the others.
      const list = { key: `lists/${sha256}.jsonl`, sha256 };
      if (digests.has(sha256)) {
        throw new UsageError(`The pictures of shard ${items.length + 1} were listed before. Name each picture once.`);
      }
      digests.add(sha256);
      await writeFile(join(folder, sha256), body);
      items.push({ list, ...shard });
      objects += shard.objects;
      bytes += shard.bytes;
      onListed(objects);
    }
    const plan = makePlan({ kind: 'classify', code: code(), options, items });
    const id = planId(plan);
    return {
      ...{ id, plan, objects, bytes },
      async store(store) {
        if ((await store.get(planKey(id, 'plan.json'))) === undefined) {
          const put = async ({ list }: Item) =>
            store.put(planKey(id, list.key), await readFile(join(folder, list.sha256)), {
              contentType: 'application/jsonl',
            });
          for await (const _ of mapInOrder(items, AT_ONCE, put));
        }
        await createPlan(store, plan);
      },
      remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** A folder that is removed, too, where a signal ends the process: once the plan is stored, nothing needs it. */
async function temporaryFolder(): Promise<{ readonly folder: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'cifar10-lists-'));
  const onSignal = (name: NodeJS.Signals) => {
    removeFolder(folder);
    for (const each of SIGNALS) process.off(each, onSignal);
    if (process.listenerCount(name) === 0) process.kill(process.pid, name); // Nobody else handles it: it ends the process.
  };
  for (const each of SIGNALS) process.on(each, onSignal);
  return {
    folder,
    async remove() {
      for (const each of SIGNALS) process.off(each, onSignal);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

interface Shard {
  readonly lines: readonly string[];
  readonly objects: number;
  readonly bytes: number;
}

async function* shardsOf(pictures: AsyncIterable<ListedPicture>): AsyncGenerator<Shard> {
  let lines: string[] = [];
  let bytes = 0;
  for await (const picture of pictures) {
    if (lines.length === SHARD_OBJECTS || (lines.length > 0 && bytes + picture.size > SHARD_BYTES)) {
      yield { lines, objects: lines.length, bytes };
      [lines, bytes] = [[], 0];
    }
    lines.push(listLine(picture));
    bytes += picture.size;
  }
  if (lines.length > 0) yield { lines, objects: lines.length, bytes };
}
