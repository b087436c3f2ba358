import type { ObjectStore } from './object-store.ts';

/** What a process meets that is killed: from then on nothing of it reaches the store. */
export class Killed extends Error {
  override readonly name = 'Killed';
}

/** A real store, used by a process which dies as it is about to write for the `n`th time (from 0). For tests. */
export function interruptedAtPut(store: ObjectStore, n: number): ObjectStore {
  let puts = 0;
  return {
    url: store.url,
    get: (key) => store.get(key),
    list: (prefix) => store.list(prefix),
    put: async (key, body, options) => {
      if (puts++ >= n) throw new Killed();
      return store.put(key, body, options);
    },
    delete: async (key) => {
      if (puts > n) throw new Killed();
      await store.delete(key);
    },
  };
}
