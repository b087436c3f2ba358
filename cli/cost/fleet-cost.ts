import type prices from './prices.json';
import { imageSeconds, machineHour, type Training, trainingImages } from './training-cost.ts';

type Prices = typeof prices;

/**
 * Processor seconds to decode and classify a picture of 32x32 pixels with filters 32/64/64, measured by
 * `npm run bench -- classify` (results/2026-11-28-classify.json).
 */
export const PICTURE_SECONDS = 943e-6;

/** What a byte of a larger picture costs besides: 0.1 s of a processor for a photo of a megabyte. */
export const BYTE_SECONDS = 1e-7;

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

/** What many items take, on machines that boot for them or on this one, and dollars on demand. */
export interface FleetCost extends FleetTime {
  readonly name: string;
  readonly dollars: number;
}

/** Machines of the CPU queue that work at once, with two cores each. */
export const FLEET = { instance: 'c7a.large', machines: 8, cores: 2 };

/** A sweep of so many runs on the CPU queue. */
export function sweepCost(runs: number, training: Omit<Training, 'image'>, prices: Prices): FleetCost {
  return onFleet('sweep', Array<number>(runs).fill(training.seconds), training.bootSeconds, prices);
}

/** A million pictures in an array of jobs on the CPU queue, and on a machine with two cores that is there. */
export function bulkCosts(bootSeconds: number, prices: Prices): FleetCost[] {
  const seconds = (1e6 * PICTURE_SECONDS) / FLEET.cores;
  const shares = Array<number>(FLEET.machines).fill(seconds / FLEET.machines);
  return [
    onFleet('an array of jobs', shares, bootSeconds, prices),
    { name: 'a machine of yours with 2 cores', seconds, machineSeconds: seconds, dollars: 0 },
  ];
}

function onFleet(name: string, items: readonly number[], bootSeconds: number, prices: Prices): FleetCost {
  const time = fleetTime(items, FLEET.machines, bootSeconds + imageSeconds(trainingImages.cpu));
  return { name, ...time, dollars: (time.machineSeconds / 3600) * machineHour(FLEET.instance, prices) };
}
