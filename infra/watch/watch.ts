import { Stack, Validations } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as subscriptions from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';
import type { ClassifierFunction } from '../classify/classifier-function.ts';
import type { ClassifyApi } from '../classify/classify-api.ts';
import type { ModelBucket } from '../models/model-bucket.ts';
import type { TrainingQueue } from '../training/training-queue.ts';
import { type AlarmName, createAlarms } from './alarms.ts';
import { BlockedQueues } from './blocked-queues.ts';
import { createDashboard } from './dashboard.ts';
import { checkBudget, checkEmail } from './email.ts';
import { FailedJobs } from './failed-jobs.ts';
import { JobStates } from './job-states.ts';
import { MonthlyBudget } from './monthly-budget.ts';
import { type WatchThresholds, withDefaults } from './thresholds.ts';

export interface WatchProps {
  readonly training: TrainingQueue;
  readonly classifier: ClassifierFunction;
  readonly api: ClassifyApi;
  readonly models: ModelBucket;
  /** The alias of the model that is served, such as `production`. */
  readonly alias: string;
  /** Of commands about the stack, which notices name, such as `--target aws --stage prod`. */
  readonly commandOptions: string;
  /** Who gets alarms and notices by e-mail, once they have confirmed AWS's first one. @default nobody: others may subscribe to the topic */
  readonly email?: string;
  /** US dollars a month of the whole account, of which an e-mail warns. @default none */
  readonly budget?: number;
  /** From where on alarms ring. @default as `WatchThresholds` says */
  readonly thresholds?: WatchThresholds;
}

/**
 * Watches the system: one dashboard, ten alarms, notices of failed jobs, and a topic that tells whoever subscribes to it. That is as
 * much as CloudWatch gives an account for nothing; see docs/decisions/watching.md for what it takes.
 */
export class Watch extends Construct {
  /** Tells of alarms that begin and end, of failed jobs and of blocked queues. */
  readonly topic: sns.Topic;
  readonly alarms: Readonly<Record<AlarmName, cloudwatch.Alarm>>;
  readonly dashboard: cloudwatch.Dashboard;

  constructor(scope: Construct, id: string, props: WatchProps) {
    super(scope, id);
    const { training, classifier, api, models, alias, commandOptions, email, budget } = props;
    const thresholds = withDefaults(props.thresholds);
    if (email !== undefined) checkEmail(email);

    this.topic = this.createTopic();
    if (email !== undefined) this.topic.addSubscription(new subscriptions.EmailSubscription(email));
    if (budget !== undefined) new MonthlyBudget(this, 'Budget', checkBudget(budget, email));

    const told = { training, topic: this.topic, commandOptions };
    const failedJobs = new FailedJobs(this, 'FailedJobs', told);
    const blockedQueues = new BlockedQueues(this, 'BlockedQueues', told);
    const { metricNamespace } = classifier;
    const jobStates = new JobStates(this, 'JobStates', { training, models, alias, metricNamespace });
    const watched = { classifier, api, failedJobs, blockedQueues, jobStates, thresholds };
    this.alarms = createAlarms(this, { ...watched, topic: this.topic });
    this.dashboard = createDashboard(this, { ...watched, alarms: Object.values(this.alarms) });
  }

  /** The alarms that ring if new code of the endpoint is bad. */
  get deploymentAlarms(): readonly cloudwatch.IAlarm[] {
    const { ServerErrors, SlowAnswers, Crashes, InternalErrors } = this.alarms;
    return [ServerErrors, SlowAnswers, Crashes, InternalErrors];
  }

  private createTopic(): sns.Topic {
    const topic = new sns.Topic(this, 'Topic', { displayName: 'Cifar10', enforceSSL: true });
    // A topic with a policy of its own has lost the one by which alarms of the account may tell it.
    topic.grantPublish(
      new iam.ServicePrincipal('cloudwatch.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    );
    Validations.of(topic).acknowledge({
      id: 'AwsSolutions-SNS2',
      reason: 'CloudWatch alarms cannot use the key of AWS for SNS, and one of our own has a monthly price.',
    });
    return topic;
  }
}
