import { allQueuesOf } from '../batch/queues.ts';
import { type StackOutputs, suffixOf, type Target } from '../stack/target.ts';

/** What a person does with the system. */
export type PersonRole = (typeof personRoles)[number];

export const personRoles = ['reader', 'submitter', 'deployer'] as const;

/** A statement of a policy of IAM, and what it is for. */
export interface Permission {
  readonly id: string;
  readonly why: string;
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  /** Keys of the bucket that may be listed, as patterns. @default no condition */
  readonly prefixes?: readonly string[];
}

/** What statements are about; patterns where there is no stack to name. */
interface Resources {
  readonly target: Target;
  /** Such as `aws`, `aws-cn`. */
  readonly partition: string;
  readonly bucket: string;
  readonly stack: StackOutputs | undefined;
}

export interface PolicyOptions {
  /** The outputs of the stack. @default there is none yet, and resources are patterns */
  readonly stack?: StackOutputs | undefined;
  /** The bucket, where it is not the stack's. */
  readonly bucket?: string | undefined;
}

/** What a person of a role needs, and nothing else, as far as AWS can tell resources apart. */
export function permissionsOf(role: PersonRole, target: Target, { stack, bucket }: PolicyOptions = {}): Permission[] {
  const pattern = `${target.stackName.toLowerCase()}-modelsbucket*`;
  const on: Resources = {
    ...{ target, stack, partition: partitionOf(target, stack) },
    bucket: bucket ?? stack?.BucketName ?? pattern,
  };
  if (role === 'deployer') return [...deploying(on), ...asking(on)];
  return [...reading(on), ...(role === 'submitter' ? submitting(on) : [])];
}

/** As IAM takes it. */
export function policyDocument(permissions: readonly Permission[]): object {
  return {
    Version: '2012-10-17',
    Statement: permissions.map(({ id, actions, resources, prefixes }) => ({
      ...{ Sid: id, Effect: 'Allow', Action: actions, Resource: resources },
      ...(prefixes && { Condition: { StringLike: { 's3:prefix': prefixes } } }),
    })),
  };
}

const shown = ['models/*', 'aliases/*', 'runs/*', 'plans/*', 'batches/*'] as const;

function reading(on: Resources): Permission[] {
  const { TrainingLogGroupName = '*', ClassifierLogGroupName = '*' } = on.stack ?? {};
  return [
    findStack(on),
    ...bucketReads(on, 'Results', 'models, aliases, runs and their results', shown),
    {
      ...{ id: 'Jobs', why: 'list jobs and queues (Batch has no narrower right for these)' },
      actions: [
        'ListJobs',
        'DescribeJobs',
        'DescribeJobDefinitions',
        'DescribeJobQueues',
        'DescribeComputeEnvironments',
      ].map((name) => `batch:${name}`),
      resources: ['*'],
    },
    {
      ...{ id: 'Places', why: 'say where a job is in its queue' },
      actions: ['batch:GetJobQueueSnapshot'],
      resources: queuesIn(on),
    },
    {
      ...{ id: 'Machines', why: 'say how long a job waited for its machine and for its image' },
      actions: ['ecs:DescribeTasks'],
      resources: [arn(on, 'ecs', 'task/*/*')],
    },
    {
      ...{ id: 'Logs', why: 'read the logs of jobs and of the endpoint' },
      actions: ['logs:GetLogEvents', 'logs:FilterLogEvents'],
      resources: [...new Set([TrainingLogGroupName, ClassifierLogGroupName])].map((group) =>
        arn(on, 'logs', `log-group:${group}:*`),
      ),
    },
    ...asking(on),
  ];
}

