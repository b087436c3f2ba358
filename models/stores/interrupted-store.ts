import type { ObjectStore } from './object-store.ts';

/** Simulates that a process was killed: from then on none of its calls reach the store. */
export class Killed extends Error {
  override readonly name = 'Killed';
}

/** A real store, for tests, used by a process that dies just before its `n`th write (from 0). */
export function interruptedAtPut(store: ObjectStore, n: number): ObjectStore {
  let puts = 0;
  return {
    url: store.url,
    commandOption: store.commandOption,
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
