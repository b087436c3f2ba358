import { allQueuesOf, queuesOf } from '../batch/queues.ts';
import { type StackOutputs, suffixOf, type Target } from '../stack/target.ts';

/** What a person does with the system. */
export type PersonRole = (typeof personRoles)[number];

export const personRoles = ['reader', 'submitter', 'operator', 'deployer'] as const;

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

/**
 * What a person of a role needs, and nothing else, as far as AWS can tell resources apart.
 *
 * @param stack its outputs; `undefined` where there is none yet, and resources are patterns
 */
export function permissionsOf(role: PersonRole, target: Target, stack: StackOutputs | undefined): Permission[] {
  const bucket = stack?.BucketName ?? `${target.stackName.toLowerCase()}-modelsbucket*`;
  return statementsOf[role]({ target, stack, bucket, partition: partitionOf(target, stack) });
}

const statementsOf: Readonly<Record<PersonRole, (on: Resources) => Permission[]>> = {
  reader: (on) => [...reading(on), ...asking(on)],
  submitter: (on) => [...reading(on), ...asking(on), ...submitting(on)],
  operator: (on) => [...reading(on), ...asking(on), ...operating(on)],
  deployer: deploying,
};

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

const checkpoints = ['runs/*/checkpoint.json', 'runs/*/checkpoints/*'] as const;
const shown = ['models/*', 'aliases/*', 'runs/*', 'plans/*', 'batches/*'] as const;

function reading(on: Resources): Permission[] {
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
      ...{ id: 'Places', why: 'say which place a job has in its queue' },
      actions: ['batch:GetJobQueueSnapshot'],
      resources: queueArns(on, allQueuesOf),
    },
    {
      ...{ id: 'Tasks', why: 'say how long a job waited for a machine (Batch chooses the names of its clusters)' },
      actions: ['ecs:DescribeTasks'],
      resources: [arn(on, 'ecs', 'task/*')],
    },
    {
      ...{ id: 'Waiting', why: 'say what a job waits for (no narrower rights)' },
      actions: ['ec2:DescribeSubnets', 'ec2:DescribeRouteTables', 'servicequotas:GetAWSDefaultServiceQuota'],
      resources: ['*'],
    },
    readQuotas(on, 'ec2'),
    {
      ...{ id: 'Logs', why: 'read the logs of jobs and of the endpoint' },
      actions: ['logs:GetLogEvents', 'logs:FilterLogEvents'],
      resources: [logGroup(on, 'Training'), logGroup(on, 'Classifier')],
    },
  ];
}

/** What it takes to classify at the endpoint. */
function asking(on: Resources): Permission[] {
  const { partition, target, stack } = on;
  const { ApiKeyId, PreviousApiKeyId, Auth } = stack ?? {};
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
    ...(stack && Auth !== 'iam' ? [] : [signRequests(on, 'classify at an endpoint that takes signed requests')]),
  ];
}

function signRequests(on: Resources, why: string): Permission {
  const { RestApiId = '*', StageName = '*' } = on.stack ?? {};
  return {
    ...{ id: 'Classify', why },
    actions: ['execute-api:Invoke'],
    resources: [arn(on, 'execute-api', `${RestApiId}/${StageName}/POST/*`)],
  };
}

