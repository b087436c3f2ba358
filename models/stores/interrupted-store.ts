import type { ObjectStore } from './object-store.ts';

/** Simulates that a process was killed: from then on none of its calls reach the store. */
export class Killed extends Error {
  override readonly name = 'Killed';
}

/** A real store, for tests, used by a process that dies just before its `n`th write (from 0). */
export function interruptedAtPut(store: ObjectStore, n: number): ObjectStore {
  let puts = 0;
  return killableStore(store, () => puts++ >= n).store;
}

/** A real store, for tests, used by a process that dies just before the first write for which `isTime`, or by `kill`. */
export function killableStore(store: ObjectStore, isTime: (key: string) => boolean) {
  let isDead = false;
  const alive = () => {
    if (isDead) throw new Killed('Killed');
  };
  const killable: ObjectStore = {
    url: store.url,
    commandOption: store.commandOption,
    get: (key) => store.get(key),
    list: (prefix) => store.list(prefix),
    put: async (key, body, options) => {
      isDead ||= isTime(key);
      alive();
      return store.put(key, body, options);
    },
    concatenate: async (key, parts, options) => {
      isDead ||= isTime(key);
      alive();
      return store.concatenate(key, parts, options);
    },
    delete: async (key) => {
      alive();
      await store.delete(key);
    },
  };
  return {
    store: killable,
    kill: () => {
      isDead = true;
    },
    /** @throws {Killed} the process is dead */
    alive,
  };
}
