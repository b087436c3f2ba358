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
import { agentRole } from './agent-role.ts';
import { classifyRole } from './classify-role.ts';
import { checkCpuTypes, checkGpuTypes, InstanceFleet, type InstanceFleetProps } from './instance-fleet.ts';
import { checkMaxVcpus, defaultMaxVcpus, jobVcpus } from './max-vcpus.ts';
import { ReclaimedJobs } from './reclaimed-jobs.ts';
import { TrainingNetwork } from './training-network.ts';

export interface TrainingQueueProps {
  /** Where jobs read the data set and write runs and models. */
  readonly models: ModelBucket;
  /** The image that jobs run on a GPU; its entry point is the training program. @default no GPU queue */
  readonly image?: ecs.ContainerImage;
  /** The image that jobs run on processors alone. */
  readonly cpuImage: ecs.ContainerImage;
  /** Types with an NVIDIA GPU that the region offers. @default g4dn.xlarge, g5.xlarge and g6.xlarge: one GPU, 4 vCPU, 16 GiB */
  readonly instanceTypes?: readonly ec2.InstanceType[];
  /** x86-64 types that the region offers, with 2 vCPU and 4 GiB at least. @default Batch's own choice */
  readonly cpuInstanceTypes?: readonly ec2.InstanceType[];
  /** How many Availability Zones the instances may run in; the region must have as many. @default 2 */
  readonly zones?: number;
  /** The limit of a queue for all Spot instances together, and again for on-demand ones. @default 16: four jobs on GPUs at a time, eight on CPUs */
  readonly maxVcpus?: number;
  /** Other buckets whose pictures may be classified, by name. @default none: what is below `pictures/` in the models' bucket */
  readonly pictureBuckets?: readonly string[];
  /** vCPUs of one job on a GPU; every instance type must have as many. @default 4 */
  readonly vcpus?: number;
  /** Memory of one job on a GPU; every instance type must have more, for the ECS agent. @default 14 GiB */
  readonly memory?: Size;
  /** Time limit of one attempt. @default 6 hours */
  readonly timeout?: Duration;
  /** Attempts before a job fails, or goes on on demand; each resumes at the last checkpoint. @default 3 */
  readonly attempts?: number;
}

/** Jobs of one kind: where they are submitted to, and what they are. */
export interface JobLane {
  /** Spot instances where available, else on-demand ones. */
  readonly queue: batch.JobQueue;
  /** On-demand instances only, for jobs whose instances were reclaimed too often. */
  readonly onDemandQueue: batch.JobQueue;
  readonly jobDefinition: batch.EcsJobDefinition;
  readonly instanceTypes: readonly ec2.InstanceType[];
}

/**
 * Queues of jobs, on GPUs and on processors alone: the instances, time limit, retries and permissions. Jobs of both train; those
 * that classify pictures run on processors.
 */
export class TrainingQueue extends Construct {
  /** Absent without an image for it. */
  readonly gpu?: JobLane;
  readonly cpu: JobLane;
  /** For the queue of processors: jobs that classify pictures. */
  readonly classifyJobDefinition: batch.EcsJobDefinition;
  /** What they may do. A bucket of another account must allow it as well. */
  readonly classifyRole: iam.Role;
  readonly logGroup: logs.LogGroup;

