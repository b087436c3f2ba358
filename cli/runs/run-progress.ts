import { percent } from '#models/percent.ts';
import { latestEvents } from '#models/run-events.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { duration } from '#training/commands/run-view.ts';
import type { TrainingEvent } from '#training/record/events.ts';

/** How far a run is that has not finished. */
export interface RunProgress {
  /** The kind of its last event. */
  readonly last: TrainingEvent['type'];
  /** When that happened. */
  readonly at: Date;
  /** Epochs done, the fraction of the current one included. */
  readonly epoch: number;
  readonly epochs: number;
  /** The last accuracy on the held-out images. */
  readonly heldOut?: number;
  /** Seconds of training left, as estimated at the last step. */
  readonly secondsLeft?: number;
}

/** Reads the events from the last one back to what is needed. @returns `undefined` for a run without events */
export async function readProgress(store: ObjectStore, run: string): Promise<RunProgress | undefined> {
  let last: TrainingEvent | undefined;
  let position: Pick<RunProgress, 'epoch' | 'epochs' | 'secondsLeft'> | undefined;
  let heldOut: number | undefined;
  for await (const event of latestEvents<TrainingEvent>(store, run)) {
    last ??= event;
    if (event.type === 'step') {
      const { step, steps, epoch, etaSeconds } = event;
      position ??= { epoch, epochs: (epoch * steps) / step, secondsLeft: etaSeconds };
    } else if (event.type === 'epoch') {
      heldOut ??= event.validation?.accuracy;
    } else if (event.type === 'started') {
      position ??= { epoch: (event.epochs * event.fromStep) / event.steps, epochs: event.epochs };
      if (event.fromStep === 0) break;
    }
    if (position !== undefined && heldOut !== undefined) break;
  }
  if (last === undefined || position === undefined) return undefined;
  return { last: last.type, at: new Date(last.at), ...position, ...(heldOut !== undefined && { heldOut }) };
}

/** Such as `epoch 3.2 of 8, held out 71.20 %, 1:05 left`. */
export function describeProgress(
  { epoch, epochs, heldOut, secondsLeft, at }: RunProgress,
  { now = new Date() }: { readonly now?: Date } = {},
): string {
  const left = secondsLeft === undefined ? undefined : secondsLeft - (now.getTime() - at.getTime()) / 1000;
  return [
    `epoch ${tenths(epoch)} of ${tenths(epochs)}`,
    ...(heldOut === undefined ? [] : [`held out ${percent(heldOut)}`]),
    ...(left === undefined ? [] : [left < 1 ? 'almost done' : `${duration(left)} left`]),
  ].join(', ');
}

function tenths(value: number): string {
  return String(Math.round(10 * value) / 10);
}
