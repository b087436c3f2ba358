import { Annotations, CfnOutput, Stack, type StackProps, Tags, Validations } from 'aws-cdk-lib';
import { InstanceType } from 'aws-cdk-lib/aws-ec2';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import type { Auth } from './classify/auth.ts';
import { ClassifierFunction } from './classify/classifier-function.ts';
import { ClassifyApi } from './classify/classify-api.ts';
import { CodeGate } from './classify/code-gate.ts';
import type { Shift } from './classify/shift.ts';
import { ModelBucket } from './models/model-bucket.ts';
import type { Stage } from './stage.ts';
import { defaultMaxVcpus } from './training/max-vcpus.ts';
import { type RegionalSettings, regionalSettings } from './training/region.ts';
import { imageSynthesizer, trainingImage } from './training/training-image.ts';
import { TrainingQueue } from './training/training-queue.ts';
import type { WatchThresholds } from './watch/thresholds.ts';
import { Watch } from './watch/watch.ts';

export interface ClassifierStackProps extends StackProps {
  /** Which of the stages of one account this is. @default the system has no stages */
  readonly stage?: Stage;
  /** The image that jobs run, by its address in a registry. @default training/Dockerfile, built on deployment */
  readonly trainingImage?: string;
  /** The image that jobs on processors alone run, likewise. @default training/Dockerfile.cpu, built on deployment */
  readonly cpuTrainingImage?: string;
  /** Other buckets whose pictures may be classified by jobs, by name. @default none */
  readonly pictureBuckets?: readonly string[];
  /** The limit of vCPUs, of each queue and way to pay; see `TrainingQueueProps`. @default 16 */
  readonly maxVcpus?: number;
  /** What depends on the region. @default a template for any region that has the usual GPU types */
  readonly regional?: RegionalSettings;
  /** Who may classify. @default key */
  readonly auth?: Auth;
  /** Other origins whose web pages may call the API, such as `https://example.org`; `*` for all. @default none */
  readonly origins?: readonly string[];
  /** How requests go over to new code; see `CodeGateProps`. @default canary */
  readonly shift?: Shift;
  /** Whether the alias of the code was moved since the last deployment; see `CodeGateProps.isSkipped`. @default false */
  readonly isAliasMoved?: boolean;
  /** Whether dashboard, alarms and notices are part of the stack. @default on */
  readonly watch?: 'on' | 'off';
  /** Who gets alarms and notices by e-mail. @default nobody */
  readonly email?: string;
  /** US dollars a month of the whole account, of which an e-mail warns; it needs `email`. @default none */
  readonly budget?: number;
  /** From where on alarms ring. @default as `WatchThresholds` says */
  readonly thresholds?: WatchThresholds;
  /** How many classifications run at the same time at most; see `ClassifierFunctionProps`. @default what the account has left */
  readonly reservedConcurrency?: number;
}

