import { Duration, RemovalPolicy, Size, Stack, Validations } from 'aws-cdk-lib';
import * as batch from 'aws-cdk-lib/aws-batch';
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
  /** Where jobs find the data and leave what they made. */
  readonly models: ModelBucket;
  /** Its entry point is the training program. */
  readonly image: ecs.ContainerImage;
  /** @default g4dn.xlarge, g5.xlarge and g6.xlarge: one GPU, 4 vCPU, 16 GiB */
  readonly instanceTypes?: readonly ec2.InstanceType[];
  /** Of Spot instances, and again of on-demand ones. @default 16, four jobs of one GPU at a time */
  readonly maxVcpus?: number;
  /** Of one job; must fit on every instance type beside the ECS agent. @default 4 */
  readonly vcpus?: number;
  /** Of one job. @default 14 GiB */
  readonly memory?: Size;
  /** Of one attempt. @default 6 hours */
  readonly timeout?: Duration;
  /** Runs of one job before it is given up: each resumes at the last checkpoint. @default 5 */
  readonly attempts?: number;
}

/** A queue of training jobs: who runs them, for how long, how often, and with what rights. */
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
        // For whoever starts a job in the console; the command line gives its own.
        command: ['train', 'quick'],
        environment: { [variable.store]: models.url },
        jobRole: this.jobRole(models),
        executionRole: this.executionRole(),
        logging: ecs.LogDriver.awsLogs({ logGroup: this.logGroup, streamPrefix: 'training' }),
      }),
      timeout,
      retryAttempts: attempts,
      retryStrategies,
    });
  }

  /** What the training program itself may do. Only the gate moves `production`, so it cannot. */
  private jobRole(models: ModelBucket): iam.Role {
    const role = new iam.Role(this, 'JobRole', { assumedBy: new iam.ServicePrincipal('ecs-tasks.amazonaws.com') });
    models.grantRead(role, 'runs/*', 'models/*', 'data/*', 'aliases/candidate.json');
    models.grantWrite(role, 'runs/*', 'models/*', 'data/*', 'aliases/candidate.json');
    models.grantDelete(role, 'runs/*');
    return role;
  }

  /** What starts the container: it pulls the image, and the construct that logs lets it write its log. */
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
      reason: 'ecr:GetAuthorizationToken knows no resources.',
    });
    Validations.of(role).acknowledge({
      id: 'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ecr:<AWS::Region>:<AWS::AccountId>:repository/*]',
      reason:
        'Reads any image of this account: which repository holds it is told by the image, which may be changed by a deployment.',
    });
    return role;
  }
}

/**
 * A job is resumable, so what is lost with its instance or is stopped from outside is worth another attempt, and what it
 * did itself is not. Order matters, the first that matches wins, and without the last whatever matches nothing is retried.
 */
const retryStrategies: batch.RetryStrategy[] = [
  // The Spot instance was taken back, or the host broke.
  batch.RetryStrategy.of(batch.Action.RETRY, batch.Reason.custom({ onStatusReason: 'Host EC2*' })),
  // The next attempt has no more memory than this one.
  batch.RetryStrategy.of(batch.Action.EXIT, batch.Reason.custom({ onReason: 'OutOfMemory*' })),
  // The program was told to stop and has written a checkpoint.
  batch.RetryStrategy.of(batch.Action.RETRY, batch.Reason.custom({ onExitCode: '75' })),
  // It was killed before it could.
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
    throw new Error(`maxVcpus is ${maxVcpus}, less than one job needs. Give it at least ${vcpus}.`);
  }
  if (!Number.isInteger(attempts) || attempts < 1 || attempts > 10) {
    throw new Error(`attempts is ${attempts}. AWS Batch takes 1 to 10.`);
  }
  if (timeout.toSeconds() < 60) {
    throw new Error(`timeout is ${timeout.toSeconds()} s. AWS Batch takes 60 s or more.`);
  }
  if (memory.toMebibytes() < 2048) {
    throw new Error(`memory is ${memory.toMebibytes()} MiB. TensorFlow and the data set alone take 2048.`);
  }
  return { instanceTypes, maxVcpus, vcpus, memory, timeout, attempts };
}
