import * as z from 'zod/mini';
import { MalformedObject } from './json.ts';
import { runKey } from './runs.ts';
import { type ObjectStore, WriteConflict } from './stores/object-store.ts';

/**
 * The events of a run, stored as `events/<number of the first>.jsonl`: each object is written once and holds the events of a
 * few seconds, one in each line. S3 cannot append; a folder could, but has the same files, so that a run can be copied from
 * one to the other key by key.
 */
const EventLine = z.looseObject({ at: z.string(), type: z.string() });

/** What all events have in common; `training/record/events.ts` defines them. */
export interface RunEvent {
  readonly at: string;
  readonly type: string;
}

export interface NumberedEvent<Event extends RunEvent> {
  /** Counts from 0 over all attempts of the run. */
  readonly number: number;
  readonly event: Event;
}

export interface EventLog<Event extends RunEvent> {
  /** Kept in memory until the next flush. */
  append(event: Event): void;
  /**
   * Writes what was appended.
   *
   * @throws {WriteConflict} another process writes the events of the same run
   */
  flush(): Promise<void>;
  /** Flushes for the last time. */
  close(): Promise<void>;
}

/**
 * Appends to the events of a run. A flush that fails is repeated with the next one; only `flush` and `close` throw.
 *
 * @param everySeconds the interval of automatic flushes. @default 5
 */
export async function openEventLog<Event extends RunEvent>(
  store: ObjectStore,
  run: string,
  { everySeconds = 5 }: { readonly everySeconds?: number } = {},
): Promise<EventLog<Event>> {
  let next = ((await readEvents(store, run, { after: (await lastObject(store, run)) - 1 })).at(-1)?.number ?? -1) + 1;
  const pending: Event[] = [];
  let flushing: Promise<void> = Promise.resolve();

  const write = async (): Promise<void> => {
    while (pending.length > 0) {
      const count = pending.length;
      const lines = pending.map((event) => `${JSON.stringify(event)}\n`).join('');
      const key = keyOf(run, next);
      const written = await store
        .put(key, new TextEncoder().encode(lines), { only: 'absent', contentType: 'application/jsonl' })
        .then(() => count)
        .catch(async (error: unknown) => {
          // A flush whose answer was lost may have succeeded: the stored object is then the beginning of this one.
          const there = error instanceof WriteConflict ? (await store.get(key))?.body : undefined;
          const text = new TextDecoder().decode(there);
          if (text === '' || !lines.startsWith(text)) throw error;
          return text.split('\n').length - 1;
        });
      pending.splice(0, written);
      next += written;
    }
  };
  /** One at a time: the number of an object depends on the one before. */
  const flush = (): Promise<void> => {
    const turn = flushing.then(write);
    flushing = turn.catch(() => undefined);
    return turn;
  };
  const timer = setInterval(() => void flush().catch(() => undefined), 1000 * everySeconds);
  timer.unref();
  return {
    append: (event) => void pending.push(event),
    flush,
    close: () => {
      clearInterval(timer);
      return flush();
    },
  };
}

/**
 * The events of a run, in order. They are not validated further: only this program writes them.
 *
 * @param after the number of the last event that the caller has; -1 for all of them. @default -1
 * @throws {MalformedObject} an object was deleted, or a line is not an event
 */
export async function readEvents<Event extends RunEvent>(
  store: ObjectStore,
  run: string,
  { after = -1 }: { readonly after?: number } = {},
): Promise<NumberedEvent<Event>[]> {
  const firsts: number[] = [];
  for await (const first of eventObjects(store, run)) firsts.push(first);
  const events: NumberedEvent<Event>[] = [];
  for (const [index, first] of firsts.entries()) {
    const following = firsts[index + 1];
    if (following !== undefined && following <= after + 1) continue; // All of its events are known.
    const key = keyOf(run, first);
    const object = await store.get(key);
    if (object === undefined) throw new MalformedObject(key, 'it was deleted');
    for (const [line, event] of parseLines<Event>(object.body, key).entries()) {
      if (first + line > after) events.push({ number: first + line, event });
    }
  }
  return events;
}

/**
 * The events of a run, the last one first: who looks for the latest of a kind reads only as much as that needs.
 *
 * @throws {MalformedObject} as `readEvents`
 */
export async function* latestEvents<Event extends RunEvent>(store: ObjectStore, run: string): AsyncGenerator<Event> {
  const firsts: number[] = [];
  for await (const first of eventObjects(store, run)) firsts.push(first);
  for (const first of firsts.reverse()) {
    const key = keyOf(run, first);
    const object = await store.get(key);
    if (object === undefined) throw new MalformedObject(key, 'it was deleted');
    yield* parseLines<Event>(object.body, key).reverse();
  }
}

async function lastObject(store: ObjectStore, run: string): Promise<number> {
  let last = 0;
  for await (const first of eventObjects(store, run)) last = first;
  return last;
}

/** The number of the first event in each object, in order. */
async function* eventObjects(store: ObjectStore, run: string): AsyncGenerator<number> {
  for await (const { key } of store.list(runKey(run, 'events/'))) {
    const digits = /\/(\d{8})\.jsonl$/.exec(key)?.[1];
    if (digits !== undefined) yield Number(digits);
  }
}

function parseLines<Event extends RunEvent>(body: Uint8Array, key: string): Event[] {
  const lines = new TextDecoder()
    .decode(body)
    .split('\n')
    .filter((line) => line !== '');
  return lines.map((line) => {
    try {
      return z.parse(EventLine, JSON.parse(line)) as unknown as Event;
    } catch (error) {
      throw new MalformedObject(key, 'a line is not an event', { cause: error });
    }
  });
}

function keyOf(run: string, first: number): string {
  return runKey(run, `events/${String(first).padStart(8, '0')}.jsonl`);
}
