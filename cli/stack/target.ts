import { APIGatewayClient, GetApiKeyCommand } from '@aws-sdk/client-api-gateway';
import { Option } from 'commander';
import { type AwsNetwork, awsNetwork } from '#environment/aws-network.ts';
import { UserError } from '#errors/user-error.ts';
import type { Shift } from '#infra/classify/shift.ts';
import { type Stage, stackNameOf, stages } from '#infra/stage.ts';
import { enterLocalEnvironment } from '#local/environment.ts';
import { findLocalStack, localEnvironment } from '#local/localstack.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { openObjectStore } from '#models/stores/open.ts';
import { type ApiAddress, apiAddress, emulatedApis } from './api-address.ts';
import { awsAccount, awsRegion, cleanAwsVariables, retryPatiently } from './aws-settings.ts';
import { isInProgress, readStackState } from './stack-state.ts';

export type TargetName = 'local' | 'aws';

/** A cloud to talk to: an AWS account, or LocalStack on this machine. Code that uses one works the same with both. */
export interface Target {
  readonly name: TargetName;
  /** `undefined` where the stack belongs to none. */
  readonly stage: Stage | undefined;
  /** Such as `Cifar10-dev`. */
  readonly stackName: string;
  /** The account's number, of 12 digits. */
  readonly account: string;
  /** Such as `eu-west-1`. */
  readonly region: string;
  /** The whole environment of a child process that talks to this cloud. */
  readonly environment: NodeJS.ProcessEnv;
  /** Spread into any client of the AWS SDK. */
  readonly clientConfig: ClientConfig;
  /** @throws {UserError} the stack is not deployed */
  stack(): Promise<StackOutputs>;
  /** Base address of the endpoint, without a slash at its end. */
  apiUrl(stack: StackOutputs): string;
  /** The newest key that the user may read. @returns `undefined` where the endpoint asks for none */
  apiKey(stack: StackOutputs): Promise<string | undefined>;
  /** The stack's bucket. */
  store(): Promise<ObjectStore>;
}

export interface ClientConfig extends AwsNetwork {
  readonly region: string;
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
  /** Present only where the endpoint asks for a key. */
  readonly ApiKeyId?: string;
  /** The key before it, which is valid too until the rotation is finished. */
  readonly PreviousApiKeyId?: string;
  // The following are absent in a stack of an earlier release.
  readonly ClassifierFunctionName?: string;
  /** The version of the function that the last deployment has published. Which one is live, its alias says. */
  readonly ClassifierVersion?: string;
  /** Absent too where requests go over all at once. */
  readonly DeploymentApplicationName?: string;
  readonly DeploymentGroupName?: string;
  /** On-demand instances only: where a job continues whose instances were reclaimed too often. */
  readonly OnDemandJobQueueArn?: string;
  /** The instance types of the GPU queue, separated by blanks; absent too where the stack has no GPU queue. */
  readonly InstanceTypes?: string;
  /** The same as `JobQueueArn` where the stack has no GPU queue. */
  readonly CpuJobQueueArn?: string;
  readonly CpuJobDefinitionName?: string;
  readonly CpuOnDemandJobQueueArn?: string;
  /** Separated by blanks. */
  readonly CpuInstanceTypes?: string;
  /** Of jobs that classify pictures, on the queue of processors. */
  readonly ClassifyJobDefinitionName?: string;
  /** Their role, which a bucket or a key of another account must allow. */
  readonly ClassifyJobRoleArn?: string;
  /** The topic of alarms and notices, and the dashboard; absent where watching is off. */
  readonly NoticeTopicArn?: string;
  readonly DashboardName?: string;
  /** The vCPUs that a queue has at most, on Spot instances and again on demand; 16 where it is absent. */
  readonly MaxVcpus?: string;
  // The options of the last deployment, absent where they are the default; see `deploy-options.ts`.
  /** Whether dashboard, alarms and notices are part of the stack. */
  readonly Watch?: 'off';
  /** Who gets alarms and notices. */
  readonly Email?: string;
  /** US dollars a month. */
  readonly Budget?: string;
  /** Other buckets whose pictures those jobs may read, separated by blanks. */
  readonly PictureBuckets?: string;
  readonly Auth?: 'iam' | 'none';
  readonly Shift?: Exclude<Shift, 'canary'>;
  /** Separated by blanks. */
  readonly Origins?: string;
  readonly TrainingImage?: string;
  readonly CpuTrainingImage?: string;
}

/** Never guessed from the environment: the default is this machine, even where AWS credentials are set. */
export const targetOption = () =>
  new Option('--target <target>', 'the cloud: LocalStack on this machine, or your AWS account')
    .choices(['local', 'aws'])
    .default('local');

/** For every command that has `--target`. */
export const stageOption = () =>
  new Option('--stage <stage>', 'which of several stacks of one account (default: the one without a stage)').choices(
    stages,
  );

