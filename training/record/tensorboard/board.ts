import { MalformedObject } from '#models/json.ts';
import { readEvents } from '#models/run-events.ts';
import { runKey } from '#models/runs.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import type { TrainingEvent } from '../events.ts';
import { encodeEventFile } from './event-file.ts';
import { runScalars } from './run-scalars.ts';

/** Keeps an event file beside a run's events, for `tensorboard --logdir <store>/runs`. */
export interface Board {
  append(event: TrainingEvent): void;
  /** Writes what is not written yet. */
  flush(): Promise<void>;
}

const PREFIX = 'events.out.tfevents.';
/** At least so many seconds lie between two writings while the run goes on; TensorBoard looks every five. */
const INTERVAL = 10;

/**
 * There is one file, and it is written whole, for a bucket cannot append. What a reader has of it stays the beginning of it,
 * until the run goes back to an earlier step: then a new file says all that counts, under a later name, and the old one goes.
 * So a run that was interrupted, or recovered from divergence, has one line in each chart.
 */
export async function openBoard(store: ObjectStore, run: string): Promise<Board> {
  const scalars = runScalars();
  for (const event of await eventsOf(store, run)) scalars.learn(event);
  let begun = Date.now();
  let writtenAt = Number.NEGATIVE_INFINITY;
  let writing: Promise<void> = Promise.resolve();

  const write = async (): Promise<void> => {
    const key = runKey(run, `${PREFIX}${nameOf(begun)}`);
    await store.put(key, encodeEventFile(scalars.all(), begun / 1000));
    for await (const { key: other } of store.list(runKey(run, PREFIX))) if (other !== key) await store.delete(other);
  };
  /** One at a time: the last one holds all. */
  const flush = (): Promise<void> => {
    writtenAt = performance.now();
    const turn = writing.then(write);
    writing = turn.catch(() => undefined); // What could not be written is in the next one.
    return turn;
  };
  return {
    append(event) {
      if (!scalars.learn(event)) begun = Math.max(begun + 1, Date.now());
      if (performance.now() - writtenAt > 1000 * INTERVAL) flush().catch(() => undefined);
    },
    flush,
  };
}

/** A file that was damaged costs the charts their beginning; it must not cost the run. */
async function eventsOf(store: ObjectStore, run: string): Promise<TrainingEvent[]> {
  try {
    return (await readEvents<TrainingEvent>(store, run)).map(({ event }) => event);
  } catch (error) {
    if (error instanceof MalformedObject) return [];
    throw error;
  }
}

/** Seconds since 1970, as TensorFlow's own files have them, and milliseconds: names are read in their order. */
function nameOf(milliseconds: number): string {
  return `${Math.floor(milliseconds / 1000)}.${String(milliseconds % 1000).padStart(3, '0')}`;
}