/** What it takes to classify at the endpoint. */
function asking(on: Resources): Permission[] {
  const { partition, target, stack } = on;
  const { ApiKeyId, PreviousApiKeyId, RestApiId = '*', StageName = '*', Auth } = stack ?? {};
  const keys = [ApiKeyId, PreviousApiKeyId].filter((id) => id !== undefined);
  const again = `; print the policy again after "./cifar10 key rotate${suffixOf(target)}"`;
  return [
    ...(stack && keys.length === 0
      ? []
      : [
          {
            ...{ id: 'ApiKey', why: `read the key of the endpoint, to classify${stack ? again : ''}` },
            actions: ['apigateway:GET'],
            resources: (keys.length === 0 ? ['*'] : keys).map(
              (id) => `arn:${partition}:apigateway:${target.region}::/apikeys/${id}`,
            ),
          },
        ]),
    ...(stack && Auth !== 'iam'
      ? []
      : [
          {
            ...{ id: 'Classify', why: 'classify at an endpoint that takes signed requests' },
            actions: ['execute-api:Invoke'],
            resources: [arn(on, 'execute-api', `${RestApiId}/${StageName}/POST/*`)],
          },
        ]),
  ];
}

function submitting(on: Resources): Permission[] {
  const { stack, bucket, partition } = on;
  const names = stack && [stack.JobDefinitionName, stack.CpuJobDefinitionName, stack.ClassifyJobDefinitionName];
  const definitions = names ? [...new Set(names.filter((name) => name !== undefined))] : ['*'];
  return [
    {
      ...{ id: 'SubmitJobs', why: 'submit jobs to the queues of the stack, of the definitions of the stack' },
      actions: ['batch:SubmitJob'],
      resources: [
        ...queuesIn(on),
        ...definitions.flatMap((name) => [
          arn(on, 'batch', `job-definition/${name}`),
          arn(on, 'batch', `job-definition/${name}:*`),
        ]),
      ],
    },
    {
      ...{
        id: 'CancelJobs',
        why: 'cancel jobs (Batch knows jobs by their ids: this is any job of the account and region)',
      },
      actions: ['batch:TerminateJob'],
      resources: [arn(on, 'batch', 'job/*')],
    },
    {
      ...{ id: 'Waiting', why: 'say what a job waits for (no narrower rights)' },
      actions: ['ec2:DescribeSubnets', 'ec2:DescribeRouteTables', 'servicequotas:GetAWSDefaultServiceQuota'],
      resources: ['*'],
    },
    readQuotas(on),
    ...bucketReads(on, 'Data', 'data sets and pictures of jobs', ['data/*', 'pictures/*']),
    {
      ...{
        id: 'Submissions',
        why: 'write what is submitted: arguments, plans, data sets that the bucket lacks, and that a job begins with a version',
      },
      actions: ['s3:PutObject', 's3:AbortMultipartUpload'],
      resources: ['runs/*/submission.json', 'models/uses/*', 'plans/*', 'batches/*', 'data/*'].map(
        (keys) => `arn:${partition}:s3:::${bucket}/${keys}`,
      ),
    },
  ];
}

function queuesIn(on: Resources): string[] {
  return on.stack ? [...new Set(allQueuesOf(on.stack).map((queue) => queue.arn))] : [arn(on, 'batch', 'job-queue/*')];
}

