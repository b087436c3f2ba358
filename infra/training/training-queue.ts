import { Duration, RemovalPolicy, Size, Stack, Validations } from 'aws-cdk-lib';
import * as batch from 'aws-cdk-lib/aws-batch';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { variable } from '#environment/variables.ts';
import type { ModelBucket } from '../models/model-bucket.ts';
import { GpuFleet } from './gpu-fleet.ts';
import { TrainingNetwork } from './training-network.ts';

export interface TrainingQueueProps {
  /** Where jobs read the data set and write runs and models. */
  readonly models: ModelBucket;
  /** The image that jobs run; its entry point is the training program. */
  readonly image: ecs.ContainerImage;
  /** @default g4dn.xlarge, g5.xlarge and g6.xlarge: one GPU, 4 vCPU, 16 GiB */
  readonly instanceTypes?: readonly ec2.InstanceType[];
  /** The limit for all Spot instances together, and again for on-demand ones. @default 16: four jobs at a time */
  readonly maxVcpus?: number;
  /** vCPUs of one job; every instance type must have as many. @default 4 */
  readonly vcpus?: number;
  /** Memory of one job; every instance type must have more, for the ECS agent. @default 14 GiB */
  readonly memory?: Size;
  /** Time limit of one attempt. @default 6 hours */
  readonly timeout?: Duration;
  /** Attempts before a job fails; each resumes at the last checkpoint. @default 5 */
  readonly attempts?: number;
}

/** A queue of training jobs: the instances, time limit, retries and permissions. */
export class TrainingQueue extends Construct {
  readonly queue: batch.JobQueue;
  readonly jobDefinition: batch.EcsJobDefinition;
  readonly logGroup: logs.LogGroup;