  constructor(scope: Construct, id: string, props: TrainingQueueProps) {
    super(scope, id);
    const { instanceTypes, cpuInstanceTypes, zones, maxVcpus, vcpus, memory, timeout, attempts } = withDefaults(props);
    const { models, image, cpuImage, pictureBuckets = [] } = props;

    // Not "Network", as it once was: subnets of other sizes cannot replace each other inside one network.
    const network = new TrainingNetwork(this, 'Subnets', { zones });
    this.logGroup = new logs.LogGroup(this, 'Logs', {
      retention: logs.RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const shared: SharedProps = {
      ...{ network, instanceRole: agentRole(this, 'AgentRole'), maxVcpus, attempts },
      container: {
        executionRole: this.executionRole(),
        logging: ecs.LogDriver.awsLogs({ logGroup: this.logGroup, streamPrefix: 'training' }),
      },
      // Batch does not tell a job its region, and ECS agents before 1.104.0 do not either.
      environment: { [variable.store]: models.url, AWS_REGION: Stack.of(this).region },
    };
    const training: JobProps = {
      // For jobs started in the console; the command line passes its own command.
      command: ['train', 'quick'],
      jobRole: this.jobRole(models),
      timeout,
    };
    if (image) {
      this.gpu = this.lane('', shared, training, {
        instanceTypes,
        machineImage: batch.EcsMachineImageType.ECS_AL2023_NVIDIA,
        disk: Size.gibibytes(60),
        container: { image, gpu: 1, cpu: vcpus, memory },
        device: 'gpu',
      });
    }
    const cpu: DeviceProps = {
      // Training takes 1 GB (docs/results.md), classifying less; of 4 GiB the system leaves some 3.7. A job has a whole instance
      // of the smallest types, so it loses nothing to a neighbour, and Spot has most of those.
      container: { image: cpuImage, cpu: 2, memory: Size.gibibytes(3) },
      device: 'cpu',
    };
    this.cpu = this.lane('Cpu', shared, training, {
      ...cpu,
      instanceTypes: cpuInstanceTypes,
      machineImage: batch.EcsMachineImageType.ECS_AL2023,
      disk: Size.gibibytes(30),
    });
    this.classifyRole = classifyRole(this, 'ClassifyJobRole', { models, pictureBuckets });
    this.classifyJobDefinition = this.jobDefinition('Classify', shared, cpu, {
      // Without the plan that a submission names, a job ends with an error.
      command: ['shards'],
      jobRole: this.classifyRole,
      // Of one shard, which takes minutes; a submission gives a job as many times that as it has shards.
      timeout: Duration.hours(1),
    });
    const onCpu = { ...this.cpu, jobDefinitions: [this.cpu.jobDefinition, this.classifyJobDefinition] };
    const onGpu = this.gpu && { ...this.gpu, jobDefinitions: [this.gpu.jobDefinition] };
    new ReclaimedJobs(this, 'Reclaimed', { lanes: onGpu ? [onGpu, onCpu] : [onCpu] });
  }

  /** The GPU queue's constructs have no prefix: their ids are as old as the stack. */
  private lane(prefix: '' | 'Cpu', shared: SharedProps, job: JobProps, props: LaneProps): JobLane {
    const { network, instanceRole, maxVcpus } = shared;
    const { instanceTypes, machineImage, disk } = props;
    const fleet = new InstanceFleet(this, `${prefix}Fleet`, {
      ...{ network, instanceRole, instanceTypes, machineImage, disk, maxVcpus },
    });
    const queue = (id: string, computeEnvironments: readonly batch.ManagedEc2EcsComputeEnvironment[]) =>
      new batch.JobQueue(this, id, {
        computeEnvironments: computeEnvironments.map((computeEnvironment, index) => ({
          computeEnvironment,
          order: index + 1,
        })),
        jobStateTimeLimitActions: jobStateTimeLimits,
      });
    return {
      queue: queue(`${prefix}Queue`, [fleet.spot, fleet.onDemand]),
      onDemandQueue: queue(`${prefix}OnDemandQueue`, [fleet.onDemand]),
      jobDefinition: this.jobDefinition(prefix, shared, props, job),
      instanceTypes,
    };
  }

  private jobDefinition(
    prefix: '' | 'Cpu' | 'Classify',
    shared: SharedProps,
    { container, device }: DeviceProps,
    { command, jobRole, timeout }: JobProps,
  ): batch.EcsJobDefinition {
    return new batch.EcsJobDefinition(this, `${prefix}Job`, {
      container: new batch.EcsEc2ContainerDefinition(this, `${prefix}Container`, {
        ...shared.container,
        ...{ command, jobRole },
        ...container,
        environment: { ...shared.environment, [variable.device]: device },
      }),
      timeout,
      propagateTags: true,
      retryAttempts: shared.attempts,
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

  /** The role of jobs that train. Only the gate moves `production`, so this role cannot. A plan is the user's: a job adds to it. */
  private jobRole(models: ModelBucket): iam.Role {
    const role = new iam.Role(this, 'JobRole', { assumedBy: new iam.ServicePrincipal('ecs-tasks.amazonaws.com') });
    models.grantRead(role, 'runs/*', 'models/*', 'data/*', 'aliases/candidate.json', 'plans/*');
    models.grantWrite(role, 'runs/*', 'models/*', 'data/*', 'aliases/candidate.json');
    models.grantWrite(role, 'plans/*/started/*', 'plans/*/failures/*', 'plans/*/results/*');
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

/** What all jobs have. */
interface SharedProps {
  readonly network: TrainingNetwork;
  readonly instanceRole: iam.Role;
  readonly maxVcpus: number;
  readonly attempts: number;
  readonly container: Pick<batch.EcsEc2ContainerDefinitionProps, 'executionRole' | 'logging'>;
  readonly environment: Readonly<Record<string, string>>;
}

/** In what jobs differ that do different things. */
interface JobProps extends Required<Pick<batch.EcsEc2ContainerDefinitionProps, 'command' | 'jobRole'>> {
  readonly timeout: Duration;
}

/** In what they differ on different instances. */
interface DeviceProps {
  readonly container: Pick<batch.EcsEc2ContainerDefinitionProps, 'image' | 'gpu' | 'cpu' | 'memory'>;
  readonly device: 'gpu' | 'cpu';
}

interface LaneProps extends DeviceProps, Pick<InstanceFleetProps, 'instanceTypes' | 'machineImage' | 'disk'> {}

/**
 * Jobs can resume, so an attempt is retried that was lost with its instance, could not be started, was killed, or wrote a checkpoint
 * and ended; not one that failed by itself. Batch retries what matches no strategy, and never a job that was cancelled or
 * took too long.
 *
 * @see https://docs.aws.amazon.com/batch/latest/userguide/job_retries.html
 */
const retryStrategies: batch.RetryStrategy[] = [
  // The next attempt would have no more memory.
  batch.RetryStrategy.of(batch.Action.EXIT, batch.Reason.custom({ onReason: 'OutOfMemory*' })),
  // The program failed, or its arguments are wrong.
  batch.RetryStrategy.of(batch.Action.EXIT, batch.Reason.custom({ onExitCode: '1' })),
  batch.RetryStrategy.of(batch.Action.EXIT, batch.Reason.custom({ onExitCode: '2' })),
];

/**
 * After how long at the head of the queue a job ends that has no machine, for the reasons that Batch lets one limit. Such a job
 * costs nothing, but all others wait behind it.
 *
 * @see https://docs.aws.amazon.com/batch/latest/userguide/job_stuck_in_runnable_time_limit_actions.html
 */
const jobStateTimeLimits: batch.JobStateTimeLimitAction[] = [
  // There may be capacity at night, or in the morning.
  {
    reason: batch.JobStateTimeLimitActionsReason.INSUFFICIENT_INSTANCE_CAPACITY,
    maxTime: Duration.hours(12),
  },
  // Waiting does not help these two: ten minutes are Batch's minimum.
  {
    reason: batch.JobStateTimeLimitActionsReason.COMPUTE_ENVIRONMENT_MAX_RESOURCE,
    maxTime: Duration.minutes(10),
  },
  { reason: batch.JobStateTimeLimitActionsReason.JOB_RESOURCE_REQUIREMENT, maxTime: Duration.minutes(10) },
];

function withDefaults(props: TrainingQueueProps) {
  const {
    instanceTypes = ['g4dn.xlarge', 'g5.xlarge', 'g6.xlarge'].map((name) => new ec2.InstanceType(name)),
    cpuInstanceTypes = [new ec2.InstanceType('optimal')],
    zones = 2,
    maxVcpus = defaultMaxVcpus,
    vcpus = jobVcpus,
    memory = Size.gibibytes(14),
    timeout = Duration.hours(6),
    attempts = 3,
  } = props;
  if (instanceTypes.length === 0) {
    throw new Error('instanceTypes is empty. Name at least one GPU instance type, such as g5.xlarge.');
  }
  checkGpuTypes(instanceTypes);
  if (cpuInstanceTypes.length === 0) {
    throw new Error('cpuInstanceTypes is empty. Name at least one instance type, such as c7i.large.');
  }
  checkCpuTypes(cpuInstanceTypes);
  if (!Number.isInteger(vcpus) || vcpus < 1) {
    throw new Error(`vcpus is ${vcpus}. Give the job a whole number of vCPUs, such as 4.`);
  }
  checkMaxVcpus(maxVcpus, vcpus);
  if (!Number.isInteger(attempts) || attempts < 1 || attempts > 10) {
    throw new Error(`attempts is ${attempts}. Give a whole number from 1 to 10, AWS Batch's limits.`);
  }
  if (timeout.toSeconds() < 60) {
    throw new Error(`timeout is ${timeout.toSeconds()} s. Give at least 60 s, AWS Batch's minimum.`);
  }
  if (memory.toMebibytes() < 2048) {
    throw new Error(`memory is ${memory.toMebibytes()} MiB. Give at least 2048 MiB, for TensorFlow and the data set.`);
  }
  return { instanceTypes, cpuInstanceTypes, zones, maxVcpus, vcpus, memory, timeout, attempts };
}
