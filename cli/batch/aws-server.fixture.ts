import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { ObjectStore } from '#models/stores/object-store.ts';
import type { ClientConfig, StackOutputs, Target, TargetName } from '../stack/target.ts';

/** A request of an SDK client. */
export interface AwsRequest {
  /** As in AWS's API reference, such as `DescribeJobs`. */
  readonly operation: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** An operation's output, in XML for EC2, or an error of AWS's by its name. */
export type AwsAnswer =
  | { readonly output: object | string }
  | { readonly error: string; readonly message?: string; readonly status?: number };

export interface AwsServer extends AsyncDisposable {
  /** Of clients that talk to it. */
  readonly clientConfig: ClientConfig & { readonly endpoint: string };
  /** All requests so far. */
  readonly requests: readonly AwsRequest[];
  /** A deployed stack in this AWS, with its bucket. */
  target(store: ObjectStore, options?: { readonly name?: TargetName; readonly stack?: Partial<StackOutputs> }): Target;
}

/** Outputs of a stack with both queues. */
export const outputs = {
  ...{ BucketName: 'bucket', JobQueueArn: 'gpu-queue', JobDefinitionName: 'gpu-definition' },
  ...{ CpuJobQueueArn: 'cpu-queue', CpuJobDefinitionName: 'cpu-definition' },
  ...{ InstanceTypes: 'g4dn.xlarge g5.xlarge', CpuInstanceTypes: 'c8a.large c7a.large' },
  ...{ TrainingLogGroupName: 'logs', RestApiId: 'api', StageName: 'v1', ClassifierLogGroupName: 'classifier' },
};

const members = Object.entries(outputs).map(
  ([key, value]) => `<member><OutputKey>${key}</OutputKey><OutputValue>${value}</OutputValue></member>`,
);

/** What an account with that stack answers, for commands that open it by themselves. */
export const accountAnswers: Readonly<Record<string, string>> = {
  GetCallerIdentity:
    '<GetCallerIdentityResponse><GetCallerIdentityResult><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>',
  DescribeStacks: `<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackId>arn:aws:cloudformation:eu-west-1:123456789012:stack/Cifar10/1</StackId><StackName>Cifar10</StackName><StackStatus>CREATE_COMPLETE</StackStatus><Outputs>${members.join('')}</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`,
};

/** The stack's bucket, which is empty and takes everything; `undefined` for a request to another service. */
export function emptyBucket({ operation }: AwsRequest): AwsAnswer | undefined {
  if (!operation.startsWith(`/${outputs.BucketName}`)) return undefined;
  if (operation.includes('x-id=PutObject')) return { output: {} };
  if (operation.includes('list-type')) return { output: '<ListBucketResult><KeyCount>0</KeyCount></ListBucketResult>' };
  return { error: 'NoSuchKey', status: 404 };
}

/** Batch's REST API has no operation in its requests but a path. */
const batchPaths: Readonly<Record<string, string>> = {
  describejobs: 'DescribeJobs',
  listjobs: 'ListJobs',
  getjobqueuesnapshot: 'GetJobQueueSnapshot',
  submitjob: 'SubmitJob',
  terminatejob: 'TerminateJob',
  describejobqueues: 'DescribeJobQueues',
  describecomputeenvironments: 'DescribeComputeEnvironments',
  describejobdefinitions: 'DescribeJobDefinitions',
};

/**
 * A server on this machine that speaks AWS's protocols: JSON 1.1, as Service Quotas does, REST with JSON, as Batch does, and
 * forms answered by XML, as EC2 does.
 *
 * @see https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
 * @see https://smithy.io/2.0/aws/protocols/aws-ec2-query-protocol.html
 * @see https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html
 */
export async function startAwsServer(answer: (request: AwsRequest) => AwsAnswer): Promise<AwsServer> {
  const requests: AwsRequest[] = [];
  const server = createServer(async (incoming, outgoing) => {
    const request = read(incoming, await text(incoming));
    requests.push(request);
    const answered = answer(request);
    const isRest = incoming.headers['x-amz-target'] === undefined;
    const type = isRest ? 'application/json' : 'application/x-amz-json-1.1';
    if ('output' in answered) {
      const { output } = answered;
      if (typeof output === 'string') outgoing.writeHead(200, { 'content-type': 'text/xml' }).end(output);
      else outgoing.writeHead(200, { 'content-type': type }).end(JSON.stringify(output));
    } else {
      const { error, message = error, status = 400 } = answered;
      const [header, body] = isRest ? [{ 'x-amzn-errortype': error }, { message }] : [{}, { __type: error, message }];
      const isS3 = incoming.method === 'GET';
      const said = isS3 ? `<Error><Code>${error}</Code><Message>${message}</Message></Error>` : JSON.stringify(body);
      outgoing.writeHead(status, { 'content-type': isS3 ? 'application/xml' : type, ...header }).end(said);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const clientConfig = {
    region: 'eu-west-1',
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  };
  return {
    clientConfig,
    requests,
    target: (store, { name = 'aws', stack = outputs } = {}) => ({
      ...{ account: '123456789012', region: clientConfig.region, stage: undefined, stackName: 'Cifar10' },
      ...{ name, clientConfig, environment: {}, apiUrl: () => '', apiKey: async () => undefined },
      ...{ stack: async () => stack as StackOutputs, store: async () => store },
    }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function read({ headers, url = '' }: IncomingMessage, body: string): AwsRequest {
  const target = headers['x-amz-target'];
  if (typeof target === 'string') return { operation: target.split('.')[1] ?? '', input: JSON.parse(body) };
  if (headers['content-type'] === 'application/x-www-form-urlencoded') {
    const { Action = '', ...input } = Object.fromEntries(new URLSearchParams(body));
    return { operation: Action, input };
  }
  const batch = batchPaths[url.split('/').at(-1)!];
  // What is put into a bucket has any form, and no answer here depends on it.
  return batch ? { operation: batch, input: JSON.parse(body || '{}') } : { operation: url, input: {} };
}
