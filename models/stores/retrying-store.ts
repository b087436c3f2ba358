import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '#errors/user-error.ts';
import { type ListedObject, MissingPart, type ObjectStore, WriteConflict } from './object-store.ts';

/** A store failed every try of a call: it is unreachable, full, or refuses access. */
export class StoreUnavailable extends UserError {
  override readonly name = 'StoreUnavailable';
}

/** Whether a person has to do something before the store works again. */
export function needsRepair(error: unknown): boolean {
  return error instanceof StoreUnavailable && error.cause instanceof UserError;
}

/** Seconds between two tries of one call. */
const WAITS = [0.5, 1, 2, 4, 8];
/** Longer waits end with the signal. */
const SHORT_WAIT = 1;

/**
 * Retries calls that fail, with longer and longer waits. What a person has to fix, such as a bucket that does not exist,
 * fails right away.
 *
 * Nothing is written twice: a write that succeeded though its answer was lost is recognised by its content.
 *
 * @param waits seconds between two tries. @default 0.5 to 8, 15.5 in all
 * @param signal once it is aborted, waits end at a second: there is little time left. @default never
 * @returns a store that throws only `WriteConflict`, `MissingPart`, `StoreUnavailable`, `RangeError` for an invalid key, and the
 * reason of a signal that a call was given
 */
export function retryingStore(
  store: ObjectStore,
  {
    waits = WAITS,
    signal,
  }: { readonly waits?: readonly number[] | undefined; readonly signal?: AbortSignal | undefined } = {},
): ObjectStore {
  const retried = async <Result>(
    ask: (isRepeated: boolean) => Promise<Result>,
    ending?: AbortSignal,
  ): Promise<Result> => {
    for (let tries = 0; ; tries++) {
      try {
        return await ask(tries > 0);
      } catch (error) {
        if (error instanceof WriteConflict || error instanceof MissingPart || error instanceof RangeError) throw error;
        if (ending?.aborted && error === ending.reason) throw error;
        const wait = waits[tries];
        if (error instanceof UserError || wait === undefined) throw unavailable(store, error);
        if (wait <= SHORT_WAIT) await sleep(1000 * wait);
        else if (signal?.aborted) throw unavailable(store, error);
        else await sleep(1000 * wait, undefined, { signal }).catch(() => {}); // Aborted: one more try.
      }
    }
  };
  return {
    url: store.url,
    commandOption: store.commandOption,
    get: (key) => retried(() => store.get(key)),
    // A repetition after a lost answer may meet the object that it was to write: a conflict, as with any other writer.
    concatenate: (key, parts, options) => retried(() => store.concatenate(key, parts, options), options?.signal),
    put: (key, body, options) =>
      retried(async (isRepeated) => {
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
      let listing: AsyncIterator<ListedObject> | undefined;
      let last = '';
      const next = () =>
        retried(async () => {
          listing ??= store.list(prefix)[Symbol.asyncIterator]();
          try {
            let found = await listing.next();
            while (!found.done && found.value.key <= last) found = await listing.next();
            return found;
          } catch (error) {
            listing = undefined; // Another one begins anew, and passes what is known.
            throw error;
          }
        });
      try {
        for (let found = await next(); !found.done; found = await next()) {
          last = found.value.key;
          yield found.value;
        }
      } finally {
        await listing?.return?.();
      }
    },
    delete: (key) => retried(() => store.delete(key)),
  };
}

function unavailable(store: ObjectStore, error: unknown): StoreUnavailable {
  if (error instanceof StoreUnavailable) return error; // Of a retrying store.
  if (error instanceof UserError) return new StoreUnavailable(error.message, { cause: error });
  const reason = error instanceof Error ? error.message || error.name : String(error);
  return new StoreUnavailable(`${store.url} is unavailable (${reason}).`, { cause: error });
}
