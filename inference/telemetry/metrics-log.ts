import type { Log } from './log.ts';
import { METRIC_NAMESPACE, METRICS, type MetricName } from './metrics.ts';

/** Reads the value of each metric from the facts of a request: one value, or one for each image. */
const READ: Readonly<Record<MetricName, (facts: Facts) => number | readonly number[] | undefined>> = {
  Latency: ({ milliseconds }) => milliseconds,
  Decode: ({ timing }) => timing?.decode,
  Predict: ({ timing }) => timing?.predict,
  Confidence: ({ score }) => score,
  Uncertain: ({ uncertain }) => toCount(uncertain),
  ColdStart: ({ isCold }) => Number(isCold ?? false),
  // A list is answered with status 200 even if an internal error occurred on one of its images.
  Failed: ({ status, error }) => Number((status ?? 0) >= 500 || error !== undefined),
};

function toCount(claim: Facts['uncertain']): number | number[] | undefined {
  if (claim === undefined) return undefined;
  return typeof claim === 'boolean' ? Number(claim) : claim.map(Number);
}

interface Facts {
  readonly status?: number;
  readonly milliseconds?: number;
  readonly timing?: { readonly decode?: number; readonly predict: number };
  readonly score?: number | readonly number[];
  readonly uncertain?: boolean | readonly boolean[];
  readonly isCold?: boolean;
  /** An internal error. */
  readonly error?: unknown;
}

/**
 * Adds metrics to the log line of each request, in CloudWatch's embedded metric format: no API call and no agent, and the
 * line keeps what a metric leaves out (class, model version, request ID). The metrics have no dimensions, since CloudWatch
 * bills each combination of dimensions as a metric.
 *
 * @param namespace CloudWatch's, under which the metrics are found
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function withMetrics(log: Log, namespace = METRIC_NAMESPACE): Log {
  let isCold = true;
  return (level, message, facts) => {
    if (message !== 'request') return log(level, message, facts);
    const known = { ...facts, isCold };
    isCold = false;
    const values = (Object.keys(METRICS) as MetricName[]).flatMap((name) => {
      const value = READ[name](known as Facts);
      return value === undefined ? [] : [{ name, value }];
    });
    const metrics = values.map(({ name }) => ({ Name: name, Unit: METRICS[name].unit }));
    const directive = { Namespace: namespace, Dimensions: [[]], Metrics: metrics };
    log(level, message, {
      ...known,
      ...Object.fromEntries(values.map(({ name, value }) => [name, value])),
      _aws: { Timestamp: Date.now(), CloudWatchMetrics: [directive] },
    });
  };
}
