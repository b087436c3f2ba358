import { App, Duration, Size, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { beforeAll, describe, expect, it } from 'vitest';
import { ModelBucket } from '../models/model-bucket.ts';
import { TrainingQueue, type TrainingQueueProps } from './training-queue.ts';

const image = ecs.ContainerImage.fromRegistry('training:1');
const cpuImage = ecs.ContainerImage.fromRegistry('training-cpu:1');

function givenStack(): { stack: Stack; models: ModelBucket } {
  const context = { 'aws:cdk:bundling-stacks': [] };
  const stack = new Stack(new App({ context, builtinCloudFormationValidation: false }));
  return { stack, models: new ModelBucket(stack, 'Models') };
}

function givenQueue(props: Partial<TrainingQueueProps> = {}): { stack: Stack; training: TrainingQueue } {
  const { stack, models } = givenStack();
  return { stack, training: new TrainingQueue(stack, 'Training', { models, image, cpuImage, ...props }) };
}

function synthesize(props: Partial<TrainingQueueProps> = {}): Template {
  return Template.fromStack(givenQueue(props).stack);
}

describe('TrainingQueue', () => {
  let template: Template;
  beforeAll(() => {
    template = synthesize();
  });

  it.each([
    ['Queue', ['SPOT', 'EC2']],
    ['OnDemandQueue', ['EC2']],
    ['CpuQueue', ['SPOT', 'EC2']],
    ['CpuOnDemandQueue', ['EC2']],
  ])('pays for the instances of %s in this order: %j', (id, expected) => {
    const order: { Order: number; ComputeEnvironment: { 'Fn::GetAtt': [string] } }[] = the(
      template,
      'AWS::Batch::JobQueue',
      `Training${id}`,
    ).ComputeEnvironmentOrder;
    const environments = template.findResources('AWS::Batch::ComputeEnvironment');
    const kinds = [...order]
      .sort((a, b) => a.Order - b.Order)
      .map((each) => environments[each.ComputeEnvironment['Fn::GetAtt'][0]]?.Properties.ComputeResources.Type);

    expect(kinds).toEqual(expected);
  });

  it.each(['Spot', 'OnDemand'])('has GPU instances with NVIDIA’s driver, and none while idle: %s', (name) => {
    expect(the(template, 'AWS::Batch::ComputeEnvironment', `TrainingFleet${name}`)).toMatchObject({
      Type: 'managed',
      ComputeResources: {
        Ec2Configuration: [{ ImageType: 'ECS_AL2023_NVIDIA' }],
        InstanceTypes: ['g4dn.xlarge', 'g5.xlarge', 'g6.xlarge'],
        MinvCpus: 0,
        MaxvCpus: 16,
      },
    });
  });

  it.each(['Spot', 'OnDemand'])(
    'has instances without a GPU, which Batch chooses unless they are named: %s',
    (name) => {
      const environment = the(template, 'AWS::Batch::ComputeEnvironment', `TrainingCpuFleet${name}`);
      expect(environment.ComputeResources).toMatchObject({
        Ec2Configuration: [{ ImageType: 'ECS_AL2023' }],
        InstanceTypes: ['optimal'],
        MinvCpus: 0,
      });

      const named = synthesize({ cpuInstanceTypes: [new ec2.InstanceType('c7a.large')] });
      const resources = the(named, 'AWS::Batch::ComputeEnvironment', `TrainingCpuFleet${name}`).ComputeResources;
      expect(resources.InstanceTypes).toEqual(['c7a.large']);
    },
  );

  it('changes environments where they are, so that the queues keep them', () => {
    template.allResourcesProperties('AWS::Batch::ComputeEnvironment', {
      ReplaceComputeEnvironment: false,
      ServiceRole: Match.absent(), // Batch's own, which such a change needs
      ComputeEnvironmentName: Match.absent(),
    });
  });

  it('has no GPU queue without an image for it', () => {
    const { stack, models } = givenStack();
    const training = new TrainingQueue(stack, 'Training', { models, cpuImage });

    expect(training.gpu).toBeUndefined();
    Template.fromStack(stack).resourceCountIs('AWS::Batch::JobQueue', 2);
  });

  it('ends jobs that wait for what they cannot get, for each reason that Batch lets one limit', () => {
    template.allResourcesProperties('AWS::Batch::JobQueue', {
      JobStateTimeLimitActions: [
        ['CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY', 12 * 3600],
        ['MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE', 600],
        ['MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT', 600],
      ].map(([Reason, MaxTimeSeconds]) => ({ Action: 'CANCEL', MaxTimeSeconds, Reason, State: 'RUNNABLE' })),
    });
  });

  it('passes a changed launch template on to the environments', () => {
    template.allResourcesProperties('AWS::Batch::ComputeEnvironment', {
      ComputeResources: Match.objectLike({
        LaunchTemplate: Match.objectLike({ Version: { 'Fn::GetAtt': [Match.anyValue(), 'LatestVersionNumber'] } }),
      }),
    });
  });

  it('lets programs read the metadata of the instance with a token only', () => {
    template.allResourcesProperties('AWS::EC2::LaunchTemplate', {
      LaunchTemplateData: { MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 1 } },
    });
  });

  it('lets instances do what an ECS agent does, and no more: a job can get at their role', () => {
    const statements = statementsOf(template, 'TrainingAgentRole');

    expect(statements.flatMap(({ Action }) => Action).sort()).toEqual([
      'ecs:DiscoverPollEndpoint',
      'ecs:Poll',
      'ecs:RegisterContainerInstance',
      'ecs:StartTelemetrySession',
      'ecs:SubmitAttachmentStateChanges',
      'ecs:SubmitContainerStateChange',
      'ecs:SubmitTaskStateChange',
      'ecs:TagResource',
    ]);
    expect(the(template, 'AWS::IAM::Role', 'TrainingAgentRole').ManagedPolicyArns).toBeUndefined();
    template.allResourcesProperties('AWS::IAM::InstanceProfile', {
      Roles: [{ Ref: Match.stringLikeRegexp('^TrainingAgentRole') }],
    });
  });

  it('lets the execution role pull images and write the log, which the instance may not', () => {
    const actions = statementsOf(template, 'TrainingExecutionRole').flatMap(({ Action }) => Action);
    expect(actions).toEqual(
      expect.arrayContaining([
        'ecr:GetAuthorizationToken',
        'ecr:BatchGetImage',
        'logs:CreateLogStream',
        'logs:PutLogEvents',
      ]),
    );
    template.allResourcesProperties('AWS::Batch::JobDefinition', {
      ContainerProperties: {
        ExecutionRoleArn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^TrainingExecutionRole'), 'Arn'] },
      },
    });
  });

  it('has public subnets, a gateway endpoint for S3 and no NAT gateway', () => {
    template.allResourcesProperties('AWS::EC2::Subnet', { MapPublicIpOnLaunch: true });
    template.hasResourceProperties('AWS::EC2::VPCEndpoint', { VpcEndpointType: 'Gateway' });
    template.resourceCountIs('AWS::EC2::NatGateway', 0);
  });

  it.each([2, 3])('has a subnet in each of %i Availability Zones, of a size that leaves room for more', (zones) => {
    const subnets = Object.values(synthesize({ zones }).findResources('AWS::EC2::Subnet'));

    expect(subnets.map(({ Properties }) => Properties.CidrBlock)).toEqual(
      ['10.0.0.0/20', '10.0.16.0/20', '10.0.32.0/20'].slice(0, zones),
    );
    expect(subnets.map(({ Properties }) => Properties.AvailabilityZone)).toEqual(
      Array.from({ length: zones }, (_, index) => ({ 'Fn::Select': [index, { 'Fn::GetAZs': '' }] })),
    );
  });

  it('allows no inbound traffic, and outbound HTTPS only', () => {
    template.allResourcesProperties('AWS::EC2::SecurityGroup', {
      SecurityGroupIngress: Match.absent(),
      SecurityGroupEgress: [Match.objectLike({ IpProtocol: 'tcp', FromPort: 443, ToPort: 443 })],
    });
    template.resourceCountIs('AWS::EC2::SecurityGroupIngress', 0);
  });

  it('retries attempts, up to three, but those that failed by themselves', () => {
    template.allResourcesProperties('AWS::Batch::JobDefinition', {
      RetryStrategy: {
        Attempts: 3,
        EvaluateOnExit: [
          { Action: 'EXIT', OnReason: 'OutOfMemory*' },
          { Action: 'EXIT', OnExitCode: '1' },
          { Action: 'EXIT', OnExitCode: '2' },
        ],
      },
    });
  });

  it.each([
    ['Job', 6],
    ['CpuJob', 6],
    ['ClassifyJob', 1],
  ])('ends an attempt of %s after %i hours', (id, hours) => {
    const { Timeout } = the(template, 'AWS::Batch::JobDefinition', `Training${id}`);
    expect(Timeout).toEqual({ AttemptDurationSeconds: hours * 3600 });
  });

  it.each([
    ['Job', 'training:1', 'gpu', ['train', 'quick'], { MEMORY: '14336', VCPU: '4', GPU: '1' }],
    ['CpuJob', 'training-cpu:1', 'cpu', ['train', 'quick'], { MEMORY: '3072', VCPU: '2' }],
    ['ClassifyJob', 'training-cpu:1', 'cpu', ['shards'], { MEMORY: '3072', VCPU: '2' }],
  ])(
    'passes the program of %s the store, the region and the device, and nothing else',
    (id, image, device, command, resources) => {
      const bucket = { Ref: expect.stringMatching(/^Models/) };

      expect(the(template, 'AWS::Batch::JobDefinition', `Training${id}`).ContainerProperties).toMatchObject({
        Image: image,
        Command: command,
        Environment: [
          { Name: 'CIFAR10_STORE', Value: { 'Fn::Join': ['', ['s3://', bucket]] } },
          { Name: 'AWS_REGION', Value: { Ref: 'AWS::Region' } },
          { Name: 'CIFAR10_DEVICE', Value: device },
        ],
        ResourceRequirements: Object.entries(resources).map(([Type, Value]) => ({ Type, Value })),
      });
    },
  );

  it('logs to its own group, with a retention of 30 days', () => {
    const [logGroup] = Object.keys(
      template.findResources('AWS::Logs::LogGroup', { Properties: { RetentionInDays: 30 } }),
    ).filter((id) => id.startsWith('TrainingLogs'));
    template.allResourcesProperties('AWS::Batch::JobDefinition', {
      ContainerProperties: {
        LogConfiguration: { LogDriver: 'awslogs', Options: { 'awslogs-group': { Ref: logGroup } } },
      },
    });
  });

  it('lets a job that trains write runs, models, data and the alias candidate, no other alias, and results of plans', () => {
    expect(keysAllowed(template, 'TrainingJobRole', 's3:PutObject')).toEqual([
      '/runs/*',
      '/models/*',
      '/data/*',
      '/aliases/candidate.json',
      '/plans/*/started/*',
      '/plans/*/failures/*',
      '/plans/*/results/*',
    ]);
  });

  it('lets a job that classifies read a plan, a model and pictures, and write answers and results, with a role of its own', () => {
    const roleOf = (id: string) => the(template, 'AWS::Batch::JobDefinition', id).ContainerProperties.JobRoleArn;
    expect(roleOf('TrainingClassifyJob')['Fn::GetAtt'][0]).toMatch(/^TrainingClassifyJobRole/);
    expect(roleOf('TrainingCpuJob')['Fn::GetAtt'][0]).toMatch(/^TrainingJobRole/);
    const allowed = (action: string) => keysAllowed(template, 'TrainingClassifyJobRole', action);
    expect(allowed('s3:GetObject')).toEqual(['/models/*', '/plans/*', '/pictures/*']);
    expect(allowed('s3:PutObject')).toEqual([
      '/plans/*/started/*',
      '/plans/*/failures/*',
      '/plans/*/results/*',
      '/batches/*/answers/*',
    ]);
    const actions = statementsOf(template, 'TrainingClassifyJobRole').flatMap(({ Action }) => Action);
    expect(new Set(actions)).toEqual(new Set(['s3:GetObject', 's3:ListBucket', 's3:PutObject']));
  });

  it('lets a job that classifies read other buckets that are named, and use their keys for their objects alone', () => {
    const statements = statementsOf(synthesize({ pictureBuckets: ['photos', 'photos'] }), 'TrainingClassifyJobRole');
    const arn = (resource: string) => ({ 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, `:s3:::${resource}`]] });

    expect(statements.slice(-3)).toEqual([
      { Effect: 'Allow', Action: 's3:GetObject', Resource: arn('photos/*') },
      { Effect: 'Allow', Action: 's3:ListBucket', Resource: arn('photos') },
      {
        ...{ Effect: 'Allow', Action: 'kms:Decrypt', Resource: '*' },
        Condition: { StringLike: { 'kms:EncryptionContext:aws:s3:arn': [arn('photos'), arn('photos/*')] } },
      },
    ]);
  });

  it('lets a job delete its checkpoints, and nothing that was published', () => {
    expect(keysAllowed(template, 'TrainingJobRole', 's3:DeleteObject')).toEqual(['/runs/*']);
  });

  it('lets a job use S3 only', () => {
    const actions = statementsOf(template, 'TrainingJobRole').flatMap(({ Action }) => Action);
    expect(new Set(actions)).toEqual(new Set(['s3:GetObject', 's3:ListBucket', 's3:PutObject', 's3:DeleteObject']));
  });

  it('counts the lines that jobs log', () => {
    const { stack, training } = givenQueue();

    const metric = training.metricIncomingLogEvents().toMetricConfig().metricStat;
    expect(metric).toMatchObject({ namespace: 'AWS/Logs', metricName: 'IncomingLogEvents', statistic: 'Sum' });
    const value = stack.resolve(training.logGroup.logGroupName);
    expect(stack.resolve(metric?.dimensions)).toEqual([{ name: 'LogGroupName', value }]);
  });

  it.each([
    [{ instanceTypes: [] }, 'instanceTypes is empty'],
    [{ instanceTypes: [new ec2.InstanceType('m7i.large')] }, 'm7i.large has no GPU that jobs can use'],
    [{ instanceTypes: [new ec2.InstanceType('g5g.xlarge')] }, 'g5g.xlarge has no GPU that jobs can use'], // Arm
    [{ instanceTypes: [new ec2.InstanceType('g4ad.xlarge')] }, 'g4ad.xlarge has no GPU that jobs can use'], // AMD
    [{ instanceTypes: [new ec2.InstanceType('g6f.xlarge')] }, 'g6f.xlarge has no GPU that jobs can use'], // an eighth
    [{ instanceTypes: [new ec2.InstanceType('p3.2xlarge')] }, 'p3.2xlarge has a GPU that NVIDIA’s driver or cuDNN no'],
    [{ instanceTypes: [new ec2.InstanceType('p2.xlarge')] }, 'p2.xlarge has a GPU that NVIDIA’s driver or cuDNN no'],
    [{ cpuInstanceTypes: [] }, 'cpuInstanceTypes is empty'],
    [{ cpuInstanceTypes: [new ec2.InstanceType('c7g.large')] }, 'c7g.large has an Arm processor'],
    [{ cpuInstanceTypes: [new ec2.InstanceType('c7a')] }, 'c7a is not an instance type'],
    [{ maxVcpus: 2 }, 'maxVcpus is 2'],
    [{ pictureBuckets: ['s3://photos'] }, '"s3://photos" is not the name of a bucket'],
    [{ pictureBuckets: ['photos/cats'] }, '"photos/cats" is not the name of a bucket'],
    [{ pictureBuckets: ['Photos'] }, '"Photos" is not the name of a bucket'],
    [{ pictureBuckets: ['*'] }, '"*" is not the name of a bucket'],
    [{ vcpus: 0.5 }, 'vcpus is 0.5'],
    [{ attempts: 11 }, 'attempts is 11'],
    [{ timeout: Duration.seconds(30) }, 'timeout is 30 s'],
    [{ memory: Size.mebibytes(100) }, 'memory is 100 MiB'],
  ])('refuses %j', (props, message) => {
    expect(() => synthesize(props)).toThrow(message);
  });
});

interface Statement {
  readonly Action: string | string[];
  readonly Resource: { 'Fn::Join'?: [string, unknown[]] } | { 'Fn::Join'?: [string, unknown[]] }[];
}

/** The properties of the resource with this type and logical id (without its hash). */
function the(template: Template, type: string, id: string) {
  const found = Object.entries(template.findResources(type)).filter(([name]) => name.slice(0, -8) === id);
  expect(found).toHaveLength(1);
  return found[0]![1].Properties;
}

/** The statements of the policies attached to the role with this logical id (without its hash). */
function statementsOf(template: Template, role: string): Statement[] {
  return Object.values(template.findResources('AWS::IAM::Policy'))
    .filter(({ Properties }) => Properties.Roles.some(({ Ref }: { Ref: string }) => Ref.startsWith(role)))
    .flatMap(({ Properties }) => Properties.PolicyDocument.Statement);
}

/** The keys in the bucket on which the role may perform the action. */
function keysAllowed(template: Template, role: string, action: string): unknown[] {
  return statementsOf(template, role)
    .filter((statement) => [statement.Action].flat().includes(action))
    .flatMap((statement) => [statement.Resource].flat())
    .map((resource) => resource['Fn::Join']?.[1].at(-1));
}
