import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import type { ClassifierFunction } from '../classify/classifier-function.ts';
import type { Watched } from './watched.ts';

export interface DashboardProps extends Watched {
  readonly alarms: readonly cloudwatch.IAlarm[];
}

/** The services whose charges have a line of their own. */
const BILLED_SERVICES = ['AmazonEC2', 'AWSLambda', 'AmazonApiGateway', 'AmazonCloudWatch', 'AmazonS3', 'AmazonECR'];

/** One page about requests, the model, jobs and cost, with fewer than the 50 metrics that a free dashboard may have. */
export function createDashboard(scope: Construct, props: DashboardProps): cloudwatch.Dashboard {
  const { classifier, api, failedJobs, blockedQueues, jobStates, thresholds, alarms } = props;
  const percent = { min: 0, max: 100, label: '%', showUnits: false };
  const seconds = { min: 0, label: 'ms', showUnits: false };
  const counts = { min: 0, showUnits: false };

  const requests = new cloudwatch.GraphWidget({
    title: 'Requests in 5 minutes',
    left: [
      api.metricCount({ label: 'requests', statistic: cloudwatch.Stats.SUM }),
      api.metricClientError({ label: '4xx' }),
      api.metricServerError({ label: '5xx' }),
      classifier.metricThrottles({ label: 'throttled' }),
    ],
    leftYAxis: counts,
    ...size(12),
  });
  const latency = new cloudwatch.GraphWidget({
    title: 'Latency at the gateway',
    left: ['p50', 'p90', 'p99'].map((statistic) => api.metricLatency({ label: statistic, statistic })),
    leftAnnotations: [{ label: 'alarm', value: thresholds.latency.toMilliseconds() }],
    leftYAxis: seconds,
    ...size(12),
  });
  const failures = new cloudwatch.GraphWidget({
    title: 'Share of 4xx and 5xx',
    left: [
      share(api.metricClientError({ statistic: cloudwatch.Stats.AVERAGE }), '4xx'),
      share(api.metricServerError({ statistic: cloudwatch.Stats.AVERAGE }), '5xx'),
    ],
    leftAnnotations: [{ label: 'alarm (5xx)', value: 100 * thresholds.serverErrorShare }],
    leftYAxis: percent,
    ...size(8),
  });
  const internal = new cloudwatch.GraphWidget({
    title: 'Internal errors, crashes, cold starts',
    left: [
      classifier.metricFailed({ label: 'internal errors' }),
      classifier.metricErrors({ label: 'crashes and time-outs' }),
      classifier.metricColdStart({ label: 'cold starts' }),
    ],
    leftYAxis: counts,
    ...size(8),
  });
  const program = new cloudwatch.GraphWidget({
    title: 'Time in the program, average',
    left: [
      classifier.metricLatency({ label: 'whole request' }),
      classifier.metricDecode({ label: 'decode' }),
      classifier.metricPredict({ label: 'predict' }),
    ],
    leftYAxis: seconds,
    ...size(8),
  });
  const confidence = new cloudwatch.GraphWidget({
    title: 'Confidence',
    left: [
      classifier.metricConfidence({ label: 'average' }),
      classifier.metricConfidence({ label: 'lowest tenth below', statistic: 'p10' }),
    ],
    leftYAxis: { min: 0, max: 1, showUnits: false },
    ...size(8),
  });
  const uncertain = new cloudwatch.GraphWidget({
    title: 'Uncertain share of pictures',
    left: [share(classifier.metricUncertain({ statistic: cloudwatch.Stats.AVERAGE }), 'uncertain')],
    leftAnnotations: [{ label: 'alarm, after an hour', value: 100 * thresholds.uncertainShare }],
    leftYAxis: percent,
    ...size(8),
  });
  const model = new cloudwatch.LogQueryWidget({
    title: 'Model that is served, and days since it was made',
    logGroupNames: [jobStates.logGroup.logGroupName],
    view: cloudwatch.LogQueryVisualizationType.TABLE,
    queryLines: [
      'filter message = "jobs" and ispresent(model)',
      'stats latest(modelAgeDays) as days, min(@timestamp) as seenSince by model',
      'sort days asc',
    ],
    ...size(8),
  });
  const versions = new cloudwatch.LogQueryWidget({
    title: 'Requests by model version',
    logGroupNames: [classifier.logGroup.logGroupName],
    view: cloudwatch.LogQueryVisualizationType.TABLE,
    queryLines: [
      'filter message = "request" and ispresent(version)',
      'stats count(*) as requests by version',
      'sort requests desc',
    ],
    ...size(8),
  });
  const states = new cloudwatch.LogQueryWidget({
    title: 'Jobs by state',
    logGroupNames: [jobStates.logGroup.logGroupName],
    view: cloudwatch.LogQueryVisualizationType.LINE,
    queryLines: [
      'filter message = "jobs"',
      'stats max(pending) as pending, max(runnable) as runnable, max(starting) as starting, max(running) as running by bin(5m)',
    ],
    ...size(8),
  });
  const waiting = new cloudwatch.LogQueryWidget({
    title: 'Time in queue of the oldest job that waits, minutes',
    logGroupNames: [jobStates.logGroup.logGroupName],
    view: cloudwatch.LogQueryVisualizationType.LINE,
    queryLines: ['filter message = "jobs"', 'stats max(waitMinutes) as minutes by bin(5m)'],
    ...size(8),
  });
  const trouble = new cloudwatch.GraphWidget({
    title: 'Jobs that failed, are stuck or block their queue',
    left: [
      failedJobs.metricFailed({ label: 'failed' }),
      jobStates.metricStuck({ label: 'stuck' }),
      blockedQueues.metricBlocked({ label: 'block their queue' }),
    ],
    leftYAxis: counts,
    ...size(8),
  });
  const billed = new cloudwatch.GraphWidget({
    title: 'What the endpoint is billed by, a day (./cifar10 cost)',
    left: [
      new cloudwatch.MathExpression({
        expression: `milliseconds / 1000 * ${gigabytesOf(classifier)}`,
        usingMetrics: {
          milliseconds: classifier.handler.metricDuration({
            statistic: cloudwatch.Stats.SUM,
            period: Duration.days(1),
          }),
        },
        label: 'GB-seconds of Lambda',
        period: Duration.days(1),
      }),
    ],
    right: [
      api.metricCount({ label: 'requests of API Gateway', statistic: cloudwatch.Stats.SUM, period: Duration.days(1) }),
    ],
    leftYAxis: counts,
    rightYAxis: counts,
    ...size(8),
  });
  const charges = new cloudwatch.GraphWidget({
    title: 'Charges of the account this month, USD (billing alerts)',
    left: [charge('all'), ...BILLED_SERVICES.map((service) => charge(service, service))],
    leftYAxis: { min: 0, label: 'USD', showUnits: false },
    ...size(8),
  });

  return new cloudwatch.Dashboard(scope, 'Dashboard', {
    defaultInterval: Duration.days(1),
    widgets: [
      [
        new cloudwatch.AlarmStatusWidget({
          title: 'Alarms (docs/runbooks.md)',
          alarms: [...alarms],
          width: 24,
          height: 3,
        }),
      ],
      [requests, latency],
      [failures, internal, program],
      [confidence, uncertain, model],
      [states, waiting, trouble],
      [versions, billed, charges],
    ],
  });
}

