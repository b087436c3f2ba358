import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { APIGatewayProxyEvent, APIGatewayProxyResult } from 'aws-lambda';
import { createApp } from '#inference/app.ts';
import { answerGateway } from '#inference/http/api-gateway.ts';
import { liveModels } from '#inference/serving/live-models.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { eventOf } from '../endpoint/gateway-event.ts';
import type { StackOutputs, Target } from '../stack/target.ts';

type Program = (event: APIGatewayProxyEvent) => Promise<APIGatewayProxyResult>;

/** The endpoint's own program, on a store. */
export function programOn(store: ObjectStore): Program {
  const models = liveModels({ store, alias: 'production', log: () => {} });
  const app = createApp({ models, log: () => {} });
  return (event) => answerGateway(app, event);
}

/** Code that throws at every request. */
export const brokenProgram: Program = async () => {
  throw new TypeError('x is not a function');
};

/**
 * An AWS on this machine with one function behind a gateway, as far as its code is tested and moved: Lambda's versions and its
 * alias, the gateway with its key, and CodeDeploy's deployments.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html and its neighbours
 * @see https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_StopDeployment.html
 */
export class CodeCloud {
  /** By version. */
  readonly programs = new Map<string, Program>();
  alias = { version: '1', next: undefined as string | undefined, revision: 1 };
  /** Whether the gateway asks for the key. */
  isClosed = true;
  /** Whether the user may call the function. */
  mayInvoke = true;
  /** Ids of deployments that are under way. */
  deployments: string[] = [];
  /** What was asked of CodeDeploy. */
  readonly asked: (readonly [operation: string, input: object])[] = [];

  readonly stack = {
    ...{ ClassifierFunctionName: 'f', ClassifierVersion: '2', ClassifierLogGroupName: 'log' },
    ...{ DeploymentApplicationName: 'application', DeploymentGroupName: 'group' },
  } as StackOutputs;
  private readonly store: ObjectStore;
  private readonly server = createServer((request, response) => void this.answer(request, response));

  constructor(store: ObjectStore) {
    this.store = store;
  }

  async open(): Promise<Target> {
    await once(this.server.listen(0, '127.0.0.1'), 'listening');
    const endpoint = this.url;
    return {
      ...{ name: 'local', stage: undefined, stackName: 'Cifar10', account: '123456789012', region: 'eu-west-1' },
      clientConfig: { endpoint, region: 'eu-west-1', credentials: { accessKeyId: 'a', secretAccessKey: 'b' } },
      ...{ environment: {}, apiUrl: () => `${endpoint}/api`, apiKey: async () => 'key' },
      ...{ stack: async () => this.stack, store: async () => this.store },
    };
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request);
    const { url = '', headers, method = '' } = request;
    const operation = (headers['x-amz-target'] as string | undefined)?.split('.')[1];
    if (operation !== undefined) return this.codeDeploy(operation, JSON.parse(body.toString()), response);
    if (url.startsWith('/api/')) return this.gateway(request, body, response);
    const [, name = ''] = /^\/2015-03-31\/functions\/f\/(aliases|invocations)/.exec(url) ?? [];
    if (name === 'aliases') return this.moveOrDescribe(method === 'PUT' ? JSON.parse(body.toString()) : {}, response);
    if (!this.mayInvoke) {
      return void response.writeHead(403, { 'x-amzn-errortype': 'AccessDeniedException' }).end('{}');
    }
    const version = new URL(url, this.url).searchParams.get('Qualifier') ?? '';
    const { result, error } = await this.run(version, JSON.parse(body.toString()));
    const failed = error ? { 'x-amz-function-error': 'Unhandled' } : {};
    const said = error ? { errorType: error.name, errorMessage: error.message } : result;
    response.writeHead(200, { 'x-amz-executed-version': version, ...failed }).end(JSON.stringify(said));
  }

  private async run(version: string, event: object): Promise<{ result?: APIGatewayProxyResult; error?: Error }> {
    try {
      return { result: await this.programs.get(version)!(event as APIGatewayProxyEvent) };
    } catch (error) {
      return { error: error as Error };
    }
  }

  private async gateway({ url = '', headers, method = '' }: IncomingMessage, body: Buffer, response: ServerResponse) {
    if (method === 'POST' && this.isClosed && headers['x-api-key'] !== 'key') {
      return void response.writeHead(403).end('{"code":"invalid-api-key"}');
    }
    const address = new URL(url.replace('/api', ''), this.url);
    const sent = new Request(address, { method, ...(method === 'POST' && { body: new Uint8Array(body) }) });
    const { result, error } = await this.run(this.alias.version, await eventOf(sent));
    if (error || !result) return void response.writeHead(502).end('{"message": "Internal server error"}');
    const bytes = Buffer.from(result.body, result.isBase64Encoded ? 'base64' : 'utf8');
    response.writeHead(result.statusCode, result.headers as Record<string, string>).end(bytes);
  }

  private moveOrDescribe(input: { FunctionVersion?: string; RevisionId?: string }, response: ServerResponse): void {
    if (input.RevisionId !== undefined && input.RevisionId !== String(this.alias.revision)) {
      return void response.writeHead(412, { 'x-amzn-errortype': 'PreconditionFailedException' }).end('{}');
    }
    if (input.FunctionVersion !== undefined) {
      this.alias = { version: input.FunctionVersion, next: undefined, revision: this.alias.revision + 1 };
    }
    const { version, next, revision } = this.alias;
    const RoutingConfig = next === undefined ? null : { AdditionalVersionWeights: { [next]: 0.1 } };
    response.end(JSON.stringify({ FunctionVersion: version, RoutingConfig, RevisionId: String(revision) }));
  }

  private codeDeploy(operation: string, input: object, response: ServerResponse): void {
    this.asked.push([operation, input]);
    response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' });
    response.end(
      JSON.stringify(operation === 'ListDeployments' ? { deployments: this.deployments } : { status: 'Pending' }),
    );
  }
}
