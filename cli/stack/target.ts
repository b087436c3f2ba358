import { APIGatewayClient, GetApiKeyCommand } from '@aws-sdk/client-api-gateway';
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { Option } from 'commander';
import { type AwsNetwork, awsNetwork } from '#environment/aws-network.ts';
import { UserError } from '#errors/user-error.ts';
import { enterLocalEnvironment } from '#local/environment.ts';
import { findLocalStack, localEnvironment } from '#local/localstack.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { openObjectStore } from '#models/stores/open.ts';
import { awsFailure } from './aws-failure.ts';
import { awsRegion, cleanAwsVariables, retryPatiently } from './aws-settings.ts';

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

export interface ClientConfig extends AwsNetwork {
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

/**
 * The target of a running LocalStack. From now on the SDK finds none of the user's AWS settings in this process either.
 *
 * @param endpoint such as `http://127.0.0.1:4566`
 */
export function localTarget(endpoint: string): Target {
  const environment = localEnvironment(endpoint);
  enterLocalEnvironment(endpoint);
  const clientConfig = {
    region: 'us-east-1',
    endpoint,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    forcePathStyle: true,
  };
  return describeTarget('local', environment, clientConfig, ({ RestApiId, StageName }) =>
    emulatedApi(endpoint, RestApiId, StageName),
  );
}

async function openAws(): Promise<Target> {
  cleanAwsVariables();
  retryPatiently();
  const region = await awsRegion();
  const clientConfig = { region, ...awsNetwork() };
  const identity = await new STSClient(clientConfig).send(new GetCallerIdentityCommand()).catch((error: Error) => {
    throw awsFailure(error, region) ?? error;
  });
  const gateway = await gatewayEndpoint(clientConfig);
  const where = gateway.isAws ? '' : `, at ${gateway.origin}`;
  process.stderr.write(`AWS account ${identity.Account}, region ${region}${where}\n`);
  const environment = { ...process.env, AWS_REGION: region };
  return describeTarget('aws', environment, clientConfig, ({ RestApiId, StageName }) =>
    gateway.isAws
      ? `https://${RestApiId}.execute-api.${region}.${gateway.domain}/${StageName}`
      : emulatedApi(gateway.origin, RestApiId, StageName),
  );
}

/** The address of an API in LocalStack. */
function emulatedApi(endpoint: string, api: string, stage: string): string {
  return `${endpoint}/_aws/execute-api/${api}/${stage}`;
}

type GatewayEndpoint =
  /** @property domain of the region's partition, such as `amazonaws.com` */
  { readonly isAws: true; readonly domain: string } | { readonly isAws: false; readonly origin: string };

/** Where the SDK sends requests for API Gateway: to AWS, unless AWS_ENDPOINT_URL or the profile name another endpoint. */
async function gatewayEndpoint(clientConfig: ClientConfig): Promise<GatewayEndpoint> {
  const gateway = new APIGatewayClient(clientConfig);
  let origin = '';
  gateway.middlewareStack.add(
    () => async (args) => {
      const { protocol, hostname, port } = args.request as { protocol: string; hostname: string; port?: number };
      origin = `${protocol}//${hostname}${port ? `:${port}` : ''}`;
      return { response: undefined, output: { $metadata: {} } };
    },
    { step: 'build', name: 'doNotSend' },
  );
  await gateway.send(new GetApiKeyCommand({ apiKey: 'none' }));
  const domain =
    /\.(amazonaws\.com(\.cn)?|api\.aws|api\.amazonwebservices\.com\.cn|c2s\.ic\.gov|sc2s\.sgov\.gov)$/.exec(
      new URL(origin).hostname,
    )?.[1];
  if (domain === undefined) return { isAws: false, origin };
  const ipv4Domains: Record<string, string> = {
    'api.aws': 'amazonaws.com',
    'api.amazonwebservices.com.cn': 'amazonaws.com.cn',
  };
  return { isAws: true, domain: ipv4Domains[domain] ?? domain };
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
