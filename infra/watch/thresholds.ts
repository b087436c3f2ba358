import { Duration } from 'aws-cdk-lib';

/** From where on an alarm rings. */
export interface WatchThresholds {
  /** Share of answers with status 5xx, from 0 to 1, in three of five minutes. @default 0.05 */
  readonly serverErrorShare?: number;
  /** Time in which 99 of 100 requests are answered, in three of five minutes. @default 3 seconds, more than a cold start takes */
  readonly latency?: Duration;
  /** Calls in 5 minutes that Lambda refuses, since too many run at the same time. @default 10 */
  readonly throttles?: number;
  /** Calls in a minute that end without an answer (time-outs, crashes, lack of memory), in two of five minutes. @default 1 */
  readonly crashes?: number;
  /** Requests in 5 minutes that the program answers with 5xx, or in whose list it met an internal error. @default 5 */
  readonly internalErrors?: number;
  /** Share of pictures whose probability is below the model's threshold, from 0 to 1, for an hour. @default 0.5 */
  readonly uncertainShare?: number;
  /** Jobs that fail in 5 minutes. @default 1 */
  readonly failedJobs?: number;
  /** How long jobs of a queue wait while nothing of it starts or runs: a multiple of 5 minutes, a day at most. @default 30 minutes */
  readonly stuckFor?: Duration;
  /** Jobs in 5 minutes of which Batch says that they block their queue. @default 1 */
  readonly blockedQueues?: number;
}

/** How often jobs are counted. */
export const countingInterval = Duration.minutes(5);

/**
 * The thresholds, with the defaults for those that are left out.
 *
 * @throws {Error} a share is not above 0 and at most 1, a count is not a whole number from 1, or a time is not possible
 */
export function withDefaults(thresholds: WatchThresholds = {}): Required<WatchThresholds> {
  const all = {
    serverErrorShare: 0.05,
    latency: Duration.seconds(3),
    throttles: 10,
    crashes: 1,
    internalErrors: 5,
    uncertainShare: 0.5,
    failedJobs: 1,
    stuckFor: Duration.minutes(30),
    blockedQueues: 1,
    ...thresholds,
  };
  for (const name of ['serverErrorShare', 'uncertainShare'] as const) {
    if (all[name] > 0 && all[name] <= 1) continue;
    throw new Error(`thresholds.${name} is ${all[name]}. Give a share above 0 and at most 1, such as 0.05.`);
  }
  for (const name of ['throttles', 'crashes', 'internalErrors', 'failedJobs', 'blockedQueues'] as const) {
    if (Number.isInteger(all[name]) && all[name] >= 1) continue;
    throw new Error(`thresholds.${name} is ${all[name]}. Give a whole number, at least 1.`);
  }
  if (all.latency.toMilliseconds() < 1) {
    throw new Error(`thresholds.latency is ${all.latency.toMilliseconds()} ms. Give at least 1 ms, such as 3 seconds.`);
  }
  const minutes = all.stuckFor.toMinutes({ integral: false });
  if (minutes % countingInterval.toMinutes() !== 0 || minutes <= 0 || minutes > 24 * 60) {
    throw new Error(`thresholds.stuckFor is ${minutes} minutes. Give a multiple of 5 minutes, a day at most.`);
  }
  return all;
}
