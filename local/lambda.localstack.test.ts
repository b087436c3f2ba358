import { setTimeout as sleep } from 'node:timers/promises';
import { CloudWatchLogsClient, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { isAlive } from '../test/processes.ts';
import { deployStack, type TestStack } from './test-stack.ts';

/** A handler that fails as its query says, and otherwise answers what it received and where it runs. */
const code = `
const instance = require('node:crypto').randomUUID();
let calls = 0;
exports.handler = async (event, context) => {
  calls += 1;
  console.log('asked for', event.queryStringParameters?.mode);
  switch (event.queryStringParameters?.mode) {
    case 'throw': throw new TypeError('thrown by the handler');
    case 'reject': Promise.reject(new Error('nobody waits for it')); await new Promise((done) => setTimeout(done, 5000)); break;
    case 'exit': process.exit(3);
    case 'signal': process.kill(process.pid, 'SIGSEGV'); await new Promise((done) => setTimeout(done, 5000)); break;
    case 'timeout': await new Promise((done) => setTimeout(done, 60000)); break;
    case 'memory': { const all = []; for (;;) { all.push(Buffer.alloc(16e6, 1)); await new Promise((done) => setTimeout(done, 5)); } }
    case 'large': return { statusCode: 200, body: 'x'.repeat(7e6) };
    case 'abort': process.abort();
    case 'client': return { statusCode: 200, body: JSON.stringify(context.clientContext ?? null) };
    case 'slow': await new Promise((done) => setTimeout(done, 700)); break;
    case 'environment': return { statusCode: 200, body: JSON.stringify(process.env) };
  }
  const body = Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8');
  return { statusCode: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify({
    instance, calls, pid: process.pid, left: context.getRemainingTimeInMillis(), request: context.awsRequestId,
    bytes: body.length, sha256: require('node:crypto').createHash('sha256').update(body).digest('hex'),
  }) };
};`;

const broken = `throw new RangeError('cannot be loaded');`;

const fn = (ZipFile: string, Timeout = 2) => ({
  Type: 'AWS::Lambda::Function',
  Properties: {
    Handler: 'index.handler',
    Runtime: 'nodejs24.x',
    Timeout,
    MemorySize: 192,
    Role: { 'Fn::GetAtt': ['Role', 'Arn'] },
    Code: { ZipFile },
    Environment: { Variables: { GREETING: 'hello' } },
    LoggingConfig: { LogGroup: { Ref: 'FunctionLog' } },
  },
});

const route = (name: string) => ({
  [`${name}Resource`]: {
    Type: 'AWS::ApiGateway::Resource',
    Properties: { RestApiId: { Ref: 'Api' }, ParentId: { 'Fn::GetAtt': ['Api', 'RootResourceId'] }, PathPart: name },
  },
  [`${name}Method`]: {
    Type: 'AWS::ApiGateway::Method',
    Properties: {
      RestApiId: { Ref: 'Api' },
      ResourceId: { Ref: `${name}Resource` },
      HttpMethod: 'ANY',
      AuthorizationType: 'NONE',
      Integration: {
        Type: 'AWS_PROXY',
        IntegrationHttpMethod: 'POST',
        Uri: {
          'Fn::Sub': `arn:aws:apigateway:\${AWS::Region}:lambda:path/2015-03-31/functions/\${${name}.Arn}/invocations`,
        },
      },
    },
  },
});

/** What CDK makes of `defaultCorsPreflightOptions`. */
const cors = {
  'Access-Control-Allow-Headers': 'Content-Type,X-Api-Key',
  'Access-Control-Allow-Methods': 'OPTIONS,POST',
  'Access-Control-Allow-Origin': 'https://example.org',
};
const corsParameters = (value: (header: string) => unknown) =>
  Object.fromEntries(Object.entries(cors).map(([name, header]) => [`method.response.header.${name}`, value(header)]));
const preflight = (resource: string) => ({
  Type: 'AWS::ApiGateway::Method',
  Properties: {
    RestApiId: { Ref: 'Api' },
    ResourceId: { Ref: resource },
    HttpMethod: 'OPTIONS',
    AuthorizationType: 'NONE',
    Integration: {
      Type: 'MOCK',
      ContentHandling: 'CONVERT_TO_TEXT', // All types are binary here.
      RequestTemplates: { 'application/json': '{ statusCode: 200 }' },
      IntegrationResponses: [{ StatusCode: '204', ResponseParameters: corsParameters((header) => `'${header}'`) }],
    },
    MethodResponses: [{ StatusCode: '204', ResponseParameters: corsParameters(() => true) }],
  },
});

const template = {
  Resources: {
    Role: {
      Type: 'AWS::IAM::Role',
      Properties: { AssumeRolePolicyDocument: { Version: '2012-10-17', Statement: [] } },
    },
    FunctionLog: { Type: 'AWS::Logs::LogGroup', Properties: {} },
    works: fn(code),
    broken: fn(broken),
    // On a busy machine a call of a burst takes longer than the other functions may.
    patient: fn(code, 60),
    reserved: { ...fn(code), Properties: { ...fn(code).Properties, ReservedConcurrentExecutions: 1 } },
    Api: { Type: 'AWS::ApiGateway::RestApi', Properties: { Name: 'lambda-test', BinaryMediaTypes: ['*/*'] } },
    ...route('works'),
    ...route('broken'),
    ...route('patient'),
    worksOptions: preflight('worksResource'),
    Unauthorized: {
      Type: 'AWS::ApiGateway::GatewayResponse',
      Properties: {
        RestApiId: { Ref: 'Api' },
        ResponseType: 'MISSING_AUTHENTICATION_TOKEN',
        StatusCode: '404',
        ResponseParameters: {
          'gatewayresponse.header.x-request-id': 'context.requestId',
          'gatewayresponse.header.x-asked-by': 'method.request.header.x-client',
          'gatewayresponse.header.Access-Control-Allow-Origin': "'*'",
        },
        ResponseTemplates: { 'application/json': '{"id":"$context.requestId"}' },
      },
    },
    Deployment: {
      Type: 'AWS::ApiGateway::Deployment',
      DependsOn: ['worksMethod', 'worksOptions', 'brokenMethod', 'patientMethod', 'Unauthorized'],
      Properties: { RestApiId: { Ref: 'Api' } },
    },
    Stage: {
      Type: 'AWS::ApiGateway::Stage',
      Properties: { RestApiId: { Ref: 'Api' }, DeploymentId: { Ref: 'Deployment' }, StageName: 'prod' },
    },
    Alarm: {
      Type: 'AWS::CloudWatch::Alarm',
      Properties: {
        ComparisonOperator: 'GreaterThanThreshold',
        EvaluationPeriods: 1,
        Threshold: 1,
        MetricName: 'Errors',
        Namespace: 'AWS/Lambda',
        Period: 60,
        Statistic: 'Sum',
      },
    },
  },
  Outputs: {
    Api: { Value: { Ref: 'Api' } },
    works: { Value: { Ref: 'works' } },
    reserved: { Value: { Ref: 'reserved' } },
    FunctionLog: { Value: { Ref: 'FunctionLog' } },
    Alarm: { Value: { Ref: 'Alarm' } },
  },
};

let stack: TestStack;
beforeAll(async () => {
  stack = await deployStack(template);
});
afterAll(() => stack.delete());

interface Answer {
  readonly instance: string;
  readonly calls: number;
  readonly pid: number;
  readonly left: number;
  readonly request: string;
  readonly bytes: number;
  readonly sha256: string;
}

function call(mode = '', init: RequestInit = {}, name = 'works'): Promise<Response> {
  const { endpoint } = inject('localStack');
  return fetch(`${endpoint}/_aws/execute-api/${stack.outputs.Api}/prod/${name}?mode=${mode}`, init);
}

const ask = async (mode?: string, init?: RequestInit) => (await (await call(mode, init)).json()) as Answer;

async function log(): Promise<string> {
  const { events = [] } = await new CloudWatchLogsClient().send(
    new FilterLogEventsCommand({ logGroupName: stack.outputs.FunctionLog }),
  );
  return events.map(({ message }) => message).join('\n');
}

test('a function has its own process, which is reused', async () => {
  const [first, second] = [await ask(), await ask()];
  expect(first.pid).not.toBe(inject('localStack').pid);
  expect(second).toMatchObject({ instance: first.instance, pid: first.pid, calls: first.calls + 1 });
  expect(second.request).not.toBe(first.request);
  expect(first.left).toBeGreaterThan(0);
  expect(first.left).toBeLessThanOrEqual(2000);
});

test('concurrent calls have separate processes', async () => {
  const answers = await Promise.all(Array.from({ length: 4 }, () => ask('slow')));
  expect(new Set(answers.map(({ pid }) => pid)).size).toBe(4);
});

let burst: readonly number[];
test('a burst is answered by fewer processes than calls: as many as fit in their memory', async () => {
  const responses = await Promise.all(Array.from({ length: 80 }, () => call('slow', {}, 'patient')));
  expect(responses.map(({ status }) => status)).toEqual(responses.map(() => 200));
  const answers = await Promise.all(responses.map(async (response) => (await response.json()) as Answer));
  burst = [...new Set(answers.map(({ pid }) => pid))];
  expect(answers.every(({ pid }) => pid > 0)).toBe(true);
  expect(burst.length).toBeLessThan(70);
});

describe.each([
  ['throw', 'thrown by the handler'],
  ['reject', 'nobody waits for it'],
  ['exit', 'exit status 3'],
  ['signal', 'signal: segmentation fault'],
  ['abort', 'signal: aborted'],
  ['timeout', 'Task timed out after 2.00 seconds'],
  ['memory', 'signal: killed'],
])('a function that ends by %s', (mode, logged) => {
  test('answers 502, logs why, and answers the next call', async () => {
    expect((await call(mode)).status).toBe(502);
    expect((await ask()).calls).toBeGreaterThan(0);
    for (const deadline = Date.now() + 20_000; !(await log()).includes(logged); await sleep(100)) {
      if (Date.now() > deadline) throw new Error(`The log does not contain "${logged}".`);
    }
  });
});

test('a response above 6 MB becomes a 502, and the next call is answered', async () => {
  expect((await call('large')).status).toBe(502);
  expect((await ask()).calls).toBeGreaterThan(0);
});

test('a request above 6 MB becomes a 413, and the next call is answered', async () => {
  const refused = await call('', { method: 'POST', body: new Uint8Array(5e6) });
  expect(refused.status).toBe(413);
  expect(await refused.json()).toEqual({ message: 'Request Too Long' });
  expect((await ask()).calls).toBeGreaterThan(0);
});

/** Calls the function as an SDK does, without the gateway. */
function invoke(body: NonNullable<RequestInit['body']>, headers: Record<string, string> = {}): Promise<Response> {
  const Authorization = 'AWS4-HMAC-SHA256 Credential=test/20261123/us-east-1/lambda/aws4_request';
  const url = `${inject('localStack').endpoint}/2015-03-31/functions/${stack.outputs.works}/invocations`;
  return fetch(url, { method: 'POST', headers: { Authorization, ...headers }, body });
}

test('an invocation that is too large or is not JSON is refused as Lambda does', async () => {
  const large = await invoke(`"${'x'.repeat(6 * 1024 * 1024)}"`);
  expect([large.status, large.headers.get('x-amzn-errortype')]).toEqual([413, 'RequestTooLargeException']);
  for (const body of ["'text'", '{"a": 1', new Uint8Array([255])]) {
    const refused = await invoke(body);
    expect([refused.status, refused.headers.get('x-amzn-errortype')]).toEqual([400, 'InvalidRequestContentException']);
  }
  expect((await invoke('{}')).status).toBe(200);
});

test('a client may say something about itself', async () => {
  const context = { client: { app_title: 'tests' }, custom: { größe: '1' } };
  const asked = { queryStringParameters: { mode: 'client' } };
  const headers = { 'X-Amz-Client-Context': Buffer.from(JSON.stringify(context)).toString('base64') };
  const answer = async (response: Response) => JSON.parse(((await response.json()) as { body: string }).body);
  expect(await answer(await invoke(JSON.stringify(asked), headers))).toEqual(context);
  expect(await answer(await invoke(JSON.stringify(asked)))).toBeNull();
  expect((await invoke('{}', { 'X-Amz-Client-Context': 'no Base64' })).status).toBe(400);
});

test('a preflight request is answered with the headers that were deployed', async () => {
  const preflight = {
    origin: 'https://example.org',
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'content-type,x-api-key',
  };
  for (const headers of [preflight, { ...preflight, accept: '*/*' }]) {
    const answer = await call('', { method: 'OPTIONS', headers });
    expect(answer.status).toBe(204);
    expect(Object.fromEntries(answer.headers)).toMatchObject(
      Object.fromEntries(Object.entries(cors).map(([name, value]) => [name.toLowerCase(), value])),
    );
  }
});

test('an error of the gateway has the headers that were deployed, with their values filled in', async () => {
  const answer = await call('', { headers: { 'x-client': 'tests' } }, 'elsewhere');
  expect(answer.status).toBe(404);
  const { id } = (await answer.json()) as { id: string };
  expect(id).toMatch(/^[0-9a-f-]{36}$/);
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    'x-request-id': id,
    'x-asked-by': 'tests',
    'access-control-allow-origin': '*',
  });
});

