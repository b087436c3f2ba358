/** What API Gateway answers itself, as problem documents of this project's stack and in its own words. */
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as apigateway from 'aws-cdk-lib/aws-apigateway';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { Auth } from '#infra/classify/auth.ts';
import { addProblemResponses } from '#infra/classify/problem-responses.ts';
import { LoopbackCloud } from '../stack/loopback-cloud.fixture.ts';
import { authorizedFetch } from './authorized-fetch.ts';
import { classifyImage, openEndpoint, Unreachable } from './endpoint.ts';

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

let server: Server;
let url: string;
let answer: Answer;
let requests: number;
/** Of the last request. */
let headers: IncomingHttpHeaders;
beforeAll(async () => {
  server = createServer((request, response) => {
    requests++;
    headers = request.headers;
    request.resume().on('end', () => response.writeHead(answer.status, answer.headers).end(answer.body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
beforeEach(() => {
  requests = 0;
});
afterAll(() => server.close());

async function failure(): Promise<Error> {
  return classifyImage({ url, apiKey: 'wrong' }, new Uint8Array(3072)).then(
    () => new Error('It was answered.'),
    (error: Error) => error,
  );
}

/** In API Gateway's words. Retry-After makes a test short: API Gateway sends none. */
const own = (status: number, message: string): Answer => ({
  status,
  body: JSON.stringify({ message }),
  headers: { 'content-type': 'application/json', 'retry-after': '0' },
});

test.each([
  [403, 'Forbidden', 1, / requires an API key, and does not accept this one\..* "\.\/cifar10 key" prints the key/],
  [403, 'Missing Authentication Token', 1, / is no address of an endpoint: API Gateway has no such stage/],
  [413, 'Request Too Long', 1, / refuses a picture of this size\. Scale it down, .* \(413, Request Too Long\)\.$/],
  [
    429,
    'Too Many Requests',
    7,
    / takes no more requests now\. Wait, and send fewer at once \(429, Too Many Requests\)\.$/,
  ],
  [429, 'Limit Exceeded', 1, / takes no more requests now\..* \(429, Limit Exceeded\)\.$/],
  [500, 'Internal server error', 7, / most likely too many run at once\. Try again; "\.\/cifar10 logs endpoint" shows/],
  [
    502,
    'Internal server error',
    1,
    / ended without an answer\. Try again; "\.\/cifar10 logs endpoint" names the cause/,
  ],
  [503, 'Service Unavailable', 1, / is not available now\. Try again \(503, Service Unavailable\)\.$/],
  [504, 'Endpoint request timed out', 1, / did not answer in time\. Try again \(504, /],
])('%d %s, sent %d times, is explained', async (status, message, sent, says) => {
  answer = own(status, message);
  const error = await failure();
  expect(error.message).toMatch(says);
  expect(error.message.startsWith(url)).toBe(true);
  expect(error instanceof Unreachable).toBe(status !== 413);
  expect(requests).toBe(sent);
});

test.each([
  ['INVALID_API_KEY', 1, 'does not accept this one'],
  ['REQUEST_TOO_LARGE', 1, 'The body is too large; the limit is'],
  ['THROTTLED', 7, 'More requests arrive than this deployment takes. Wait a second'],
  ['INTEGRATION_FAILURE', 7, 'most likely too many requests run at the same time. Wait a second'],
  ['QUOTA_EXCEEDED', 1, 'This API key has used up its requests. Wait until the quota resets'],
  ['INTEGRATION_TIMEOUT', 1, 'The classifier did not answer in time. Send it again'],
  ['DEFAULT_5XX', 1, 'The classifier ended without an answer. Send it again.'],
])("the stack's answer %s, sent %d times, is explained", async (type, sent, says) => {
  answer = gatewayResponses().get(type)!;
  expect((await failure()).message).toContain(says);
  expect(requests).toBe(sent);
});

test.each([
  ['MISSING_AUTHENTICATION_TOKEN', 'takes signed requests only. Name its stack instead of its address (--target aws)'],
  ['INVALID_SIGNATURE', 'refuses your signature. The signature does not belong to this request, or is too old. Check'],
  ['EXPIRED_TOKEN', 'refuses your signature. The session token has expired. Sign in again'],
  ['ACCESS_DENIED', 'refuses your signature. These credentials may not call the endpoint. Their policy must allow'],
])('an endpoint that takes signed requests answers %s, which is explained', async (type, says) => {
  answer = gatewayResponses('iam').get(type)!;
  const error = await failure();
  expect(error.message).toContain(`${url} ${says}`);
  expect(error).toBeInstanceOf(Unreachable);
  expect(requests).toBe(1);
});

/** The template's own responses, with no wait before a retry. */
function gatewayResponses(auth: Auth = 'key'): Map<string, Answer> {
  const stack = new Stack(new App({ builtinCloudFormationValidation: false }));
  const api = new apigateway.RestApi(stack, 'Api');
  api.root.addMethod('GET');
  addProblemResponses(api, { crossOrigin: false, auth });
  const resources = Template.fromStack(stack).findResources('AWS::ApiGateway::GatewayResponse');
  return new Map(
    Object.values(resources).map(({ Properties: { ResponseType, StatusCode, ResponseTemplates } }) => {
      const headers = { 'content-type': 'application/problem+json', 'retry-after': '0' };
      return [ResponseType, { status: Number(StatusCode), body: ResponseTemplates['application/json'], headers }];
    }),
  );
}

test('the endpoint of a stack comes with its bucket, and one by its address with none', async () => {
  await using cloud = new LoopbackCloud();
  cloud.stack = {
    statuses: ['CREATE_COMPLETE'],
    outputs: { BucketName: 'models', RestApiId: 'abc', StageName: 'live', JobQueueArn: 'arn' },
  };
  await cloud.open();
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);

  const endpoint = await openEndpoint({ target: 'aws' });
  expect((await endpoint.store?.())?.url).toBe('s3://models');
  expect((await openEndpoint({ target: 'aws', endpoint: url })).store).toBeUndefined();
  vi.restoreAllMocks();
});

test('the endpoint of a stack is asked as it was deployed: with its key, signed, or as anybody', async () => {
  await using cloud = new LoopbackCloud();
  const outputs = { BucketName: 'models', RestApiId: 'abc', StageName: 'live', JobQueueArn: 'arn' };
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  await cloud.open();
  answer = { status: 200, body: '{}' };
  const asked = async (more: Record<string, string>) => {
    cloud.stack = { statuses: ['CREATE_COMPLETE'], outputs: { ...outputs, ...more } };
    const endpoint = await openEndpoint({ target: 'aws' });
    await authorizedFetch(endpoint)(`${url}/classify`, { method: 'POST', body: new Uint8Array(3072) });
    return headers;
  };

  expect(await asked({ Auth: 'none' })).not.toHaveProperty('authorization');
  const signed = await asked({ Auth: 'iam' });
  expect(signed.authorization).toMatch(/^AWS4-HMAC-SHA256 Credential=\S+\/eu-west-1\/execute-api\/aws4_request, /);
  expect(signed).not.toHaveProperty('x-api-key');
  const given = await openEndpoint({ target: 'aws', endpoint: url, apiKey: 'k' });
  await authorizedFetch(given)(`${url}/model`);
  expect(headers).toMatchObject({ 'x-api-key': 'k' });
  expect(headers).not.toHaveProperty('authorization');
  vi.restoreAllMocks();
});
