import type { PlanKind } from '#models/plans/plan.ts';
import type { RunShard, ShardContext } from './shard-context.ts';

/** What does the shards of each kind. Loaded when the first shard begins: TensorFlow and the serving engine are large. */
const kinds: { readonly [Kind in PlanKind]: () => Promise<RunShard<Kind>> } = {
  sweep: async () => (await import('./train-shard.ts')).runShard,
  classify: async () => (await import('./classify-shard.ts')).runShard,
};

/** Does a shard of any kind. */
export const runShard: RunShard = async (context) => {
  const run = (await kinds[context.plan.kind]()) as (context: ShardContext) => Promise<unknown>;
  return await run(context);
};
