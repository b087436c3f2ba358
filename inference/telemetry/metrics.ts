/** The CloudWatch namespace of the endpoint's metrics, where it is told no other: stages of one account have one each. */
export const METRIC_NAMESPACE = 'Cifar10';

interface MetricDefinition {
  /** CloudWatch's name of the unit. */
  readonly unit: 'Milliseconds' | 'Count' | 'None';
  readonly meaning: string;
}

/**
 * The metrics that the endpoint emits, by name, one value per request unless stated otherwise. They have no dimensions.
 *
 * The Lambda's log, the constructs' `metricX()` methods and the tests all read them here.
 */
export const METRICS = {
  Latency: { unit: 'Milliseconds', meaning: 'Time from the start of a request until its answer is ready' },
  Decode: { unit: 'Milliseconds', meaning: 'Time to decode and resize the images of a request' },
  Predict: { unit: 'Milliseconds', meaning: 'Time to run the model on all images of a request' },
  Confidence: { unit: 'None', meaning: 'Probability of the predicted class, from 0 to 1, one value per image' },
  Uncertain: { unit: 'Count', meaning: "1 for an image whose probability is below the model's threshold, otherwise 0" },
  ColdStart: { unit: 'Count', meaning: '1 for the first request of a Lambda environment, otherwise 0' },
  Failed: { unit: 'Count', meaning: '1 for a request with status 5xx or an internal error, otherwise 0' },
} as const satisfies Record<string, MetricDefinition>;

export type MetricName = keyof typeof METRICS;
