import type prices from './prices.json';
import { hourOf } from './serving-cost.ts';

type Prices = typeof prices;

export interface TrainingCost {
  readonly instance: string;
  readonly dollars: number;
}

/** A run of "quick" with its test, as in docs/results.md, and an assumption of the time that an instance is paid for beside it. */
export const quickRun = { seconds: 130, bootSeconds: 180 };

/** Gigabytes: as the stack's launch template says. */
const DISK_GIGABYTES = 60;
/** EC2 bills no less. */
const LEAST_SECONDS = 60;

/**
 * Dollars for one run on each instance, on demand. Spot costs less, by how much changes from hour to hour.
 *
 * @param seconds that the job runs
 * @param bootSeconds that the instance is paid for before the job runs and after
 */
export function trainingCosts(
  instances: readonly string[],
  { seconds, bootSeconds }: { readonly seconds: number; readonly bootSeconds: number },
  prices: Prices,
): TrainingCost[] {
  const hours = Math.max(LEAST_SECONDS, Math.ceil(seconds + bootSeconds)) / 3600;
  const besides = prices.publicAddress.hour + (DISK_GIGABYTES * prices.disk.gigabyteMonth) / 730;
  return instances.map((instance) => ({ instance, dollars: hours * (hourOf(instance, prices) + besides) }));
}
