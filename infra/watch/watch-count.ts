/**
 * What watching adds to a bill, by the units that CloudWatch bills: `./cifar10 cost` prices them, and a test compares them with the
 * template. An account's first ten alarms, three dashboards and ten custom metrics are free.
 *
 * @see https://aws.amazon.com/cloudwatch/pricing/
 */
export const watchCount = {
  /** Alarms of one metric each. */
  alarms: 10,
  dashboards: 1,
  /** `StuckJobs`, billed only for hours in which jobs wait. */
  customMetrics: 1,
  /** Calls in a month of the function that counts jobs, every five minutes of 30 days. */
  functionCalls: 8_640,
} as const;
