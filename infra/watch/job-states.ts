import { fileURLToPath } from 'node:url';
import { Validations } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { variable } from '#environment/variables.ts';
import { SmallFunction } from '../functions/small-function.ts';
import type { ModelBucket } from '../models/model-bucket.ts';
import type { TrainingQueue } from '../training/training-queue.ts';
import { queuesOf } from './failed-jobs.ts';
import { STUCK_JOBS } from './job-states-line.ts';
import { countingInterval } from './thresholds.ts';

const program = fileURLToPath(new URL('job-states.lambda.ts', import.meta.url));

export interface JobStatesProps {
  readonly training: TrainingQueue;
  readonly models: ModelBucket;
  /** The alias of the model that is served, such as `production`. */
  readonly alias: string;
  /** The CloudWatch namespace of its metric. */
  readonly metricNamespace: string;
}

/**
 * Counts jobs by state every five minutes, and writes a line about them and the served model to its log.
 *
 * Batch publishes no metrics and no event of a job that merely waits, whatever the reason: somebody has to look. The counts stay in
 * the log, where the dashboard queries them for nothing; a metric is only what an alarm needs, and only while jobs wait.
 */
export class JobStates extends Construct {
  readonly logGroup: logs.LogGroup;
  private readonly namespace: string;

  constructor(scope: Construct, id: string, { training, models, alias, metricNamespace }: JobStatesProps) {
    super(scope, id);
    this.namespace = metricNamespace;
    const { handler, role, logGroup } = new SmallFunction(this, 'Count', {
      program,
      environment: {
        [variable.queues]: queuesOf(training)
          .map(({ jobQueueArn }) => jobQueueArn)
          .join(' '),
        [variable.store]: models.url,
        [variable.alias]: alias,
        [variable.metrics]: metricNamespace,
      },
    });
    this.logGroup = logGroup;
    models.grantRead(role, `aliases/${alias}.json`);
    role.addToPolicy(new iam.PolicyStatement({ actions: ['batch:ListJobs', 'batch:DescribeJobs'], resources: ['*'] }));
    Validations.of(role).acknowledge({
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason: 'batch:ListJobs and batch:DescribeJobs do not support resource-level permissions.',
    });
    new events.Rule(this, 'Rule', {
      description: 'Counts jobs by state',
      schedule: events.Schedule.rate(countingInterval),
      targets: [new targets.LambdaFunction(handler)],
    });
  }

  /** Jobs that wait in a queue of which nothing starts or runs; no value while none waits. @default maximum over 5 minutes */
  metricStuck(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return new cloudwatch.Metric({
      namespace: this.namespace,
      metricName: STUCK_JOBS,
      unit: cloudwatch.Unit.COUNT,
      statistic: cloudwatch.Stats.MAXIMUM,
      period: countingInterval,
      ...props,
    }).attachTo(this);
  }
}
