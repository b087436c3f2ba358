import { createHash } from 'node:crypto';
import { UserError } from '#errors/user-error.ts';
import { classifyFiles } from '#inference/routes/classify-files.ts';
import { nameOf } from '#inference/routes/model.ts';
import { imageFileIn } from '#inference/routes/sent-as-text.ts';
import { loadClassifier } from '#inference/serving/classifier.ts';
import type { ServedModel } from '#inference/serving/live-models.ts';
import { readVersion } from '#models/versions.ts';
import type { ShardContext } from './shard-context.ts';

/** Classifies the pictures of a shard, which are in the plan's store, and stores one row each, in the order of the list. */
export async function runShard({ store, planId, plan, item, signal }: ShardContext<'classify'>): Promise<unknown> {
  const list = await store.get(item.list.key);
  if (list === undefined) throw new UserError(`${item.list.key} is gone: nothing says which pictures the shard has.`);
  if (createHash('sha256').update(list.body).digest('hex') !== item.list.sha256) {
    throw new UserError(`${item.list.key} is damaged: its content has another digest than the plan says.`);
  }
  const version = await readVersion(store, String(plan.options.version), { only: ['model.json', 'weights.bin'] });
  const model: ServedModel = {
    ...(await loadClassifier(version)),
    version: version.id,
    alias: undefined,
    card: version.card,
  };
  let failed = 0;
  const rows: string[] = [];
  for (const line of Buffer.from(list.body).toString().trimEnd().split('\n')) {
    signal.throwIfAborted();
    const { key } = JSON.parse(line) as { readonly key: string };
    const object = await store.get(key);
    const file = object ? imageFileIn(object.body) : new UserError(`${key} is gone.`);
    const [result] = (await classifyFiles([file], model)).results;
    if (result instanceof Error) failed++;
    rows.push(
      JSON.stringify(
        result instanceof Error ? { key, error: result.message } : { key, ...result, model: nameOf(model) },
      ),
    );
  }
  const answers = `batches/${planId}/answers/${item.shard}.jsonl`;
  await store.put(answers, Buffer.from(`${rows.join('\n')}\n`), { contentType: 'application/jsonl' });
  return { answers, rows: rows.length, failed };
}
