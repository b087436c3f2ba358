import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as actions from 'aws-cdk-lib/aws-cloudwatch-actions';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { countingInterval } from './thresholds.ts';
import type { Watched } from './watched.ts';

/** The alarms, each with what it means. The name of its section in docs/runbooks.md is its own, in words. */
const meanings = {
  ServerErrors: 'Requests are answered with 5xx.',
  SlowAnswers: 'One in a hundred requests takes too long.',
  Throttles: 'Lambda refuses calls, since too many run at the same time.',
  Crashes: 'The function ends without an answer: a time-out, a crash or lack of memory.',
  InternalErrors: 'The program meets internal errors.',
  UncertainAnswers: 'The model is uncertain of too many pictures.',
  JobFailed: 'A job failed and does not resume by itself.',
  JobStuck: 'Jobs wait, and nothing of their queue starts or runs.',
  QueueBlocked: 'Batch says that a job blocks its queue.',
  NoticeFailed: 'A job failed, and the notice of it could not be sent.',
} as const;

export type AlarmName = keyof typeof meanings;

export const alarmNames = Object.keys(meanings) as readonly AlarmName[];

/** The heading of an alarm's section in docs/runbooks.md, such as `Job failed`. */
export function runbookHeading(name: AlarmName): string {
  return name[0] + name.slice(1).replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

export interface AlarmsProps extends Watched {
  /** Who is told when an alarm begins and ends. */
  readonly topic: sns.Topic;
}

/**
 * Creates the alarms. Each looks at a single metric: an expression of two would count as two alarms.
 *
 * A job that fails has a notice with its log, so that its alarm tells nobody once more: it is for the console.
 */
export function createAlarms(scope: Construct, props: AlarmsProps): Readonly<Record<AlarmName, cloudwatch.Alarm>> {
  const { classifier, api, failedJobs, blockedQueues, jobStates, thresholds, topic } = props;
  const minute = { period: Duration.minutes(1) };
  const quarter = { period: Duration.minutes(15) };
  const threeOfFive = { evaluationPeriods: 5, datapointsToAlarm: 3 };
  const twoOfFive = { evaluationPeriods: 5, datapointsToAlarm: 2 };
  const average = { statistic: cloudwatch.Stats.AVERAGE };
  const periodsStuck = thresholds.stuckFor.toMinutes() / countingInterval.toMinutes();

  const definitions: Readonly<Record<AlarmName, Omit<cloudwatch.AlarmProps, 'alarmDescription'>>> = {
    // The average of API Gateway's 5XXError is their share.
    ServerErrors: {
      metric: api.metricServerError({ ...minute, ...average }),
      threshold: thresholds.serverErrorShare,
      ...threeOfFive,
    },
    SlowAnswers: {
      metric: api.metricLatency({ ...minute, statistic: 'p99' }),
      threshold: thresholds.latency.toMilliseconds(),
      ...threeOfFive,
    },
    Throttles: { metric: classifier.metricThrottles(), threshold: thresholds.throttles, evaluationPeriods: 1 },
    Crashes: { metric: classifier.metricErrors(minute), threshold: thresholds.crashes, ...twoOfFive },
    InternalErrors: { metric: classifier.metricFailed(), threshold: thresholds.internalErrors, evaluationPeriods: 1 },
    // It is 0 or 1 for a picture, so that the average is the share.
    UncertainAnswers: {
      metric: classifier.metricUncertain({ ...quarter, ...average }),
      threshold: thresholds.uncertainShare,
      evaluationPeriods: 4,
    },
    JobFailed: { metric: failedJobs.metricFailed(), threshold: thresholds.failedJobs, evaluationPeriods: 1 },
    JobStuck: { metric: jobStates.metricStuck(), threshold: 1, evaluationPeriods: periodsStuck },
    QueueBlocked: { metric: blockedQueues.metricBlocked(), threshold: thresholds.blockedQueues, evaluationPeriods: 1 },
    NoticeFailed: { metric: failedJobs.metricErrors(), threshold: 1, evaluationPeriods: 1 },
  };
  const create = (name: AlarmName) => {
    const alarm = new cloudwatch.Alarm(scope, name, {
      ...definitions[name],
      alarmDescription: `${meanings[name]} What to do: docs/runbooks.md, "${runbookHeading(name)}".`,
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      // No requests and no jobs are no trouble.
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
    });
    if (name !== 'JobFailed') {
      alarm.addAlarmAction(new actions.SnsAction(topic));
      alarm.addOkAction(new actions.SnsAction(topic));
    }
    return [name, alarm] as const;
  };
  return Object.fromEntries(alarmNames.map(create)) as Record<AlarmName, cloudwatch.Alarm>;
}