/** Batch jobs train models, write them to S3, and classify pictures by the million; a Lambda behind API Gateway reads a model and classifies images. */
export class ClassifierStack extends Stack {
  constructor(scope: Construct, id: string, props: ClassifierStackProps = {}) {
    super(scope, id, {
      description: 'Trains an image classifier on AWS Batch and serves it by Lambda',
      synthesizer: imageSynthesizer(),
      terminationProtection: props.stage === 'prod',
      ...props,
    });

    const { stage, auth = 'key', origins = [], pictureBuckets = [], maxVcpus = defaultMaxVcpus } = props;
    const { watch = 'on', shift = 'canary', isAliasMoved = false } = props;
    tagResources(this, stage);
    const { instanceTypes, zones, warnings } = props.regional ?? regionalSettings(undefined);
    for (const warning of warnings) Annotations.of(this).addWarningV2('cifar10:region', warning);
    const models = new ModelBucket(this, 'Models');
    const training = new TrainingQueue(this, 'Training', {
      models,
      ...(instanceTypes.gpu.length === 0
        ? {}
        : {
            image: trainingImage(this, { device: 'gpu', registryUri: props.trainingImage }),
            instanceTypes: instanceTypes.gpu.map((name) => new InstanceType(name)),
          }),
      cpuImage: trainingImage(this, { device: 'cpu', registryUri: props.cpuTrainingImage }),
      cpuInstanceTypes: instanceTypes.cpu.map((name) => new InstanceType(name)),
      ...{ zones, pictureBuckets, maxVcpus },
    });
    const alias = 'production';
    const classifier = new ClassifierFunction(this, 'Classifier', {
      ...{ models, alias, origins, metricNamespace: this.stackName },
      ...(props.reservedConcurrency === undefined ? {} : { reservedConcurrency: props.reservedConcurrency }),
    });
    const endpoint = new ClassifyApi(this, 'Classify', {
      ...{ auth, crossOrigin: origins.length > 0 },
      ...(stage === undefined ? {} : { name: this.stackName }),
      handler: classifier.alias as IFunction, // its types are not exact about optional properties
    });

    const { api, apiKeys } = endpoint;
    const watching =
      watch === 'on'
        ? new Watch(this, 'Watch', {
            ...{ training, classifier, api: endpoint, models, alias },
            // Notices are read by people with an account: LocalStack sends no mail.
            commandOptions: stage === undefined ? '--target aws' : `--target aws --stage ${stage}`,
            ...(props.email === undefined ? {} : { email: props.email }),
            ...(props.budget === undefined ? {} : { budget: props.budget }),
            ...(props.thresholds === undefined ? {} : { thresholds: props.thresholds }),
          })
        : undefined;
    const gate =
      shift === 'all-at-once'
        ? undefined
        : new CodeGate(this, 'Gate', {
            ...{ alias: classifier.alias, shift, isSkipped: isAliasMoved },
            alarms: watching?.deploymentAlarms ?? [],
          });

    // What programs need to know and cannot derive. Without GPU instances every job runs on processors.
    const { gpu, cpu } = training;
    const lane = gpu ?? cpu;
    const outputs = {
      BucketName: models.bucket.bucketName,
      JobQueueArn: lane.queue.jobQueueArn,
      JobDefinitionName: lane.jobDefinition.jobDefinitionName,
      OnDemandJobQueueArn: lane.onDemandQueue.jobQueueArn,
      InstanceTypes: gpu && instanceTypes.gpu.join(' '),
      CpuJobQueueArn: cpu.queue.jobQueueArn,
      CpuJobDefinitionName: cpu.jobDefinition.jobDefinitionName,
      CpuOnDemandJobQueueArn: cpu.onDemandQueue.jobQueueArn,
      CpuInstanceTypes: instanceTypes.cpu.join(' '),
      ClassifyJobDefinitionName: training.classifyJobDefinition.jobDefinitionName,
      ClassifyJobRoleArn: training.classifyRole.roleArn,
      TrainingLogGroupName: training.logGroup.logGroupName,
      RestApiId: api.restApiId,
      StageName: api.deploymentStage.stageName,
      ApiKeyId: apiKeys?.newest,
      ClassifierLogGroupName: classifier.logGroup.logGroupName,
      ClassifierFunctionName: classifier.handler.functionName,
      ClassifierVersion: classifier.version.version,
      DeploymentApplicationName: gate?.application.applicationName,
      DeploymentGroupName: gate?.deploymentGroup.deploymentGroupName,
      NoticeTopicArn: watching?.topic.topicArn,
      DashboardName: watching?.dashboard.dashboardName,
      // What the next deployment keeps unless it is asked for something else.
      Auth: auth === 'key' ? undefined : auth,
      Origins: origins.join(' '),
      TrainingImage: props.trainingImage,
      CpuTrainingImage: props.cpuTrainingImage,
      PictureBuckets: pictureBuckets.join(' '),
      MaxVcpus: String(maxVcpus),
      Shift: shift === 'canary' ? undefined : shift,
      Watch: watch === 'on' ? undefined : watch,
      Email: props.email,
      Budget: props.budget === undefined ? undefined : String(props.budget),
    };
    for (const [name, value] of Object.entries(outputs)) if (value) new CfnOutput(this, name, { value });
    if (apiKeys) new CfnOutput(this, 'PreviousApiKeyId', { value: apiKeys.previous, condition: apiKeys.isRotating });
    Validations.of(this).acknowledge({
      id: 'CloudFormation-Validate::W1001',
      reason:
        'The newest key is there whenever it is the newest: the conditions of both say so, which the rule does not follow.',
    });
  }
}

/** Some regions know no tags of these. */
const untagged = ['AWS::Events::Rule', 'AWS::CloudWatch::Dashboard'];
/** CloudFormation replaces these if their tags change, and a queue goes with its jobs. Tags of the stack itself reach them too. */
const taggedOnCreation = ['AWS::Batch::ComputeEnvironment', 'AWS::Batch::JobQueue', 'aws:cdk:stack'];

/** Tags of all resources, instances and volumes, and of the containers of jobs: bills can be read by them. */
function tagResources(stack: Stack, stage: Stage | undefined): void {
  // The stack without a stage is older than the tags.
  const excludeResourceTypes = stage === undefined ? [...untagged, ...taggedOnCreation] : untagged;
  const tags = { project: 'cifar10', ...(stage === undefined ? {} : { stage }) };
  for (const [name, value] of Object.entries(tags)) Tags.of(stack).add(name, value, { excludeResourceTypes });
}
