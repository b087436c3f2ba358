import { readFailures } from '#models/plans/attempts.ts';
import { readPlan } from '#models/plans/plan.ts';
import { shardProgress } from '#models/plans/shards.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';

/** Failed shards that are named. */
const NAMED = 5;

/**
 * Says which shards have no result and why, and what does them.
 *
 * @param retry the command that does what is missing
 * @returns lines, with a newline at the end
 */
export async function explainFailures(
  store: ObjectStore,
  id: string,
  { retry }: { readonly retry: string },
): Promise<string> {
  const plan = await readPlan(store, id);
  const failed: string[] = [];
  let missing = 0;
  for await (const { shard, state } of shardProgress(store, id, plan)) {
    if (state !== 'done') missing++;
    if (state === 'failed') failed.push(shard);
  }
  const lines: string[] = [];
  for (const shard of failed.slice(0, NAMED)) {
    const { message = '' } = (await readFailures(store, id, shard)).at(-1) ?? {};
    lines.push(`  ${shard}: ${message}`);
  }
  if (failed.length > NAMED) lines.push(`  and ${failed.length - NAMED} more`);
  return [
    `${missing} of ${plan.items.length} shards have no result${failed.length === 0 ? '.' : `; ${failed.length} failed:`}`,
    ...lines,
    `To do what is missing: ${retry}`,
    '',
  ].join('\n');
}
