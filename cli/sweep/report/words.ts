import { percent, points } from '#models/percent.ts';
import { duration } from '#training/commands/run-view.ts';
import type { GroupComparison, GroupSummary } from '#training/evaluation/seed-groups.ts';
import type { RankedGroup, RankedSweep } from '#training/record/sweep/rank-groups.ts';
import type { Sweep, SweepRun } from '#training/record/sweep/read-sweep.ts';

/** Such as `93.12 % ± 0.17`: the mean, and the standard deviation between the runs in points. */
export function meanAndSpread({ mean, deviation }: GroupSummary): string {
  return deviation === undefined ? percent(mean) : `${percent(mean)} ± ${(100 * deviation).toFixed(2)}`;
}

/** Such as `92.84 to 93.26 %`. */
export function range([low, high]: readonly [number, number]): string {
  return `${(100 * low).toFixed(2)} to ${percent(high)}`;
}

/** In points, such as `-0.42 (-0.90 to +0.06)`. */
export function differenceOf({ difference, interval95: [low, high] }: GroupComparison): string {
  return `${points(difference)} (${points(low)} to ${points(high)})`;
}

/** How many runs of a group are measured, and what became of the others: `3`, or `1 of 3: 1 diverged, 1 running`. */
export function runsOf({ runs, heldOut, diverged }: RankedGroup): string {
  const measured = heldOut?.runs ?? 0;
  if (measured === runs.length) return String(measured);
  const states = (['failed', 'running', 'waiting'] as const).flatMap((state) => {
    const count = runs.filter(({ progress }) => progress.state === state).length;
    return count === 0 ? [] : [`${count} ${state}`];
  });
  return `${measured} of ${runs.length}: ${[...(diverged > 0 ? [`${diverged} diverged`] : []), ...states].join(', ')}`;
}

/** Of the runs that have ended; undefined where none has. */
export function meanSeconds(runs: readonly SweepRun[]): number | undefined {
  const seconds = runs.flatMap(({ result }) => result?.wallSeconds ?? []);
  return seconds.length === 0 ? undefined : seconds.reduce((sum, each) => sum + each, 0) / seconds.length;
}

/** Such as `$0.042`; nothing where it costs nothing, or no price is known. */
export function dollars(value: number | undefined): string {
  if (value === undefined) return '';
  return value < 0.001 ? 'less than $0.001' : `$${value.toFixed(value < 1 ? 3 : 2)}`;
}

export { duration };

/** Such as `12 of 18 runs done, 2 running, 3 waiting, 1 failed`. */
export function progressOf({ runs }: Pick<Sweep, 'runs'>): string {
  const count = (state: SweepRun['progress']['state']) =>
    runs.filter(({ progress }) => progress.state === state).length;
  const others = (['running', 'waiting', 'failed'] as const).flatMap((state) =>
    count(state) === 0 ? [] : [`${count(state).toLocaleString('en')} ${state}`],
  );
  return [`${count('done').toLocaleString('en')} of ${runs.length.toLocaleString('en')} runs done`, ...others].join(
    ', ',
  );
}

/** A group by what tells it from the others. */
export function nameOf({ group, settings }: RankedGroup): string {
  const told = Object.entries(settings).map(([name, value]) => (name === 'variant' ? value : `${name}=${value}`));
  return told.join(' ') || group;
}

/** Runs without accuracy, and why: those that failed, diverged, run or wait. */
export function unmeasured({
  sweep,
}: Pick<RankedSweep, 'sweep'>): { readonly run: SweepRun; readonly state: string; readonly reason: string }[] {
  return sweep.runs.flatMap((run) => {
    const { progress, result, failure } = run;
    if (result?.heldOut) return [];
    const times = progress.attempts > 1 ? ` after ${progress.attempts} attempts` : '';
    if (result) return [{ run, state: result.outcome, reason: result.reason ?? '' }];
    return [
      { run, state: `${progress.state}${progress.state === 'failed' ? times : ''}`, reason: failure?.message ?? '' },
    ];
  });
}
