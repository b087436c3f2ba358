import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import type * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { TrainingQueue } from '../training/training-queue.ts';
import { queuesOf } from './failed-jobs.ts';
import { ruleMetric } from './rule-metric.ts';

export interface BlockedQueuesProps {
  readonly training: TrainingQueue;
  /** Where notices go. */
  readonly topic: sns.Topic;
  /** Of commands about the stack, which a notice names. */
  readonly commandOptions: string;
}

/**
 * Tells a topic of each job of which Batch says that it blocks its queue, and why. No program is needed for that: the rule writes the text.
 *
 * @see https://docs.aws.amazon.com/batch/latest/userguide/batch-job-queue-blocked-events.html
 */
export class BlockedQueues extends Construct {
  private readonly rule: events.Rule;

  constructor(scope: Construct, id: string, { training, topic, commandOptions }: BlockedQueuesProps) {
    super(scope, id);
    const text = (name: string) => events.EventField.fromPath(`$.detail.${name}`);
    this.rule = new events.Rule(this, 'Rule', {
      description: 'Jobs that block their queue',
      eventPattern: {
        source: ['aws.batch'],
        detailType: ['Batch Job Queue Blocked'],
        detail: { jobQueue: queuesOf(training).map(({ jobQueueArn }) => jobQueueArn) },
      },
      targets: [
        new targets.SnsTopic(topic, {
          message: events.RuleTargetInput.fromText(
            `The job ${text('jobName')} (${text('jobId')}) blocks its queue, and all jobs behind it wait. Batch says: ${text('statusReason')}. ./cifar10 jobs ${text('jobId')} ${commandOptions} explains it. What to do: docs/runbooks.md, Queue blocked.`,
          ),
        }),
      ],
    });
  }

  /** Jobs of which Batch says that they block their queue. @default sum over 5 minutes */
  metricBlocked(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return ruleMetric(this.rule, props);
  }
}
