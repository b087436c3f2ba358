import { UsageError } from '#errors/user-error.ts';
import type { Recipe } from './recipes.ts';

/** @throws {UsageError} two settings contradict each other, whatever the data, or one asks for what another leaves out */
export function checkSettings(settings: Recipe): void {
  checkHeldOut(settings);
  checkSchedule(settings);
  checkAverages(settings);
}

/** @throws {UsageError} a setting decides on held-out images, and there are none */
function checkHeldOut({ heldOut, patience, keep, schedule }: Recipe): void {
  const [setting] = [
    ...(keep === 'best' ? ['keep=best'] : []),
    ...(patience > 0 ? [`patience=${patience}`] : []),
    ...(schedule === 'plateau' ? ['schedule=plateau'] : []),
  ];
  if (heldOut > 0 || setting === undefined) return;
  throw new UsageError(`${setting} is decided on held-out images, and heldOut=0 leaves none. Set heldOut=5000.`);
}

/** @throws {UsageError} two averages of the weights are asked for, or a property of one that is not kept */
function checkAverages({ lookahead, lookaheadDecay, lookaheadLast, averageLast, averageDecay }: Recipe): void {
  if (lookahead > 0 && averageLast > 0) {
    throw new UsageError(
      `lookahead=${lookahead} and averageLast=${averageLast} each keep an average of the weights, and a run has one. ` +
        'Set one of them to 0.',
    );
  }
  if (averageDecay > 0 && averageLast === 0) {
    throw new UsageError(
      `averageDecay=${averageDecay} is of an average of the weights, and averageLast=0 keeps none. ` +
        'Set averageLast, such as averageLast=1 for the whole run, or averageDecay=0.',
    );
  }
  if ((lookaheadDecay > 0 || lookaheadLast < 1) && lookahead === 0) {
    const setting = lookaheadDecay > 0 ? `lookaheadDecay=${lookaheadDecay}` : `lookaheadLast=${lookaheadLast}`;
    throw new UsageError(
      `${setting} is of the slow average of the weights, and lookahead=0 keeps none. ` +
        'Set lookahead, such as lookahead=5, or lookaheadDecay=0 and lookaheadLast=1.',
    );
  }
}

/** @throws {UsageError} a schedule with a peak leaves no time for its way down */
function checkSchedule({ schedule, peak, floorLast }: Recipe): void {
  if (schedule === 'one-cycle' && (peak === 0 || peak > 0.5)) {
    throw new UsageError(
      `schedule=one-cycle takes as long down from its peak as up to it, and peak=${peak} leaves no time. ` +
        'Set peak above 0, up to 0.5, such as peak=0.4.',
    );
  }
  if (schedule !== 'triangle' && schedule !== 'cosine' && schedule !== 'one-cycle') return;
  const isTwoWay = schedule === 'one-cycle';
  if ((isTwoWay ? 2 * peak : peak) + floorLast <= 1) return;
  throw new UsageError(
    `schedule=${schedule} is at its end for the last floorLast=${floorLast} of the steps, and peak=${peak} leaves no time ` +
      `for the way there. Set them so that ${isTwoWay ? 'twice peak' : 'peak'} and floorLast are 1 together at most.`,
  );
}
