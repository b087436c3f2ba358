import { MalformedObject } from '#models/json.ts';
import { readEvents } from '#models/run-events.ts';
import { readArguments, runKey } from '#models/runs.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import type { TrainingEvent } from '../events.ts';
import { encodeEventFile } from './event-file.ts';
import { runScalars } from './run-scalars.ts';
import { type Session, sessionSettings } from './session.ts';

/** Writes an event file next to a run's events, for `tensorboard --logdir <store>/runs`. */
export interface Board {
  append(event: TrainingEvent): void;
  /** Writes events that are not written yet. */
  flush(): Promise<void>;
}

const PREFIX = 'events.out.tfevents.';
/** The least number of seconds between two writes during a run; TensorBoard reloads every five. */
const INTERVAL = 10;

/**
 * There is one file, which is written whole each time, since a bucket cannot append. What a reader has read stays the start
 * of it, until the run goes back to an earlier step: then a new file with a later name replaces it. So a run that was
 * interrupted, or recovered from divergence, has one line in each chart.
 */
export async function openBoard(store: ObjectStore, run: string): Promise<Board> {
  const scalars = runScalars();
  const args = await readArguments(store, run);
  let startedAt: number | undefined;
  let ended: Session['ended'];
  /** @returns whether the event only appended to what is known */
  const learn = (event: TrainingEvent): boolean => {
    const at = Date.parse(event.at) / 1000;
    startedAt ??= at;
    const wentOn = ended !== undefined && event.type === 'started';
    if (event.type === 'started') ended = undefined;
    if (event.type === 'evaluated' || event.type === 'measured') ended = { at, isSuccess: true };
    if (event.type === 'failed') ended = { at, isSuccess: false };
    return scalars.learn(event) && !wentOn;
  };
  for (const event of await eventsOf(store, run)) learn(event);
  let begun = Date.now();
  let writtenAt = Number.NEGATIVE_INFINITY;
  let writing: Promise<void> = Promise.resolve();

  const write = async (): Promise<void> => {
    const key = runKey(run, `${PREFIX}${nameOf(begun)}`);
    const settings = args && sessionSettings(args);
    const session = settings && { settings, startedAt: startedAt ?? begun / 1000, ...(ended && { ended }) };
    await store.put(key, encodeEventFile(scalars.all(), begun / 1000, session));
    for await (const { key: other } of store.list(runKey(run, PREFIX))) if (other !== key) await store.delete(other);
  };
  /** One write at a time; each contains everything so far. */
  const flush = (): Promise<void> => {
    writtenAt = performance.now();
    const turn = writing.then(write);
    writing = turn.catch(() => undefined); // The next write contains what this one could not.
    return turn;
  };
  return {
    append(event) {
      if (!learn(event)) begun = Math.max(begun + 1, Date.now());
      if (performance.now() - writtenAt > 1000 * INTERVAL) flush().catch(() => undefined);
    },
    flush,
  };
}

/** A damaged file costs the charts their start, but must not fail the run. */
async function eventsOf(store: ObjectStore, run: string): Promise<TrainingEvent[]> {
  try {
    return (await readEvents<TrainingEvent>(store, run)).map(({ event }) => event);
  } catch (error) {
    if (error instanceof MalformedObject) return [];
    throw error;
  }
}

/** Seconds since 1970, as in TensorFlow's own files, and milliseconds: TensorBoard reads files in the order of their names. */
function nameOf(milliseconds: number): string {
  return `${Math.floor(milliseconds / 1000)}.${String(milliseconds % 1000).padStart(3, '0')}`;
}
