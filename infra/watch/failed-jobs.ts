import { fileURLToPath } from 'node:url';
import { Validations } from 'aws-cdk-lib';
import type * as batch from 'aws-cdk-lib/aws-batch';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { variable } from '#environment/variables.ts';
import { SmallFunction } from '../functions/small-function.ts';
import type { JobLane, TrainingQueue } from '../training/training-queue.ts';
import { ruleMetric } from './rule-metric.ts';

const program = fileURLToPath(new URL('failed-job.lambda.ts', import.meta.url));

export interface FailedJobsProps {
  readonly training: TrainingQueue;
  /** Where notices go. */
  readonly topic: sns.Topic;
  /** Of commands about the stack, which a notice names. */
  readonly commandOptions: string;
}

/**
 * Tells a topic of each job that failed, with its reason and the last lines of its log.
 *
 * Batch has no metrics, but EventBridge hears of each change of a job and counts what a rule matches. The rule leaves out children:
 * their array fails with them, once. It leaves out jobs that a Spot instance took along, since those resume on demand. Of one that
 * wrote a checkpoint before that (exit code 75) the function alone knows: it is counted, and nobody is told.
 */
export class FailedJobs extends Construct {
  private readonly rule: events.Rule;
  private readonly function: SmallFunction;

  constructor(scope: Construct, id: string, { training, topic, commandOptions }: FailedJobsProps) {
    super(scope, id);
    const spot = lanesOf(training).map(({ queue }) => queue.jobQueueArn);
    const onDemand = lanesOf(training).map(({ onDemandQueue }) => onDemandQueue.jobQueueArn);
    this.function = new SmallFunction(this, 'Notice', {
      program,
      environment: {
        [variable.spotQueues]: spot.join(' '),
        [variable.noticeTopic]: topic.topicArn,
        [variable.jobLogGroup]: training.logGroup.logGroupName,
        [variable.commandOptions]: commandOptions,
      },
    });
    const { role, handler } = this.function;
    topic.grantPublish(role);
    const { logGroupArn } = training.logGroup;
    role.addToPolicy(new iam.PolicyStatement({ actions: ['logs:GetLogEvents'], resources: [logGroupArn] }));
    role.addToPolicy(new iam.PolicyStatement({ actions: ['batch:ListJobs', 'batch:DescribeJobs'], resources: ['*'] }));
    Validations.of(role).acknowledge({
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason: 'batch:ListJobs and batch:DescribeJobs do not support resource-level permissions.',
    });
    this.rule = new events.Rule(this, 'Rule', {
      description: 'Jobs that failed and do not resume by themselves',
      eventPattern: {
        source: ['aws.batch'],
        detailType: ['Batch Job State Change'],
        detail: {
          status: ['FAILED'],
          arrayProperties: { index: [{ exists: false }] },
          $or: [{ jobQueue: spot, statusReason: [{ 'anything-but': { prefix: 'Host EC2' } }] }, { jobQueue: onDemand }],
        },
      },
      targets: [new targets.LambdaFunction(handler)],
    });
  }

  /** Jobs that failed and do not resume by themselves; an array counts once. @default sum over 5 minutes */
  metricFailed(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return ruleMetric(this.rule, props);
  }

  /** Notices that could not be sent. @default sum over 5 minutes */
  metricErrors(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.function.handler.metricErrors(props);
  }
}

/** The kinds of jobs that a stack has. */
function lanesOf({ gpu, cpu }: TrainingQueue): readonly JobLane[] {
  return gpu ? [gpu, cpu] : [cpu];
}

/** All queues. */
export function queuesOf(training: TrainingQueue): readonly batch.JobQueue[] {
  return lanesOf(training).flatMap(({ queue, onDemandQueue }) => [queue, onDemandQueue]);
}
