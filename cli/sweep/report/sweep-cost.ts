import type { SweepRun } from '#training/record/sweep/read-sweep.ts';
import prices from '../../cost/prices.json' with { type: 'json' };
import { hourOf } from '../../cost/serving-cost.ts';

/** Dollars of a run's own time on its instance, on demand. @returns `undefined` where it ran elsewhere, or no price is known */
export function costOf({ result }: SweepRun): number | undefined {
  const instance = result?.machine.instance;
  if (instance === undefined || !Object.hasOwn(prices.instances.hour, instance)) return undefined;
  return (result!.wallSeconds / 3600) * hourOf(instance, prices);
}

/** Dollars of all runs whose price is known; undefined where none is. */
export function costOfAll(runs: readonly SweepRun[]): number | undefined {
  const costs = runs.flatMap((run) => costOf(run) ?? []);
  return costs.length === 0 ? undefined : costs.reduce((sum, each) => sum + each, 0);
}