function deploying(on: Resources): Permission[] {
  const { partition, target, stack } = on;
  const { account, region, stackName } = target;
  const { ClassifierFunctionName: code = `${stackName}-Classifier*` } = stack ?? {};
  const { DeploymentApplicationName: application, DeploymentGroupName } = stack ?? {};
  const group = `${application ?? `${stackName}-*`}/${DeploymentGroupName ?? '*'}`;
  const cdk = ['deploy', 'file-publishing', 'image-publishing', 'lookup'];
  return [
    {
      ...{ id: 'CdkRoles', why: 'deploy as the roles that "cdk bootstrap" has made: an administrator runs that once' },
      actions: ['sts:AssumeRole'],
      resources: cdk.map(
        (role) => `arn:${partition}:iam::${account}:role/cdk-hnb659fds-${role}-role-${account}-${region}`,
      ),
    },
    {
      ...{ id: 'Stacks', why: 'see how a deployment goes, and why it fails' },
      actions: ['cloudformation:DescribeStacks', 'cloudformation:DescribeStackEvents'],
      resources: [stackName, 'CDKToolkit'].map((name) => arn(on, 'cloudformation', `stack/${name}/*`)),
    },
    {
      ...{ id: 'Stack', why: 'rotate the key, and delete what is left of a first deployment that failed' },
      actions: ['UpdateStack', 'DeleteStack', 'ListStackResources'].map((name) => `cloudformation:${name}`),
      resources: [arn(on, 'cloudformation', `stack/${stackName}/*`)],
    },
    {
      ...{ id: 'Code', why: 'test the new code, and move the alias back to the old one if it fails' },
      actions: ['lambda:GetAlias', 'lambda:UpdateAlias', 'lambda:InvokeFunction'],
      resources: ['', ':*'].map((end) => arn(on, 'lambda', `function:${code}${end}`)),
    },
    {
      ...{ id: 'Shift', why: 'see whether CodeDeploy moves requests to the new code' },
      actions: ['codedeploy:ListDeployments'],
      resources: [arn(on, 'codedeploy', `deploymentgroup:${group}`)],
    },
    {
      ...{ id: 'StopShift', why: 'stop CodeDeploy where that code fails (it knows deployments by their ids)' },
      actions: ['codedeploy:StopDeployment'],
      resources: ['*'],
    },
    {
      ...{ id: 'Region', why: 'ask what the region offers and whether services answer (no narrower rights)' },
      actions: [
        'ec2:DescribeInstanceTypeOfferings',
        'batch:DescribeJobQueues',
        'batch:DescribeJobDefinitions',
        'logs:DescribeLogGroups',
        'servicequotas:GetAWSDefaultServiceQuota',
      ],
      resources: ['*'],
    },
    {
      ...{ id: 'Images', why: 'see whether ECR still has the images of jobs' },
      actions: ['ecr:DescribeImages'],
      resources: [arn(on, 'ecr', 'repository/*')],
    },
    readQuotas(on),
    ...bucketReads(on, 'Models', 'the served model, with which the deployment tries the endpoint', [
      'models/*',
      'aliases/*',
    ]),
    ...(stack === undefined
      ? []
      : [
          {
            ...{ id: 'ApiKeys', why: 'see whether API Gateway answers' },
            actions: ['apigateway:GET'],
            resources: [`arn:${partition}:apigateway:${region}::/apikeys`],
          },
        ]),
  ];
}

function readQuotas(on: Resources): Permission {
  return {
    ...{ id: 'Quotas', why: 'read the quotas of EC2' },
    actions: ['servicequotas:GetServiceQuota'],
    resources: [arn(on, 'servicequotas', 'ec2/*')],
  };
}

function findStack(on: Resources): Permission {
  return {
    ...{ id: 'Stack', why: 'find the stack' },
    actions: ['cloudformation:DescribeStacks'],
    resources: [arn(on, 'cloudformation', `stack/${on.target.stackName}/*`)],
  };
}

/** To read and list keys of the bucket. @param keys patterns such as `models/*` */
function bucketReads(
  { partition, bucket }: Resources,
  id: string,
  what: string,
  keys: readonly string[],
): Permission[] {
  return [
    {
      ...{ id: `Read${id}`, why: `read ${what}` },
      actions: ['s3:GetObject'],
      resources: keys.map((key) => `arn:${partition}:s3:::${bucket}/${key}`),
    },
    {
      ...{ id: `List${id}`, why: `list ${what}` },
      actions: ['s3:ListBucket'],
      resources: [`arn:${partition}:s3:::${bucket}`],
      prefixes: keys,
    },
  ];
}

function arn({ partition, target }: Resources, service: string, resource: string): string {
  return `arn:${partition}:${service}:${target.region}:${target.account}:${resource}`;
}

/** By the region's name, where no ARN says it. @see https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html */
const partitions: readonly (readonly [region: RegExp, partition: string])[] = [
  [/^cn-/, 'aws-cn'],
  [/^us-gov-/, 'aws-us-gov'],
  [/^eusc-/, 'aws-eusc'],
  [/^us-iso-/, 'aws-iso'],
  [/^us-isob-/, 'aws-iso-b'],
  [/^eu-isoe-/, 'aws-iso-e'],
  [/^us-isof-/, 'aws-iso-f'],
];

function partitionOf({ region }: Target, stack: StackOutputs | undefined): string {
  const named = stack?.JobQueueArn.split(':')[1];
  return named ?? partitions.find(([regions]) => regions.test(region))?.[1] ?? 'aws';
}