  constructor(scope: Construct, id: string, props: TrainingQueueProps) {
    super(scope, id);
    const { models, image } = props;
    const { instanceTypes, maxVcpus, vcpus, memory, timeout, attempts } = withDefaults(props);

    const network = new TrainingNetwork(this, 'Network');
    const fleet = new GpuFleet(this, 'Fleet', { network, instanceTypes, maxVcpus });
    this.queue = new batch.JobQueue(this, 'Queue', {
      computeEnvironments: [
        { computeEnvironment: fleet.spot, order: 1 },
        { computeEnvironment: fleet.onDemand, order: 2 },
      ],
    });

    this.logGroup = new logs.LogGroup(this, 'Logs', {
      retention: logs.RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.jobDefinition = new batch.EcsJobDefinition(this, 'Job', {
      container: new batch.EcsEc2ContainerDefinition(this, 'Container', {
        image,
        gpu: 1,
        cpu: vcpus,
        memory,
        // For jobs started in the console; the command line passes its own command.
        command: ['train', 'quick'],
        environment: { [variable.store]: models.url, AWS_REGION: Stack.of(this).region },
        jobRole: this.jobRole(models),
        executionRole: this.executionRole(),
        logging: ecs.LogDriver.awsLogs({ logGroup: this.logGroup, streamPrefix: 'training' }),
      }),
      timeout,
      retryAttempts: attempts,
      retryStrategies,
    });
  }

  /**
   * Lines that jobs have logged: none while no job runs. Batch itself publishes no metrics of jobs.
   *
   * @default sum over 5 minutes
   */
  metricIncomingLogEvents(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    // LogGroup's own method names a metric that does not exist, and no log group.
    return new cloudwatch.Metric({
      namespace: 'AWS/Logs',
      metricName: 'IncomingLogEvents',
      dimensionsMap: { LogGroupName: this.logGroup.logGroupName },
      statistic: cloudwatch.Stats.SUM,
      ...props,
    }).attachTo(this);
  }

  /** The role of the training program. Only the gate moves `production`, so this role cannot. */
  private jobRole(models: ModelBucket): iam.Role {
    const role = new iam.Role(this, 'JobRole', { assumedBy: new iam.ServicePrincipal('ecs-tasks.amazonaws.com') });
    models.grantRead(role, 'runs/*', 'models/*', 'data/*', 'aliases/candidate.json');
    models.grantWrite(role, 'runs/*', 'models/*', 'data/*', 'aliases/candidate.json');
    models.grantDelete(role, 'runs/*');
    return role;
  }

  /** The role that starts the container: it pulls the image; `ecs.LogDriver` grants it the log. */
  private executionRole(): iam.Role {
    const role = new iam.Role(this, 'ExecutionRole', {
      assumedBy: new iam.ServicePrincipal('ecs-tasks.amazonaws.com'),
    });
    role.addToPolicy(new iam.PolicyStatement({ actions: ['ecr:GetAuthorizationToken'], resources: ['*'] }));
    role.addToPolicy(
      new iam.PolicyStatement({
        actions: ['ecr:BatchCheckLayerAvailability', 'ecr:GetDownloadUrlForLayer', 'ecr:BatchGetImage'],
        resources: [Stack.of(this).formatArn({ service: 'ecr', resource: 'repository', resourceName: '*' })],
      }),
    );
    Validations.of(role).acknowledge({
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason: 'ecr:GetAuthorizationToken does not support resource-level permissions.',
    });
    Validations.of(role).acknowledge({
      id: 'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ecr:<AWS::Region>:<AWS::AccountId>:repository/*]',
      reason: 'Reads any image of this account: a deployment may change the image, and with it the repository.',
    });
    return role;
  }
}

/**
 * Jobs can resume, so an attempt that was stopped or lost with its instance is retried; one that failed by itself is not.
 * The first match wins. Without the last strategy, an attempt that matches nothing would be retried.
 */
const retryStrategies: batch.RetryStrategy[] = [
  // The Spot instance was reclaimed, or the host failed.
  batch.RetryStrategy.of(batch.Action.RETRY, batch.Reason.custom({ onStatusReason: 'Host EC2*' })),
  // The next attempt would have no more memory.
  batch.RetryStrategy.of(batch.Action.EXIT, batch.Reason.custom({ onReason: 'OutOfMemory*' })),
  // The program was asked to stop and has written a checkpoint.
  batch.RetryStrategy.of(batch.Action.RETRY, batch.Reason.custom({ onExitCode: '75' })),
  // It was killed before it could write one.
  batch.RetryStrategy.of(batch.Action.RETRY, batch.Reason.custom({ onExitCode: '137' })),
  batch.RetryStrategy.of(batch.Action.EXIT, batch.Reason.custom({ onReason: '*' })),
];

function withDefaults(props: TrainingQueueProps) {
  const {
    instanceTypes = ['g4dn.xlarge', 'g5.xlarge', 'g6.xlarge'].map((name) => new ec2.InstanceType(name)),
    maxVcpus = 16,
    vcpus = 4,
    memory = Size.gibibytes(14),
    timeout = Duration.hours(6),
    attempts = 5,
  } = props;
  if (instanceTypes.length === 0) {
    throw new Error('instanceTypes is empty. Name at least one GPU instance type, such as g5.xlarge.');
  }
  if (!Number.isInteger(vcpus) || vcpus < 1) {
    throw new Error(`vcpus is ${vcpus}. Give the job a whole number of vCPUs, such as 4.`);
  }
  if (!Number.isInteger(maxVcpus) || maxVcpus < vcpus) {
    throw new Error(`maxVcpus is ${maxVcpus}. Give a whole number of at least ${vcpus}, the vCPUs of one job.`);
  }
  if (!Number.isInteger(attempts) || attempts < 1 || attempts > 10) {
    throw new Error(`attempts is ${attempts}. Give a whole number from 1 to 10, AWS Batch's limits.`);
  }
  if (timeout.toSeconds() < 60) {
    throw new Error(`timeout is ${timeout.toSeconds()} s. Give at least 60 s, AWS Batch's minimum.`);
  }
  if (memory.toMebibytes() < 2048) {
    throw new Error(`memory is ${memory.toMebibytes()} MiB. Give at least 2048 MiB, for TensorFlow and the data set.`);
  }
  return { instanceTypes, maxVcpus, vcpus, memory, timeout, attempts };
}
