import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { App, Validations } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import type { CloudAssembly, CloudFormationStackArtifact } from 'aws-cdk-lib/cx-api';
import { AwsSolutionsChecks } from 'cdk-nag';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { localstackPython } from '#setup/localstack.mjs';
import stackBefore from '../cli/stack/stack-before.json' with { type: 'json' };
import { ClassifierStack, type ClassifierStackProps } from './classifier-stack.ts';
import { stackNameOf } from './stage.ts';
import { regionalSettings } from './training/region.ts';

const images = { trainingImage: 'training:1', cpuTrainingImage: 'training-cpu:1' };
const withoutBundling = { 'aws:cdk:bundling-stacks': [] };

describe('ClassifierStack', () => {
  let folder: string;
  /** Synthesized once for all tests: bundling takes seconds. */
  let registry: CloudFormationStackArtifact;
  let assembly: CloudAssembly;
  let template: Template;

  function synthesize(props: ClassifierStackProps, context = {}): CloudAssembly {
    const outdir = mkdtempSync(path.join(folder, 'out-'));
    const app = new App({ outdir, context, builtinCloudFormationValidation: false });
    new ClassifierStack(app, stackNameOf(props.stage), props);
    return app.synth();
  }

  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'classifier-stack-'));
    assembly = synthesize(images);
    registry = assembly.getStackByName('Cifar10');
    template = Template.fromJSON(registry.template);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('outputs what programs need to find it', () => {
    expect(Object.keys(registry.template.Outputs).sort()).toEqual([
      'ApiKeyId',
      'BucketName',
      'ClassifierFunctionName',
      'ClassifierLogGroupName',
      'ClassifierVersion',
      'ClassifyJobDefinitionName',
      'ClassifyJobRoleArn',
      'CpuInstanceTypes',
      'CpuJobDefinitionName',
      'CpuJobQueueArn',
      'CpuOnDemandJobQueueArn',
      'CpuTrainingImage',
      'DashboardName',
      'DeploymentApplicationName',
      'DeploymentGroupName',
      'InstanceTypes',
      'JobDefinitionName',
      'JobQueueArn',
      'MaxVcpus',
      'NoticeTopicArn',
      'OnDemandJobQueueArn',
      'PreviousApiKeyId',
      'RestApiId',
      'StageName',
      'TrainingImage',
      'TrainingLogGroupName',
    ]);
  });

  it('outputs the options that are not the default, for the next deployment', () => {
    const origins = ['https://example.org', 'https://example.com:8443'];
    const outputsOf = (props: ClassifierStackProps) =>
      synthesize(props, withoutBundling).getStackByName('Cifar10').template.Outputs;

    const pictureBuckets = ['photos', 'more-photos'];
    const options = { auth: 'none', origins, trainingImage: 'a/training:1', pictureBuckets, maxVcpus: 512 } as const;
    const given = outputsOf({ ...options, shift: 'all-at-once' });
    expect(given).not.toHaveProperty('DeploymentGroupName');
    expect(given).toMatchObject({
      Shift: { Value: 'all-at-once' },
      Auth: { Value: 'none' },
      Origins: { Value: origins.join(' ') },
      TrainingImage: { Value: 'a/training:1' },
      PictureBuckets: { Value: 'photos more-photos' },
      MaxVcpus: { Value: '512' },
    });
    const kept = /^(Auth|Origins|Shift|TrainingImage|CpuTrainingImage|PictureBuckets)$/;
    const defaults = outputsOf({});
    expect(Object.keys(defaults).filter((name) => kept.test(name))).toEqual([]);
    expect(defaults.MaxVcpus).toEqual({ Value: '16' });
  });

  it('passes allowed origins to the program, and refuses invalid ones', () => {
    const origins = ['https://example.org', 'https://example.com:8443'];
    const assembly = synthesize({ ...images, origins }, withoutBundling);

    Template.fromJSON(assembly.getStackByName('Cifar10').template).hasResourceProperties('AWS::Lambda::Function', {
      Environment: { Variables: Match.objectLike({ CIFAR10_ORIGINS: origins.join(' ') }) },
    });
    expect(() => synthesize({ origins: ['example.org'] }, withoutBundling)).toThrow(
      '"example.org" is not a valid origin',
    );
  });

  it('has only a CPU queue where there are no GPU instances, which is then the queue for all jobs', () => {
    const regional = regionalSettings('mx-central-1', { gpu: 'none' });
    const { template } = synthesize({ cpuTrainingImage: 'training-cpu:1', regional }, withoutBundling).getStackByName(
      'Cifar10',
    );

    Template.fromJSON(template).resourceCountIs('AWS::Batch::ComputeEnvironment', 2);
    expect(template.Outputs.JobQueueArn).toEqual(template.Outputs.CpuJobQueueArn);
    expect(template.Outputs.JobDefinitionName).toEqual(template.Outputs.CpuJobDefinitionName);
    expect(template.Outputs).not.toHaveProperty('InstanceTypes');
    expect(template.Outputs.CpuInstanceTypes).toEqual({ Value: 'c7i.large m7i.large' });
  });

  it('warns of instance types that the region lacks', () => {
    const regional = regionalSettings('eu-west-1', { gpu: 'g6.xlarge' });
    const { messages } = synthesize({ ...images, regional }, withoutBundling).getStackByName('Cifar10');

    expect(messages.map(({ entry }) => entry.data)).toEqual([expect.stringContaining('eu-west-1 has no g6 instances')]);
  });

  it('outputs no key where auth is none', () => {
    const assembly = synthesize({ ...images, auth: 'none' }, withoutBundling);

    expect(assembly.getStackByName('Cifar10').template.Outputs).not.toHaveProperty('ApiKeyId');
  });

  it('differs in the images of three jobs, and what is kept of them, between built images and those from a registry', () => {
    const built = synthesize({}).getStackByName('Cifar10').template;

    const resources = differences(built, registry.template).filter((path) => !path.startsWith('/Outputs/'));
    expect(resources.toSorted()).toEqual([
      expect.stringMatching(/^\/Resources\/TrainingClassifyJob\w+\/Properties\/ContainerProperties\/Image$/),
      expect.stringMatching(/^\/Resources\/TrainingCpuJob\w+\/Properties\/ContainerProperties\/Image$/),
      expect.stringMatching(/^\/Resources\/TrainingJob\w+\/Properties\/ContainerProperties\/Image$/),
    ]);
  });

  it('synthesizes to the same bytes again, the hash of the code included', () => {
    const again = synthesize(images);

    const text = ({ directory }: CloudAssembly) => readFileSync(path.join(directory, registry.templateFile), 'utf8');
    expect(text(again)).toBe(text(assembly));
  });

  it('serves a version of the code by an alias that the gateway asks, and keeps the versions before', () => {
    template.hasResourceProperties('AWS::Lambda::Alias', {
      Name: 'live',
      FunctionVersion: { 'Fn::GetAtt': [Match.stringLikeRegexp('^ClassifierHandlerCurrentVersion'), 'Version'] },
    });
    template.hasResource('AWS::Lambda::Version', {
      DeletionPolicy: 'RetainExceptOnCreate',
      UpdateReplacePolicy: 'Retain',
    });
    const methods = template.findResources('AWS::ApiGateway::Method');
    for (const { Properties } of Object.values(methods)) {
      expect(JSON.stringify(Properties.Integration.Uri)).toMatch(/"Ref":"ClassifierLive\w+"/);
    }
    const permissions = Object.entries(template.findResources('AWS::Lambda::Permission'));
    for (const [id, { Properties }] of permissions.filter(([id]) => id.startsWith('Classify'))) {
      expect(Properties.FunctionName, id).toEqual({ Ref: expect.stringMatching(/^ClassifierLive/) });
    }
  });

  it('moves requests back to the code before if one of four alarms rings, and watches none without them', () => {
    const alarms = ['ServerErrors', 'SlowAnswers', 'Crashes', 'InternalErrors'];
    template.hasResourceProperties('AWS::CodeDeploy::DeploymentGroup', {
      AlarmConfiguration: {
        Enabled: true,
        Alarms: alarms.map((name) => ({ Name: { Ref: Match.stringLikeRegexp(`^Watch${name}`) } })),
      },
    });
    const unwatched = synthesize({ ...images, watch: 'off' }, withoutBundling).getStackByName('Cifar10').template;
    Template.fromJSON(unwatched).hasResourceProperties('AWS::CodeDeploy::DeploymentGroup', {
      AlarmConfiguration: Match.absent(),
    });
  });

  it('tags what the stack without a stage has by project, except what CloudFormation would replace for it', () => {
    const tagged = (type: string) =>
      Object.values(template.findResources(type)).map(({ Properties }) => JSON.stringify(Properties.Tags));

    for (const type of [
      'AWS::S3::Bucket',
      'AWS::Lambda::Function',
      'AWS::Batch::JobDefinition',
      'AWS::Logs::LogGroup',
    ]) {
      for (const tags of tagged(type)) expect(tags).toContain('cifar10');
    }
    for (const type of ['AWS::Batch::ComputeEnvironment', 'AWS::Batch::JobQueue']) {
      expect(tagged(type).filter(Boolean)).toEqual([]);
    }
    expect(registry.tags).toEqual({});
    expect(registry.terminationProtection).toBe(false);
  });

  describe('with a stage', () => {
    let stages: Record<'dev' | 'prod', CloudFormationStackArtifact>;
    beforeAll(() => {
      const of = (stage: 'dev' | 'prod') =>
        synthesize({ ...images, stage }, withoutBundling).getStackByName(`Cifar10-${stage}`);
      stages = { dev: of('dev'), prod: of('prod') };
    });

    it('has a name, the metrics and the API of its own, so that two stand side by side', () => {
      // Names inside of the stack's own roles and function, and that of the API, which is the stack's.
      const inside = /^(AWS::IAM::Policy|AWS::Lambda::Alias|AWS::ApiGateway::RestApi)$/;
      const named = Object.entries(stages.dev.template.Resources as Readonly<Record<string, Resource>>)
        .filter(([, { Type }]) => !inside.test(Type))
        .flatMap(([id, { Properties }]) =>
          Object.entries(Properties)
            .filter(([name, value]) => /Name$/.test(name) && typeof value === 'string')
            .map(([name, value]) => `${id} ${name} ${value}`),
        );
      expect(
        named.filter((each) => !/ (StageName|DeploymentConfigName|ServiceName|MetricName|DisplayName) /.test(each)),
      ).toEqual([]);
      const { dev } = stages;
      const template = Template.fromJSON(dev.template);
      template.hasResourceProperties('AWS::ApiGateway::RestApi', { Name: dev.stackName });
      template.hasResourceProperties('AWS::Lambda::Function', {
        Environment: { Variables: Match.objectLike({ CIFAR10_METRICS: dev.stackName }) },
      });
    });

    it('tags everything by project and stage: the stack, instances, volumes, and the containers of jobs', () => {
      const { dev } = stages;
      const template = Template.fromJSON(dev.template);
      const listed = Match.arrayWith([
        { Key: 'project', Value: 'cifar10' },
        { Key: 'stage', Value: 'dev' },
      ]);
      const mapped = { project: 'cifar10', stage: 'dev' };

      expect(dev.tags).toEqual(mapped);
      template.allResourcesProperties('AWS::EC2::LaunchTemplate', {
        LaunchTemplateData: {
          TagSpecifications: [
            { ResourceType: 'instance', Tags: listed },
            { ResourceType: 'volume', Tags: listed },
          ],
        },
      });
      template.allResourcesProperties('AWS::Batch::JobDefinition', { PropagateTags: true, Tags: mapped });
      template.allResourcesProperties('AWS::Batch::JobQueue', { Tags: mapped });
      template.allResourcesProperties('AWS::Batch::ComputeEnvironment', { Tags: mapped });
      template.allResourcesProperties('AWS::S3::Bucket', { Tags: listed });
    });

    it('is protected from being deleted where it is prod', () => {
      expect([stages.dev.terminationProtection, stages.prod.terminationProtection]).toEqual([false, true]);
    });
  });

  it('updates the stack of an earlier release in place: what holds data or is known to callers keeps its properties', () => {
    const kept = Object.entries(stackBefore.Resources as Readonly<Record<string, Resource>>).filter(([, { Type }]) =>
      fixedProperties.has(Type),
    );
    expect(kept.length).toBeGreaterThan(10);
    for (const [id, { Type, Properties: before }] of kept) {
      const { Type: type, Properties: after } = registry.template.Resources[id] ?? {};
      expect([id, type]).toEqual([id, Type]);
      for (const name of fixedProperties.get(Type) ?? [])
        expect([id, name, after[name]]).toEqual([id, name, before[name]]);
    }
  });

  it('can be deployed to any account and region', () => {
    expect(registry.environment).toMatchObject({ account: 'unknown-account', region: 'unknown-region' });
  });

  it('has no custom resources, so that no code runs during a deployment', () => {
    const types = Object.values<{ Type: string }>(registry.template.Resources).map(({ Type }) => Type);

    expect(
      types.filter(
        (type) => !/^AWS::(ApiGateway|Batch|CloudWatch|CodeDeploy|EC2|Events|IAM|Lambda|Logs|S3|SNS)::/.test(type),
      ),
    ).toEqual([]);
    template.resourceCountIs('AWS::Lambda::Function', 4); // the endpoint's, and those of reclaimed, failed and counted jobs
    const functions = Object.values(template.findResources('AWS::Lambda::Function'));
    expect(new Set(functions.map(({ Properties }) => Properties.Code.S3Key)).size).toBe(4);
  });

  it('runs Node on arm64 with a whole vCPU, and keeps its log for 30 days', () => {
    const logGroups = template.findResources('AWS::Logs::LogGroup', { Properties: { RetentionInDays: 30 } });
    template.hasResourceProperties('AWS::Lambda::Function', {
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      MemorySize: 1769,
      Timeout: 28,
      Environment: {
        Variables: Match.objectLike({
          CIFAR10_STORE: { 'Fn::Join': ['', ['s3://', { Ref: Match.stringLikeRegexp('^Models') }]] },
          CIFAR10_ALIAS: 'production',
        }),
      },
      LoggingConfig: { LogGroup: { Ref: Match.stringLikeRegexp('^Classifier') } },
    });
    expect(Object.keys(logGroups)).toHaveLength(5);
  });

  it('lets the endpoint read models and aliases and write its log, and nothing else', () => {
    const [policy] = Object.entries(template.findResources('AWS::IAM::Policy'))
      .filter(([id]) => id.startsWith('ClassifierRole'))
      .map(([, { Properties }]) => Properties.PolicyDocument.Statement);
    const bucket = { 'Fn::GetAtt': [expect.stringMatching(/^Models/), 'Arn'] };

    expect(policy).toEqual([
      {
        Effect: 'Allow',
        Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        Resource: { 'Fn::GetAtt': [expect.stringMatching(/^ClassifierLogs/), 'Arn'] },
      },
      {
        Effect: 'Allow',
        Action: 's3:GetObject',
        Resource: [{ 'Fn::Join': ['', [bucket, '/models/*']] }, { 'Fn::Join': ['', [bucket, '/aliases/*']] }],
      },
      {
        Effect: 'Allow',
        Action: 's3:ListBucket',
        Resource: bucket,
        Condition: { StringLike: { 's3:prefix': ['models/*', 'aliases/*'] } },
      },
    ]);
  });

  it('bundles the program, WebAssembly and the page in less than 3 MB', () => {
    const [folder = ''] = readdirSync(assembly.directory)
      .map((name) => path.join(assembly.directory, name))
      .filter((asset) => existsSync(path.join(asset, 'page')));

    expect(readdirSync(folder).sort()).toEqual(['index.mjs', 'page', 'webp_dec.wasm']);
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .map((name) => path.join(folder, name))
      .filter((file) => statSync(file).isFile());
    const zipped = files.reduce((bytes, file) => bytes + gzipSync(readFileSync(file)).byteLength, 0);
    expect(zipped).toBeLessThan(3e6);
    for (const file of files) expect(statSync(file).size).toBeGreaterThan(0);
  });

  it('passes cfn-lint in regions of each kind', () => {
    const regions = [
      'us-east-1',
      'eu-west-1',
      'us-west-1',
      'cn-north-1',
      'us-gov-west-1',
      'me-south-1',
      'mx-central-1',
    ];
    const file = path.join(assembly.directory, registry.templateFile);
    // CDK names a role twice, in the property and in DependsOn: W3005.
    const program = 'from cfnlint.runner import main; main()';
    const args = ['-c', program, '--ignore-checks', 'W3005', '--regions', ...regions, '--', file];
    const { status, stdout, stderr } = spawnSync(localstackPython()!, args, { encoding: 'utf8' });

    expect(stdout + stderr).toBe('');
    expect(status).toBe(0);
  });

  it('passes the rules of AWS Solutions and of CloudFormation, except those acknowledged with a reason', () => {
    const app = new App({
      outdir: mkdtempSync(path.join(folder, 'out-')),
      context: { '@aws-cdk/core:validateAgainstDefaultRules': true, ...withoutBundling },
    });
    const stack = new ClassifierStack(app, 'Cifar10', {
      ...{ ...images, pictureBuckets: ['photos'], email: 'me@example.org', budget: 20 },
    });
    Validations.of(app).addPlugins(new AwsSolutionsChecks(stack));

    app.synth(); // throws with what was found
    const report = JSON.parse(readFileSync(path.join(app.outdir, 'validation-report.json'), 'utf8'));
    expect(report.pluginReports.flatMap(({ violations }: { violations: unknown[] }) => violations)).toEqual([]);
  }, 180_000); // seconds alone, minutes while all other tests run
});

interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
}

/**
 * Properties whose change makes CloudFormation replace a resource, by types of resources that hold data, or jobs, or that callers
 * know.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html
 */
const fixedProperties = new Map<string, readonly string[]>([
  ['AWS::S3::Bucket', ['BucketName']],
  ['AWS::Logs::LogGroup', ['LogGroupName']],
  ['AWS::ApiGateway::RestApi', []],
  ['AWS::ApiGateway::ApiKey', ['GenerateDistinctId', 'Name', 'Value']],
  ['AWS::ApiGateway::Stage', ['RestApiId', 'StageName']],
  ['AWS::ApiGateway::UsagePlan', []],
  ['AWS::Lambda::Function', ['FunctionName', 'PackageType']],
  ['AWS::Batch::JobQueue', ['JobQueueName', 'JobQueueType', 'Tags']],
  ['AWS::Batch::JobDefinition', ['JobDefinitionName']],
  ['AWS::Batch::ComputeEnvironment', ['ComputeEnvironmentName', 'Tags', 'Type', 'ReplaceComputeEnvironment']],
]);

/** Where two JSON values differ, as paths. */
function differences(one: unknown, other: unknown, at = ''): string[] {
  if (Object.is(one, other)) return [];
  if (typeof one !== 'object' || typeof other !== 'object' || !one || !other) return [at];
  const [left, right] = [one as Record<string, unknown>, other as Record<string, unknown>];
  // The name of a built image is an intrinsic function: still one property.
  if ('Fn::Sub' in left || 'Fn::Sub' in right) return JSON.stringify(one) === JSON.stringify(other) ? [] : [at];
  const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
  return [...keys].flatMap((key) => differences(left[key], right[key], `${at}/${key}`));
}
