import { createHash } from 'node:crypto';
import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exampleModel } from '#inference/serving/example-model.fixture.ts';
import { code } from '#jobs/check-code.ts';
import { fileTag } from '#jobs/pictures/file-reader.ts';
import { type ClassifyOptions, listLine } from '#models/plans/classify-result.ts';
import { createPlan, type ItemOf, makePlan, planId, planKey } from '#models/plans/plan.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { publishVersion } from '#models/versions.ts';
import { png } from '#training/datasets/pictures/pictures.fixture.ts';
import type { StoredPlan } from './submit-plan.ts';

/**
 * Stores a version and a plan that classifies so many shards of a few pictures.
 *
 * @param folder where the pictures are written
 */
export async function storeClassifyPlan(
  store: ObjectStore,
  shards: number,
  { folder, pictures = 1 }: { readonly folder: string; readonly pictures?: number },
): Promise<StoredPlan> {
  const options: ClassifyOptions = {
    ...{ pictures: folder, version: await publishVersion(store, await exampleModel()) },
    ...{ format: 'jsonl', strict: false },
  };
  const lists = new Map<string, Uint8Array>();
  const items: Omit<ItemOf<'classify'>, 'shard'>[] = [];
  for (let shard = 0; shard < shards; shard++) {
    const lines: string[] = [];
    let bytes = 0;
    for (let picture = 0; picture < pictures; picture++) {
      const file = join(folder, `${shard}-${picture}.png`);
      const body = png(shard * pictures + picture);
      await writeFile(file, body);
      lines.push(listLine({ file, etag: fileTag(await stat(file)), size: body.length }));
      bytes += body.length;
    }
    const body = new TextEncoder().encode(lines.join(''));
    const list = { key: `lists/${shard}.jsonl`, sha256: createHash('sha256').update(body).digest('hex') };
    lists.set(list.key, body);
    items.push({ list, objects: pictures, bytes });
  }
  const plan = makePlan({ kind: 'classify', code: code(), options, items });
  const id = planId(plan);
  for (const [key, body] of lists) await store.put(planKey(id, key), body);
  await createPlan(store, plan);
  return { id, plan };
}