function size(width: number): { readonly width: number; readonly height: number } {
  return { width, height: 6 };
}

/** A fraction in percent. @param label a widget has one of each */
function share(metric: cloudwatch.Metric, label: string): cloudwatch.MathExpression {
  const id = `share${label}`;
  return new cloudwatch.MathExpression({ expression: `100 * ${id}`, usingMetrics: { [id]: metric }, label });
}

/** The memory of the endpoint's function, by which Lambda bills its time. */
function gigabytesOf({ handler }: ClassifierFunction): number {
  const { memorySize = 128 } = handler.node.defaultChild as lambda.CfnFunction;
  return memorySize / 1024;
}

/**
 * What this month has cost so far, as AWS estimates it. It is kept in us-east-1 only, for the whole account, where its billing
 * alerts are enabled.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/monitor_estimated_charges_with_cloudwatch.html
 */
function charge(label: string, service?: string): cloudwatch.Metric {
  return new cloudwatch.Metric({
    namespace: 'AWS/Billing',
    metricName: 'EstimatedCharges',
    dimensionsMap: { Currency: 'USD', ...(service === undefined ? {} : { ServiceName: service }) },
    statistic: cloudwatch.Stats.MAXIMUM,
    period: Duration.hours(6),
    region: 'us-east-1',
    label,
  });
}
