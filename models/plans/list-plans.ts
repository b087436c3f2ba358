import type { ObjectStore } from '../stores/object-store.ts';

/** Ids of the plans of a store, in the order of the ids. Lists every object of each plan: 1,000 a request in S3. */
export async function listPlans(store: ObjectStore): Promise<string[]> {
  const ids: string[] = [];
  for await (const { key } of store.list('plans/')) {
    const id = /^plans\/([0-9a-f]{12})\/plan\.json$/.exec(key)?.[1];
    if (id !== undefined) ids.push(id);
  }
  return ids;
}
