import type { Log } from './log.ts';

/** By name, with the unit and how it is read from the facts of a request: one value, or one for each picture. */
const METRICS = {
  Latency: { unit: 'Milliseconds', of: (facts: Facts) => facts.milliseconds },
  Decode: { unit: 'Milliseconds', of: ({ timing }: Facts) => timing?.decode },
  Predict: { unit: 'Milliseconds', of: ({ timing }: Facts) => timing?.predict },
  Confidence: { unit: 'None', of: ({ score }: Facts) => score },
  Uncertain: { unit: 'Count', of: ({ uncertain }: Facts) => counted(uncertain) },
  ColdStart: { unit: 'Count', of: ({ isCold }: Facts) => Number(isCold ?? false) },
  // A list is answered with status 200, also where one of its pictures met a defect of ours.
  Failed: { unit: 'Count', of: ({ status, error }: Facts) => Number((status ?? 0) >= 500 || error !== undefined) },
} as const;

function counted(claim: Facts['uncertain']): number | number[] | undefined {
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
  /** A defect of ours. */
  readonly error?: unknown;
}

/**
 * The same log, in which CloudWatch finds metrics too: no call, no agent, and the line of a request holds what a metric
 * leaves out (class, model version, request id). Without dimensions, since each combination is billed as a metric.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function withMetrics(log: Log, namespace: string): Log {
  let isCold = true;
  return (level, message, facts) => {
    if (message !== 'request') return log(level, message, facts);
    const known = { ...facts, isCold };
    isCold = false;
    const values = Object.entries(METRICS).flatMap(([name, { unit, of }]) => {
      const value = of(known as Facts);
      return value === undefined ? [] : [{ name, unit, value }];
    });
    const metrics = values.map(({ name, unit }) => ({ Name: name, Unit: unit }));
    const directive = { Namespace: namespace, Dimensions: [[]], Metrics: metrics };
    log(level, message, {
      ...known,
      ...Object.fromEntries(values.map(({ name, value }) => [name, value])),
      _aws: { Timestamp: Date.now(), CloudWatchMetrics: [directive] },
    });
  };
}