test('a function that cannot be loaded answers 502', async () => {
  expect((await call('', {}, 'broken')).status).toBe(502);
});

test('bodies arrive unchanged', async () => {
  const bytes = Uint8Array.from({ length: 3072 }, (_, at) => (at * 31) % 256);
  const digest = Buffer.from(await crypto.subtle.digest('SHA-256', bytes)).toString('hex');
  // The second is curl's default; the third is a form that has no boundary.
  for (const type of ['application/octet-stream', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
    const headers = { 'content-type': type };
    expect((await ask('', { method: 'POST', headers, body: new Uint8Array(3072) })).bytes, type).toBe(3072);
    expect((await ask('', { method: 'POST', headers, body: bytes })).sha256, type).toBe(digest);
  }
  const largest = 4_400_000; // the endpoint's limit
  expect((await ask('', { method: 'POST', body: new Uint8Array(largest) })).bytes).toBe(largest);
});

test('a function runs no more calls at a time than are reserved for it, and refuses the others', async () => {
  const headers = { authorization: 'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/lambda/aws4_request' };
  const address = `${inject('localStack').endpoint}/2015-03-31/functions/${stack.outputs.reserved}/invocations`;
  const body = JSON.stringify({ queryStringParameters: { mode: 'slow' } });
  const invoke = async () => (await fetch(address, { method: 'POST', headers, body })).status;
  expect((await Promise.all([invoke(), invoke()])).toSorted()).toEqual([200, 429]);
  expect(await invoke()).toBe(200);
});

test('its environment is Lambda’s, and it inherits no other variables', async () => {
  const environment = (await (await call('environment')).json()) as Record<string, string>;
  expect(environment).toMatchObject({
    GREETING: 'hello',
    AWS_REGION: 'us-east-1',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '192',
    AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
    AWS_ENDPOINT_URL: inject('localStack').endpoint,
  });
  /** https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime */
  const defined = [
    ...['_HANDLER', '_X_AMZN_TRACE_ID', 'LAMBDA_TASK_ROOT', 'LAMBDA_RUNTIME_DIR', 'LANG', 'PATH', 'TZ'],
    ...['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_REGION', 'AWS_DEFAULT_REGION'],
    ...['AWS_EXECUTION_ENV', 'AWS_LAMBDA_RUNTIME_API', 'AWS_LAMBDA_INITIALIZATION_TYPE'],
    ...['NAME', 'MEMORY_SIZE', 'VERSION'].map((name) => `AWS_LAMBDA_FUNCTION_${name}`),
    ...['AWS_LAMBDA_LOG_GROUP_NAME', 'AWS_LAMBDA_LOG_STREAM_NAME'],
    ...['AWS_XRAY_CONTEXT_MISSING', 'AWS_XRAY_DAEMON_ADDRESS'],
  ];
  const ofThisMachine = [
    ...['AWS_ENDPOINT_URL', 'AWS_EC2_METADATA_DISABLED', 'AWS_CONFIG_FILE', 'AWS_SHARED_CREDENTIALS_FILE'],
    ...['HOME', 'TMPDIR'],
  ];
  expect(Object.keys(environment).toSorted()).toEqual(['GREETING', ...defined, ...ofThisMachine].toSorted());
  expect(environment.HOME).not.toBe(process.env.HOME);
});

test('an alarm changes with its template', async () => {
  const changed = structuredClone(template);
  changed.Resources.Alarm.Properties.Threshold = 5;
  await stack.update(changed);
  const query = new URLSearchParams({ Action: 'DescribeAlarms', Version: '2010-08-01' });
  const headers = { Authorization: 'AWS4-HMAC-SHA256 Credential=test/20261123/us-east-1/monitoring/aws4_request' };
  const answer = await fetch(`${inject('localStack').endpoint}/?${query}`, { method: 'POST', headers });
  expect(await answer.text()).toMatch(/<Threshold>5(\.0)?<\/Threshold>/);
});

test('most processes of a burst end soon after it', async () => {
  const living = () => burst.filter(isAlive).length;
  for (const deadline = Date.now() + 30_000; living() > burst.length / 2; await sleep(200)) {
    if (Date.now() > deadline) throw new Error(`${living()} of ${burst.length} processes still run.`);
  }
});
