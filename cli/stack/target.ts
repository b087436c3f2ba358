import { APIGatewayClient, GetApiKeyCommand } from '@aws-sdk/client-api-gateway';
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { Option } from 'commander';
import { UserError } from '#errors/user-error.ts';
import { findLocalStack, localEnvironment } from '#local/localstack.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { openObjectStore } from '#models/stores/open.ts';

export type TargetName = 'local' | 'aws';

/** A cloud to talk to: an AWS account, or LocalStack on this machine. Code that uses one works the same with both. */
export interface Target {
  readonly name: TargetName;
  /** The whole environment of a child process that talks to this cloud. */
  readonly environment: NodeJS.ProcessEnv;
  /** Spread into any client of the AWS SDK. */
  readonly clientConfig: ClientConfig;
  /** @throws {UserError} the stack is not deployed */
  stack(): Promise<StackOutputs>;
  /** Base address of the endpoint, without a slash at its end. */
  apiUrl(stack: StackOutputs): string;
  /** @returns `undefined` where the endpoint was deployed without keys */
  apiKey(stack: StackOutputs): Promise<string | undefined>;
  /** The stack's bucket. */
  store(): Promise<ObjectStore>;
}

export interface ClientConfig {
  readonly region?: string;
  readonly endpoint?: string;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly forcePathStyle?: boolean;
}

/** Outputs of the deployed stack; see `infra/classifier-stack.ts`. */
export interface StackOutputs {
  readonly BucketName: string;
  readonly JobQueueArn: string;
  readonly JobDefinitionName: string;
  readonly TrainingLogGroupName: string;
  readonly RestApiId: string;
  readonly StageName: string;
  readonly ClassifierLogGroupName: string;
  /** Absent when deployed with `-c auth=none`. */
  readonly ApiKeyId?: string;
}

export const stackName = 'Cifar10';

/** Never guessed from the environment: the default is this machine, even where AWS credentials are set. */
export const targetOption = () =>
  new Option('--target <target>', 'the cloud: LocalStack on this machine, or your AWS account')
    .choices(['local', 'aws'])
    .default('local');

/** @throws {UserError} LocalStack is not up, or there are no AWS credentials */
export async function openTarget(name: TargetName): Promise<Target> {
  return name === 'local' ? openLocal() : openAws();
}

async function openLocal(): Promise<Target> {
  const localStack = await findLocalStack();
  if (!localStack) {
    throw new UserError(
      'LocalStack is not running on this machine. Start it with "./cifar10 local up" (or everything with "npm start"), or name your account with --target aws.',
    );
  }
  return localTarget(localStack.endpoint);
}

/** The target of a running LocalStack. @param endpoint such as `http://127.0.0.1:4566` */
export function localTarget(endpoint: string): Target {
  const environment = localEnvironment(endpoint);
  const clientConfig = {
    region: 'us-east-1',
    endpoint,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    forcePathStyle: true,
  };
  return describeTarget('local', environment, clientConfig, (stack) => {
    return `${endpoint}/_aws/execute-api/${stack.RestApiId}/${stack.StageName}`;
  });
}

async function openAws(): Promise<Target> {
  const sts = new STSClient({});
  const region = await sts.config.region().catch(() => {
    throw new UserError('No AWS region is set. Set AWS_REGION, or a region in the profile that AWS_PROFILE names.');
  });
  const identity = await sts.send(new GetCallerIdentityCommand()).catch((error: Error) => {
    throw new UserError(
      `AWS does not accept your credentials (${error.message}). Sign in, for example with "aws sso login".`,
    );
  });
  process.stderr.write(`AWS account ${identity.Account}, region ${region}\n`);
  const environment = { ...process.env, AWS_REGION: region };
  return describeTarget('aws', environment, { region }, (stack) => {
    return `https://${stack.RestApiId}.execute-api.${region}.amazonaws.com/${stack.StageName}`;
  });
}

function describeTarget(
  name: TargetName,
  environment: NodeJS.ProcessEnv,
  clientConfig: ClientConfig,
  apiUrl: (stack: StackOutputs) => string,
): Target {
  const stack = async () => readStackOutputs(name, clientConfig);
  return {
    name,
    environment,
    clientConfig,
    stack,
    apiUrl,
    apiKey: async ({ ApiKeyId }) => {
      if (!ApiKeyId) return undefined;
      const gateway = new APIGatewayClient(clientConfig);
      return (await gateway.send(new GetApiKeyCommand({ apiKey: ApiKeyId, includeValue: true }))).value;
    },
    store: async () => {
      const bucket = await openObjectStore(`s3://${(await stack()).BucketName}`, clientConfig);
      return { ...bucket, commandOption: name === 'local' ? '' : `--target ${name}` };
    },
  };
}

async function readStackOutputs(target: TargetName, clientConfig: ClientConfig): Promise<StackOutputs> {
  const notDeployed = `The stack ${stackName} is not deployed. Deploy it with "./cifar10 deploy --target ${target}".`;
  const cloudFormation = new CloudFormationClient(clientConfig);
  const { Stacks } = await cloudFormation
    .send(new DescribeStacksCommand({ StackName: stackName }))
    .catch((error: Error) => {
      throw error.message.includes('does not exist') ? new UserError(notDeployed) : error;
    });
  const outputs = Object.fromEntries((Stacks?.[0]?.Outputs ?? []).map((o) => [o.OutputKey, o.OutputValue]));
  if (!outputs.BucketName) throw new UserError(notDeployed);
  return outputs as unknown as StackOutputs;
}
