import { App, Duration, Size, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { beforeAll, describe, expect, it } from 'vitest';
import { ModelBucket } from '../models/model-bucket.ts';
import { TrainingQueue, type TrainingQueueProps } from './training-queue.ts';

function givenQueue(props: Partial<TrainingQueueProps> = {}): { stack: Stack; training: TrainingQueue } {
  const stack = new Stack(new App({ builtinCloudFormationValidation: false }));
  const models = new ModelBucket(stack, 'Models');
  const image = ecs.ContainerImage.fromRegistry('training:1');
  return { stack, training: new TrainingQueue(stack, 'Training', { models, image, ...props }) };
}

function synthesize(props: Partial<TrainingQueueProps> = {}): Template {
  return Template.fromStack(givenQueue(props).stack);
}

describe('TrainingQueue', () => {
  let template: Template;
  beforeAll(() => {
    template = synthesize();
  });

  it('tries Spot instances first and on-demand ones second', () => {
    const [queue] = Object.values(template.findResources('AWS::Batch::JobQueue'));
    const order: { Order: number; ComputeEnvironment: { 'Fn::GetAtt': [string] } }[] =
      queue?.Properties.ComputeEnvironmentOrder;
    const environments = template.findResources('AWS::Batch::ComputeEnvironment');
    const kinds = [...order]
      .sort((a, b) => a.Order - b.Order)
      .map((each) => environments[each.ComputeEnvironment['Fn::GetAtt'][0]]?.Properties.ComputeResources.Type);

    expect(kinds).toEqual(['SPOT', 'EC2']);
  });

  it('uses Amazon Linux 2023 with NVIDIA drivers on g4dn, g5 and g6, and no instance while idle', () => {
    template.allResourcesProperties('AWS::Batch::ComputeEnvironment', {
      Type: 'managed',
      ComputeResources: Match.objectLike({
        Ec2Configuration: [{ ImageType: 'ECS_AL2023_NVIDIA' }],
        InstanceTypes: ['g4dn.xlarge', 'g5.xlarge', 'g6.xlarge'],
        MinvCpus: 0,
        MaxvCpus: 16,
      }),
    });
  });

  it('passes a Spot notice on to the program and gives it 90 s to write a checkpoint', () => {
    const [launchTemplate] = Object.values(template.findResources('AWS::EC2::LaunchTemplate'));
    const userData = JSON.stringify(launchTemplate?.Properties.LaunchTemplateData.UserData);

    expect(userData).toContain('Content-Type: multipart/mixed'); // Batch adds a part of its own
    expect(userData).toContain('echo ECS_ENABLE_SPOT_INSTANCE_DRAINING=true >> /etc/ecs/ecs.config');
    expect(userData).toContain('echo ECS_CONTAINER_STOP_TIMEOUT=90s >> /etc/ecs/ecs.config');
  });

  it('passes a changed launch template on to the environments', () => {
    template.allResourcesProperties('AWS::Batch::ComputeEnvironment', {
      ComputeResources: Match.objectLike({
        LaunchTemplate: Match.objectLike({ Version: { 'Fn::GetAtt': [Match.anyValue(), 'LatestVersionNumber'] } }),
      }),
    });
  });

  it('hides the role of the instance from containers', () => {
    template.hasResourceProperties('AWS::EC2::LaunchTemplate', {
      LaunchTemplateData: { MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 1 } },
    });
  });

  it('has public subnets, a gateway endpoint for S3 and no NAT gateway', () => {
    template.allResourcesProperties('AWS::EC2::Subnet', { MapPublicIpOnLaunch: true });
    template.hasResourceProperties('AWS::EC2::VPCEndpoint', { VpcEndpointType: 'Gateway' });
    template.resourceCountIs('AWS::EC2::NatGateway', 0);
  });

  it('allows no inbound traffic, and outbound HTTPS only', () => {
    template.allResourcesProperties('AWS::EC2::SecurityGroup', {
      SecurityGroupIngress: Match.absent(),
      SecurityGroupEgress: [Match.objectLike({ IpProtocol: 'tcp', FromPort: 443, ToPort: 443 })],
    });
    template.resourceCountIs('AWS::EC2::SecurityGroupIngress', 0);
  });

  it('retries attempts that were stopped or lost with their host, and no others, up to five attempts', () => {
    template.hasResourceProperties('AWS::Batch::JobDefinition', {
      RetryStrategy: {
        Attempts: 5,
        EvaluateOnExit: [
          { Action: 'RETRY', OnStatusReason: 'Host EC2*' },
          { Action: 'EXIT', OnReason: 'OutOfMemory*' },
          { Action: 'RETRY', OnExitCode: '75' },
          { Action: 'RETRY', OnExitCode: '137' },
          { Action: 'EXIT', OnReason: '*' },
        ],
      },
      Timeout: { AttemptDurationSeconds: 6 * 3600 },
    });
  });

  it('passes the program the address of the store and the region, and nothing else', () => {
    template.hasResourceProperties('AWS::Batch::JobDefinition', {
      ContainerProperties: {
        Image: 'training:1',
        Environment: [
          { Name: 'CIFAR10_STORE', Value: { 'Fn::Join': ['', ['s3://', { Ref: Match.stringLikeRegexp('^Models') }]] } },
          { Name: 'AWS_REGION', Value: { Ref: 'AWS::Region' } },
        ],
        ResourceRequirements: [
          { Type: 'MEMORY', Value: '14336' },
          { Type: 'VCPU', Value: '4' },
          { Type: 'GPU', Value: '1' },
        ],
      },
    });
  });

  it('logs to its own group, with a retention of 30 days', () => {
    const [[logGroup] = []] = Object.entries(
      template.findResources('AWS::Logs::LogGroup', { Properties: { RetentionInDays: 30 } }),
    );
    template.hasResourceProperties('AWS::Batch::JobDefinition', {
      ContainerProperties: {
        LogConfiguration: { LogDriver: 'awslogs', Options: { 'awslogs-group': { Ref: logGroup } } },
      },
    });
  });

  it('lets a job write runs, models, data and the alias candidate, and no other alias', () => {
    expect(keysAllowed(template, 'TrainingJobRole', 's3:PutObject')).toEqual([
      '/runs/*',
      '/models/*',
      '/data/*',
      '/aliases/candidate.json',
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
    [{ instanceTypes: [new ec2.InstanceType('m7i.large')] }, 'm7i.large has no NVIDIA GPU'],
    [{ instanceTypes: [new ec2.InstanceType('g5g.xlarge')] }, 'g5g.xlarge has no NVIDIA GPU'],
    [{ maxVcpus: 2 }, 'maxVcpus is 2'],
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
