import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '#errors/user-error.ts';
import { type ListedObject, type ObjectStore, WriteConflict } from './object-store.ts';

/** The store did not do what it was asked for, however often: it is away, full, or does not let us. */
export class StoreAway extends UserError {
  override readonly name = 'StoreAway';
}

/** Seconds between the tries of one call. */
const WAITS = [0.5, 1, 2, 4, 8];

/**
 * A store that is asked again when it fails, with longer and longer waits. What a person has to mend first, such as a
 * bucket that does not exist, fails at once.
 *
 * Nothing is written twice: a write that was carried out though its answer got lost is known by what it wrote.
 *
 * @param waits seconds between the tries. @default 0.5 to 8, 15.5 in all
 * @returns a store that throws nothing but `WriteConflict`, `StoreAway`, and `RangeError` for what is no key
 */
export function patientStore(store: ObjectStore, waits: readonly number[] = WAITS): ObjectStore {
  const patiently = async <Result>(ask: (isRepeated: boolean) => Promise<Result>): Promise<Result> => {
    for (let tries = 0; ; tries++) {
      try {
        return await ask(tries > 0);
      } catch (error) {
        if (error instanceof WriteConflict || error instanceof RangeError) throw error;
        const wait = waits[tries];
        if (error instanceof UserError || wait === undefined) throw away(store, error);
        await sleep(1000 * wait);
      }
    }
  };
  return {
    url: store.url,
    get: (key) => patiently(() => store.get(key)),
    put: (key, body, options) =>
      patiently(async (isRepeated) => {
        try {
          return await store.put(key, body, options);
        } catch (error) {
          if (!isRepeated || !(error instanceof WriteConflict)) throw error;
          const there = await store.get(key);
          if (there === undefined || Buffer.compare(there.body, body) !== 0) throw error;
          return there.etag;
        }
      }),
    async *list(prefix) {
      yield* await patiently(async () => {
        const listed: ListedObject[] = [];
        for await (const object of store.list(prefix)) listed.push(object);
        return listed;
      });
    },
    delete: (key) => patiently(() => store.delete(key)),
  };
}

function away(store: ObjectStore, error: unknown): StoreAway {
  if (error instanceof UserError) return new StoreAway(error.message, { cause: error });
  const reason = error instanceof Error ? error.message || error.name : String(error);
  return new StoreAway(`${store.url} does not do its work (${reason}).`, { cause: error });
}