/** What the two options say. */
export interface TargetOptions {
  readonly target: TargetName;
  readonly stage?: Stage | undefined;
}

/** @throws {UserError} LocalStack is not up, or there are no AWS credentials */
export async function openTarget({ target, stage }: TargetOptions): Promise<Target> {
  return target === 'local' ? openLocal(stage) : openAws(stage);
}

/** The options that make another command use the same stack, with a space before each. */
export function suffixOf({ name, stage }: Pick<Target, 'name'> & Partial<Pick<Target, 'stage'>>): string {
  return `${name === 'local' ? '' : ` --target ${name}`}${stage === undefined ? '' : ` --stage ${stage}`}`;
}

async function openLocal(stage: Stage | undefined): Promise<Target> {
  const localStack = await findLocalStack();
  if (!localStack) {
    throw new UserError(
      'LocalStack is not running on this machine. Start it with "./cifar10 local up" (or everything with "npm start"), or name your account with --target aws.',
    );
  }
  return localTarget(localStack.endpoint, stage);
}

/**
 * The target of a running LocalStack. From now on the SDK finds none of the user's AWS settings in this process either.
 *
 * @param endpoint such as `http://127.0.0.1:4566`
 * @param stage whose stack it is. @default the one without a stage
 */
export function localTarget(endpoint: string, stage?: Stage): Target {
  const environment = localEnvironment(endpoint);
  enterLocalEnvironment(endpoint);
  const clientConfig = {
    region: 'us-east-1',
    endpoint,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    forcePathStyle: true,
  };
  const apis = emulatedApis(endpoint);
  return describeTarget('local', stage, { account: '000000000000', environment, clientConfig, apis });
}

async function openAws(stage: Stage | undefined): Promise<Target> {
  cleanAwsVariables();
  retryPatiently();
  const region = await awsRegion();
  const clientConfig = { region, ...awsNetwork() };
  const account = await awsAccount(clientConfig);
  const apis = await apiAddress(clientConfig);
  const where = apis.otherOrigin === undefined ? '' : `, at ${apis.otherOrigin}`;
  process.stderr.write(`AWS account ${account}, region ${region}${where}\n`);
  const environment = { ...process.env, AWS_REGION: region };
  return describeTarget('aws', stage, { account, environment, clientConfig, apis });
}

function describeTarget(
  name: TargetName,
  stage: Stage | undefined,
  { apis, ...cloud }: Pick<Target, 'account' | 'environment' | 'clientConfig'> & { readonly apis: ApiAddress },
): Target {
  const { clientConfig } = cloud;
  const stackName = stackNameOf(stage);
  const options = suffixOf({ name, stage });
  const stack = async () => readStackOutputs(clientConfig, stackName, options);
  return {
    ...{ name, stage, stackName },
    ...cloud,
    region: clientConfig.region,
    stack,
    apiUrl: ({ RestApiId, StageName }) => apis.of(RestApiId, StageName),
    apiKey: async (outputs) => readApiKey(clientConfig, outputs),
    store: async () => {
      const bucket = await openObjectStore(`s3://${(await stack()).BucketName}`, clientConfig);
      return { ...bucket, commandOption: options.trimStart() };
    },
  };
}

async function readApiKey(
  clientConfig: ClientConfig,
  { ApiKeyId, PreviousApiKeyId }: StackOutputs,
): Promise<string | undefined> {
  if (!ApiKeyId) return undefined;
  const gateway = new APIGatewayClient(clientConfig);
  const read = async (apiKey: string) =>
    (await gateway.send(new GetApiKeyCommand({ apiKey, includeValue: true }))).value;
  try {
    return await read(ApiKeyId);
  } catch (error) {
    // A policy that was printed before the rotation names the other key, which is valid until the rotation is finished.
    if (PreviousApiKeyId === undefined || (error as Error).name !== 'AccessDeniedException') throw error;
    return read(PreviousApiKeyId);
  }
}

/**
 * @param options those of a command that uses the stack
 * @throws {UserError} there is no stack, or none that was ever whole
 */
async function readStackOutputs(clientConfig: ClientConfig, stackName: string, options: string): Promise<StackOutputs> {
  const command = (name: string) => `"./cifar10 ${name}${options}"`;
  const state = await readStackState(clientConfig, stackName);
  if (!state) {
    throw new UserError(`The stack ${stackName} is not deployed. Deploy it with ${command('deploy')}.`);
  }
  if (state.outputs.BucketName) return state.outputs as unknown as StackOutputs;
  throw new UserError(
    isInProgress(state)
      ? `The stack ${stackName} is not deployed yet: CloudFormation is at work (${state.status}). Wait, or run ${command('deploy')}, which waits for it.`
      : `The stack ${stackName} is not deployed: its creation failed (${state.status}). ${command('deploy')} creates it again, ${command('destroy')} deletes what is left.`,
  );
}
