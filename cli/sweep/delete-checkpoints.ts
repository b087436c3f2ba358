import { mapInOrder } from '#environment/map-in-order.ts';
import { runOfShard, sweepOptionsOf } from '#models/plans/sweep-options.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import type { StoredSweep } from './sweep-chain.ts';

/** Deletions in flight at a time. */
const PARALLEL = 8;

/**
 * Deletes the checkpoints of a sweep's runs, when it has ended. Events, curves and results stay. Every pointer is deleted before
 * any file: whenever this is interrupted, a run has either whole checkpoints or none.
 *
 * @param kept the runs whose checkpoints stay
 * @returns how many runs had some
 */
export async function deleteCheckpoints(
  store: ObjectStore,
  { id, plan }: StoredSweep,
  kept: ReadonlySet<string>,
): Promise<number> {
  const options = sweepOptionsOf(id, plan);
  const runs = new Set(plan.items.map(({ shard }) => runOfShard(id, options, shard)).filter((run) => !kept.has(run)));
  const pointers: string[] = [];
  const files: string[] = [];
  const had = new Set<string>();
  // One listing for all runs: they are as many as the plan has items.
  for await (const { key } of store.list(`runs/${id}.`)) {
    const [, run = '', path = ''] = key.split('/');
    if (!runs.has(run)) continue;
    if (path === 'checkpoint.json') pointers.push(key);
    else if (path === 'checkpoints') files.push(key);
    else continue;
    had.add(run);
  }
  for (const keys of [pointers, files]) {
    for await (const _ of mapInOrder(keys, PARALLEL, (key) => store.delete(key)));
  }
  return had.size;
}
