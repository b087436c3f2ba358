import { createHash } from 'node:crypto';
import { exampleModel } from '#inference/serving/example-model.fixture.ts';
import { code } from '#jobs/check-code.ts';
import { createPlan, makePlan } from '#models/plans/plan.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { publishVersion } from '#models/versions.ts';
import { png } from '#training/datasets/pictures/pictures.fixture.ts';
import type { StoredPlan } from './submit-plan.ts';

/** Stores a version, pictures, and a plan that classifies so many shards of one picture. */
export async function storeClassifyPlan(store: ObjectStore, shards: number): Promise<StoredPlan> {
  const version = await publishVersion(store, await exampleModel());
  const items = [];
  for (let shard = 0; shard < shards; shard++) {
    const picture = `pictures/${shard}.png`;
    await store.put(picture, png(shard));
    const body = new TextEncoder().encode(`${JSON.stringify({ key: picture })}\n`);
    const key = `lists/${shard}.jsonl`;
    await store.put(key, body);
    const sha256 = createHash('sha256').update(body).digest('hex');
    items.push({ list: { key, sha256 }, objects: 1, bytes: body.length });
  }
  const plan = makePlan({ kind: 'classify', code: code(), options: { version }, items });
  return { id: (await createPlan(store, plan)).id, plan };
}
