import type { Plan, PlanKind } from '#models/plans/plan.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import type { RunShard, ShardContext } from './shard-context.ts';

/** What does the shards of each kind. Loaded when the first shard begins: TensorFlow and the serving engine are large. */
const kinds: { readonly [Kind in PlanKind]: () => Promise<RunShard<Kind>> } = {
  sweep: async () => (await import('./train-shard.ts')).runShard,
  classify: async () => (await import('./classify-shard.ts')).runShard,
};

/** Ends what a child's shards have left to the next one. */
export async function closeKind(kind: PlanKind): Promise<void> {
  if (kind === 'classify') await (await import('./classify-shard.ts')).closeEngine();
}

/**
 * What is done once after all shards: the last child of a classification puts the rows of all together.
 *
 * @throws the signal's reason, when it is aborted before that is done
 */
export async function completePlan(
  store: ObjectStore,
  planId: string,
  plan: Plan,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  if (plan.kind === 'classify')
    await (await import('./merge-answers.ts')).mergeAnswers(store, planId, plan, { signal });
}

/** Does a shard of any kind. */
export const runShard: RunShard = async (context) => {
  const run = (await kinds[context.plan.kind]()) as (context: ShardContext) => Promise<unknown>;
  return await run(context);
};
