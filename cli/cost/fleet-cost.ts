import type prices from './prices.json';
import { machineHour } from './training-cost.ts';

type Prices = typeof prices;

/** How long machines work that begin at the same time. */
export interface FleetTime {
  /** Until the last one has ended. */
  readonly seconds: number;
  /** Of all machines together: what is paid for. */
  readonly machineSeconds: number;
}

/**
 * How long machines take for items that are dealt to them in turn, as the children of a plan take their shards.
 *
 * @param items seconds of each
 * @param machines how many work at once, 1 or more
 * @param startSeconds that each machine takes before its first item
 */
export function fleetTime(items: readonly number[], machines: number, startSeconds: number): FleetTime {
  const loads = new Float64Array(Math.min(machines, items.length)).fill(startSeconds);
  for (const [index, seconds] of items.entries()) loads[index % loads.length]! += seconds;
  return {
    seconds: loads.reduce((longest, each) => Math.max(longest, each), 0),
    machineSeconds: loads.reduce((sum, each) => sum + each, 0),
  };
}

/**
 * Dollars for machine time on demand: the most that it costs, since Spot costs less.
 *
 * @param types that it may run on: the dearest whose price is known counts
 * @returns `undefined` where no price is known
 */
export function machineCost(seconds: number, types: readonly string[], prices: Prices): number | undefined {
  const known = types.filter((type) => Object.hasOwn(prices.instances.hour, type));
  if (known.length === 0) return undefined;
  return (seconds / 3600) * Math.max(...known.map((type) => machineHour(type, prices)));
}
