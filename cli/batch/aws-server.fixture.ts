import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import type { ClientConfig } from '../stack/target.ts';

/** A request of an SDK client. */
export interface AwsRequest {
  /** As in AWS's API reference, such as `DescribeJobs`. */
  readonly operation: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** An operation's output, or an error of AWS's by its name. */
export type AwsAnswer =
  | { readonly output: object }
  | { readonly error: string; readonly message?: string; readonly status?: number };

export interface AwsServer extends AsyncDisposable {
  /** Of clients that talk to it. */
  readonly clientConfig: ClientConfig & { readonly endpoint: string };
  /** All requests so far. */
  readonly requests: readonly AwsRequest[];
}

/** Batch's REST API has no operation in its requests but a path. */
const batchPaths: Readonly<Record<string, string>> = {
  describejobs: 'DescribeJobs',
  listjobs: 'ListJobs',
  submitjob: 'SubmitJob',
  terminatejob: 'TerminateJob',
  describejobqueues: 'DescribeJobQueues',
  describecomputeenvironments: 'DescribeComputeEnvironments',
};

/**
 * A server on this machine that speaks AWS's two JSON protocols: JSON 1.1, as Service Quotas does, and REST with JSON, as Batch does.
 *
 * @see https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
 * @see https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html
 */
export async function startAwsServer(answer: (request: AwsRequest) => AwsAnswer): Promise<AwsServer> {
  const requests: AwsRequest[] = [];
  const server = createServer(async (incoming, outgoing) => {
    const target = incoming.headers['x-amz-target'] as string | undefined;
    const isRest = target === undefined;
    const operation = target?.split('.')[1] ?? batchPaths[incoming.url!.split('/').at(-1)!] ?? incoming.url!;
    const request = { operation, input: (await json(incoming)) as Record<string, unknown> };
    requests.push(request);
    const answered = answer(request);
    const type = isRest ? 'application/json' : 'application/x-amz-json-1.1';
    if ('output' in answered) {
      outgoing.writeHead(200, { 'content-type': type }).end(JSON.stringify(answered.output));
    } else {
      const { error, message = error, status = 400 } = answered;
      const [header, body] = isRest ? [{ 'x-amzn-errortype': error }, { message }] : [{}, { __type: error, message }];
      outgoing.writeHead(status, { 'content-type': type, ...header }).end(JSON.stringify(body));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    clientConfig: {
      region: 'eu-west-1',
      endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    },
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
