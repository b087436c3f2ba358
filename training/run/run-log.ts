import { openEventLog } from '#models/run-events.ts';
import { type ObjectStore, WriteConflict } from '#models/stores/object-store.ts';
import { StoreUnavailable } from '#models/stores/retrying-store.ts';
import type { TrainingEvent } from '../record/events.ts';
import { openBoard } from '../record/tensorboard/board.ts';

/** An event without its time. */
type EventBody = TrainingEvent extends infer Event ? (Event extends TrainingEvent ? Omit<Event, 'at'> : never) : never;

export type Emit = (body: EventBody) => void;

/** The events of a run, on their way to the store, to TensorBoard's file and to the caller. */
export interface RunLog {
  readonly emit: Emit;
  /**
   * Writes the events to the store; an unavailable store is tried again later.
   *
   * @throws {WriteConflict} another process writes the events of this run
   */
  flush(): Promise<void>;
  /** Writes TensorBoard's file. */
  flushBoard(): Promise<void>;
  /** Writes the last events; not being able to is no error, since a run's result or checkpoint is what counts. */
  close(): Promise<void>;
}

interface RunLogOptions {
  readonly store: ObjectStore;
  readonly run: string;
  /** Receives every event as well. */
  readonly emit: (event: TrainingEvent) => void;
}

export async function openRunLog({ store, run, emit }: RunLogOptions): Promise<RunLog> {
  const log = await openEventLog<TrainingEvent>(store, run);
  const board = await openBoard(store, run);
  return {
    emit(body) {
      const event = { at: new Date().toISOString(), ...body };
      log.append(event);
      board.append(event);
      emit(event);
    },
    async flush() {
      await log.flush().catch((error: unknown) => {
        if (!(error instanceof StoreUnavailable)) throw error;
      });
    },
    flushBoard: board.flush,
    async close() {
      await log.close().catch((error: unknown) => {
        if (!(error instanceof WriteConflict || error instanceof StoreUnavailable)) throw error;
      });
    },
  };
}