function submitting(on: Resources): Permission[] {
  const { stack } = on;
  const others = stack?.PictureBuckets?.split(' ') ?? [];
  const names = stack && [stack.JobDefinitionName, stack.CpuJobDefinitionName, stack.ClassifyJobDefinitionName];
  const definitions = names ? [...new Set(names.filter((name) => name !== undefined))] : ['*'];
  return [
    {
      ...{ id: 'SubmitJobs', why: 'submit jobs to the queues of the stack, of the definitions of the stack' },
      actions: ['batch:SubmitJob'],
      resources: [
        ...queueArns(on, queuesOf), // Only the stack itself submits to those on demand.
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
    ...bucketReads(on, 'Data', 'data sets and pictures of jobs', ['data/*', 'pictures/*']),
    ...(others.length === 0
      ? []
      : [
          {
            ...{ id: 'ListPictures', why: 'list the pictures of other buckets that jobs may classify' },
            actions: ['s3:ListBucket'],
            resources: others.map((name) => bucketArn(on, name)),
          },
          {
            ...{ id: 'ReadPictures', why: 'read lists of pictures there' },
            actions: ['s3:GetObject'],
            resources: others.map((name) => `${bucketArn(on, name)}/*`),
          },
        ]),
    {
      ...{ id: 'Submissions', why: 'write what is submitted: arguments, plans, and data sets that the bucket lacks' },
      actions: ['s3:PutObject', 's3:AbortMultipartUpload'],
      resources: keysOf(on, ['runs/*/submission.json', 'plans/*', 'batches/*', 'data/*']),
    },
    {
      ...{ id: 'UseModels', why: 'say which version a run or a plan is about to use, so that nobody deletes it' },
      actions: ['s3:PutObject'],
      resources: keysOf(on, ['models/uses/*']),
    },
    {
      ...{ id: 'Checkpoints', why: 'delete the checkpoints of a sweep that has ended' },
      actions: ['s3:DeleteObject'],
      resources: keysOf(on, checkpoints),
    },
  ];
}

/** What it takes to decide what the endpoint answers, and which models there are. */
function operating(on: Resources): Permission[] {
  return [
    ...bucketReads(on, 'Data', 'test images of data sets, which the gate may ask for', ['data/*']),
    {
      ...{ id: 'MoveAliases', why: 'promote versions and roll back' },
      actions: ['s3:PutObject'],
      resources: keysOf(on, ['aliases/*', 'models/uses/*']),
    },
    {
      ...{ id: 'DeleteModels', why: 'delete versions, and checkpoints that nobody needs' },
      actions: ['s3:DeleteObject'],
      resources: keysOf(on, ['models/*', ...checkpoints]),
    },
  ];
}

function deploying(on: Resources): Permission[] {
  const { partition, bucket, target, stack } = on;
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
      ...{ id: 'Jobs', why: 'say which jobs the deletion of the stack would end (no narrower rights)' },
      actions: ['batch:ListJobs', 'batch:DescribeJobs'],
      resources: ['*'],
    },
    {
      ...{ id: 'OldStacks', why: 'find the bucket that a deleted stack has left (no narrower right)' },
      actions: ['cloudformation:ListStacks'],
      resources: ['*'],
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
        'batch:DescribeJobDefinitions',
        'batch:DescribeJobQueues',
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
    readQuotas(on, 'ec2', 'lambda'),
    {
      ...{ id: 'ReadModels', why: 'read the served model, with which the deployment tests the endpoint' },
      actions: ['s3:GetObject'],
      resources: keysOf(on, ['models/*', 'aliases/*']),
    },
    {
      ...{ id: 'ListBucket', why: 'see whether the bucket is there, and list models' },
      actions: ['s3:ListBucket'],
      resources: [bucketArn(on, bucket)],
    },
    {
      ...{ id: 'ApiKeys', why: 'read the key of the endpoint (the id of the next one is not known before)' },
      actions: ['apigateway:GET'],
      resources: ['', '/*'].map((end) => `arn:${partition}:apigateway:${region}::/apikeys${end}`),
    },
    signRequests(on, 'test an endpoint that takes signed requests, as the next deployment may make it'),
    {
      ...{ id: 'Logs', why: 'read the log of the endpoint, where its test fails' },
      actions: ['logs:FilterLogEvents'],
      resources: [logGroup(on, 'Classifier')],
    },
  ];
}

const quotasOf = { ec2: 'instances', lambda: 'functions' } as const;

function readQuotas(on: Resources, ...services: (keyof typeof quotasOf)[]): Permission {
  return {
    ...{ id: 'Quotas', why: `read the quotas of ${services.map((service) => quotasOf[service]).join(' and ')}` },
    actions: ['servicequotas:GetServiceQuota'],
    resources: services.map((service) => arn(on, 'servicequotas', `${service}/*`)),
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
function bucketReads(on: Resources, id: string, what: string, keys: readonly string[]): Permission[] {
  return [
    {
      ...{ id: `Read${id}`, why: `read ${what}` },
      actions: ['s3:GetObject'],
      resources: keysOf(on, keys),
    },
    {
      ...{ id: `List${id}`, why: `list ${what}` },
      actions: ['s3:ListBucket'],
      resources: [bucketArn(on, on.bucket)],
      prefixes: keys,
    },
  ];
}

function keysOf(on: Resources, keys: readonly string[]): string[] {
  return keys.map((key) => `${bucketArn(on, on.bucket)}/${key}`);
}

function bucketArn({ partition }: Resources, name: string): string {
  return `arn:${partition}:s3:::${name}`;
}

function queueArns(on: Resources, find: typeof queuesOf): string[] {
  return on.stack ? find(on.stack).map((queue) => queue.arn) : [arn(on, 'batch', 'job-queue/*')];
}

/** All streams of a log group of the stack. */
function logGroup(on: Resources, of: 'Training' | 'Classifier'): string {
  const group = on.stack?.[`${of}LogGroupName`] ?? `${on.target.stackName}-${of}Logs*`;
  return arn(on, 'logs', `log-group:${group}:*`);
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
