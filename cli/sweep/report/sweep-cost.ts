import type { SweepRun } from '#training/record/sweep/read-sweep.ts';
import { machineCost } from '../../cost/fleet-cost.ts';
import prices from '../../cost/prices.json' with { type: 'json' };

/** Dollars of a run's own time on its instance, on demand. @returns `undefined` where it ran elsewhere, or no price is known */
export function costOf({ result }: SweepRun): number | undefined {
  const instance = result?.machine.instance;
  return instance === undefined ? undefined : machineCost(result!.wallSeconds, [instance], prices);
}

/** Dollars of all runs whose price is known; undefined where none is. */
export function costOfAll(runs: readonly SweepRun[]): number | undefined {
  const costs = runs.flatMap((run) => costOf(run) ?? []);
  return costs.length === 0 ? undefined : costs.reduce((sum, each) => sum + each, 0);
}
