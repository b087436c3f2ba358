import { setTimeout as sleep } from 'node:timers/promises';
import { CloudWatchLogsClient, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
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

const fn = (ZipFile: string) => ({
  Type: 'AWS::Lambda::Function',
  Properties: {
    Handler: 'index.handler',
    Runtime: 'nodejs22.x',
    Timeout: 2,
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

const template = {
  Resources: {
    Role: {
      Type: 'AWS::IAM::Role',
      Properties: { AssumeRolePolicyDocument: { Version: '2012-10-17', Statement: [] } },
    },
    FunctionLog: { Type: 'AWS::Logs::LogGroup', Properties: {} },
    works: fn(code),
    broken: fn(broken),
    Api: { Type: 'AWS::ApiGateway::RestApi', Properties: { Name: 'lambda-test', BinaryMediaTypes: ['*/*'] } },
    ...route('works'),
    ...route('broken'),
    Deployment: {
      Type: 'AWS::ApiGateway::Deployment',
      DependsOn: ['worksMethod', 'brokenMethod'],
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

describe.each([
  ['throw', 'thrown by the handler'],
  ['reject', 'nobody waits for it'],
  ['exit', 'exit status 3'],
  ['signal', 'signal: 11'],
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

test('its environment is Lambda’s, and it inherits no other variables', async () => {
  const environment = (await (await call('environment')).json()) as Record<string, string>;
  expect(environment).toMatchObject({
    GREETING: 'hello',
    AWS_REGION: 'us-east-1',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '192',
    AWS_ENDPOINT_URL: inject('localStack').endpoint,
  });
  expect(Object.keys(environment).filter((name) => name.startsWith('CIFAR10_'))).toEqual([]);
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
