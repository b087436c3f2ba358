import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How a service writes its answers. CloudFormation and STS share one way, EC2 has its own. */
type Protocol = 'query' | 'ec2' | 'json' | 'rest-json' | 's3';

const protocols: Readonly<Record<string, Protocol>> = {
  sts: 'query',
  cloudformation: 'query',
  ec2: 'ec2',
  logs: 'json',
  servicequotas: 'json',
  batch: 'rest-json',
  apigateway: 'rest-json',
  lambda: 'rest-json',
  s3: 's3',
};

interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/** A refusal as each protocol has it. */
type Fault = Readonly<Record<Protocol, Refusal>>;

const user = 'User: arn:aws:iam::123456789012:user/ada is not authorized to perform';
const skewed = 'Signature expired: 20261128T080000Z is now earlier than 20261128T093000Z (20261128T093500Z - 5 min.)';

/**
 * What AWS documents that its services answer.
 *
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html (query)
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
 * @see https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/CommonErrors.html (json)
 * @see https://docs.aws.amazon.com/batch/latest/APIReference/CommonErrors.html (rest-json)
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
 */
export const faults = {
  expired: {
    query: refusal(403, 'ExpiredToken', 'The security token included in the request is expired'),
    ec2: refusal(400, 'ExpiredToken', 'The security token included in the request is expired'),
    json: refusal(400, 'ExpiredTokenException', 'The security token included in the request is expired'),
    'rest-json': refusal(403, 'ExpiredTokenException', 'The security token included in the request is expired'),
    s3: refusal(400, 'ExpiredToken', 'The provided token has expired.'),
  },
  unknownKey: {
    query: refusal(403, 'InvalidClientTokenId', 'The security token included in the request is invalid.'),
    ec2: refusal(401, 'AuthFailure', 'AWS was not able to validate the provided access credentials'),
    json: refusal(400, 'UnrecognizedClientException', 'The security token included in the request is invalid.'),
    'rest-json': refusal(403, 'UnrecognizedClientException', 'The security token included in the request is invalid.'),
    s3: refusal(403, 'InvalidAccessKeyId', 'The AWS Access Key Id you provided does not exist in our records.'),
  },
  wrongSecret: {
    query: refusal(403, 'SignatureDoesNotMatch', 'The request signature we calculated does not match the signature'),
    ec2: refusal(401, 'AuthFailure', 'AWS was not able to validate the provided access credentials'),
    json: refusal(400, 'InvalidSignatureException', 'The request signature we calculated does not match the signature'),
    'rest-json': refusal(403, 'InvalidSignatureException', 'The request signature we calculated does not match'),
    s3: refusal(403, 'SignatureDoesNotMatch', 'The request signature we calculated does not match the signature'),
  },
  noRight: {
    query: refusal(403, 'AccessDenied', `${user}: cloudformation:DescribeStacks on resource: Cifar10`),
    ec2: refusal(403, 'UnauthorizedOperation', `${user}: ec2:Describe. Encoded authorization failure message: 4bCdEf`),
    json: refusal(400, 'AccessDeniedException', `${user}: logs:FilterLogEvents on resource: logs`),
    'rest-json': refusal(403, 'AccessDeniedException', `${user}: batch:ListJobs on resource: queue`),
    s3: refusal(403, 'AccessDenied', `${user}: s3:ListBucket on resource: "arn:aws:s3:::models-1a2b"`),
  },
  throttled: {
    query: refusal(400, 'Throttling', 'Rate exceeded'),
    ec2: refusal(503, 'RequestLimitExceeded', 'Request limit exceeded.'),
    json: refusal(400, 'ThrottlingException', 'Rate exceeded'),
    'rest-json': refusal(429, 'TooManyRequestsException', 'Too Many Requests'),
    s3: refusal(503, 'SlowDown', 'Please reduce your request rate.'),
  },
  wrongClock: {
    query: refusal(403, 'SignatureDoesNotMatch', skewed),
    ec2: refusal(400, 'RequestExpired', 'Request has expired.'),
    json: refusal(400, 'InvalidSignatureException', skewed),
    'rest-json': refusal(403, 'InvalidSignatureException', skewed),
    s3: refusal(
      403,
      'RequestTimeTooSkewed',
      'The difference between the request time and the current time is too large.',
    ),
  },
  newAccount: same(403, 'OptInRequired', 'The AWS Access Key Id needs a subscription for the service'),
  outage: same(503, 'ServiceUnavailable', 'Service is unable to handle request.'),
} as const satisfies Record<string, Fault>;

export type FaultName = keyof typeof faults;

function refusal(status: number, code: string, message: string): Refusal {
  return { status, code, message };
}

function same(...of: Parameters<typeof refusal>): Fault {
  const one = refusal(...of);
  return { query: one, ec2: one, json: one, 'rest-json': one, s3: one };
}

const outputs = {
  ...{ BucketName: 'models-1a2b', JobQueueArn: 'arn:aws:batch:eu-west-1:123456789012:job-queue/queue' },
  ...{ JobDefinitionName: 'training', TrainingLogGroupName: 'training', RestApiId: 'abc123', StageName: 'prod' },
  ...{ ApiKeyId: 'key1', ClassifierLogGroupName: 'classifier' },
};

const stack = Object.entries(outputs)
  .map(([name, value]) => `<member><OutputKey>${name}</OutputKey><OutputValue>${value}</OutputValue></member>`)
  .join('');

/** Answers of an account in which the stack is deployed, and empty. */
const answers: Readonly<Record<string, string>> = {
  sts: '<GetCallerIdentityResponse><GetCallerIdentityResult><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>',
  cloudformation: `<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackId>arn:aws:cloudformation:eu-west-1:123456789012:stack/Cifar10/1</StackId><StackName>Cifar10</StackName><StackStatus>CREATE_COMPLETE</StackStatus><Outputs>${stack}</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`,
  logs: '{"events":[]}',
  batch: '{"jobSummaryList":[],"jobs":[],"jobId":"1"}',
  apigateway: '{"id":"key1","value":"secret-of-the-endpoint"}',
};

/** What a service does with a request: `hang` never answers, and `cut` ends the connection. */
export type Behavior = FaultName | 'hang' | 'cut';

export interface FakeAws extends AsyncDisposable {
  /** The value of AWS_ENDPOINT_URL. */
  readonly endpoint: string;
  /** The services that were asked, in order. */
  readonly asked: string[];
  /** Services that do not answer as they should, `*` being all but STS. @default none */
  behavior: Readonly<Record<string, Behavior>>;
  /** Faults before a service answers as it should. @default all requests fail */
  failures: number;
  /** Minutes that this machine's clock is slow. AWS refuses more than five. @default 0 */
  minutesSlow: number;
  /** Ends all connections. */
  cut(): void;
}

/** A server that answers as AWS documents for each of its services, told apart by the signature of the request. */
export async function startFakeAws(): Promise<FakeAws> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => answer(request, response));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const aws: FakeAws = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: [],
    behavior: {},
    failures: Number.POSITIVE_INFINITY,
    minutesSlow: 0,
    cut: () => server.closeAllConnections(),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };

  function answer(request: IncomingMessage, response: ServerResponse): void {
    const service = /\/([a-z0-9-]+)\/aws4_request/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    aws.asked.push(service);
    const now = Date.now() + 60_000 * aws.minutesSlow;
    response.setHeader('date', new Date(now).toUTCString());
    const isSkewed = Math.abs(now - signedAt(request)) > 300_000;
    const chosen = aws.behavior[service] ?? (service === 'sts' ? undefined : aws.behavior['*']);
    const behavior = isSkewed ? 'wrongClock' : chosen;
    if (behavior === undefined || aws.failures-- <= 0) return void succeed(service, request, response);
    if (behavior === 'hang') return;
    if (behavior === 'cut') return void request.socket.destroy();
    refuse(faults[behavior], protocols[service] ?? 'rest-json', response);
  }
  return aws;
}

/** When a request was signed, by the machine that sent it. */
function signedAt({ headers }: IncomingMessage): number {
  return Date.parse(
    String(headers['x-amz-date']).replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'),
  );
}

function succeed(service: string, { method, url }: IncomingMessage, response: ServerResponse): void {
  if (service !== 's3') return void response.end(answers[service] ?? '{}');
  if (method === 'PUT') return void response.writeHead(200, { etag: '"1"' }).end();
  if (url?.includes('list-type'))
    return void response.end('<ListBucketResult><KeyCount>0</KeyCount></ListBucketResult>');
  refuse(same(404, 'NoSuchKey', 'The specified key does not exist.'), 's3', response);
}

function refuse(fault: Fault, protocol: Protocol, response: ServerResponse): void {
  const { status, code, message } = fault[protocol];
  const error = `<Code>${code}</Code><Message>${message.replaceAll('"', '&quot;')}</Message>`;
  const bodies: Record<Protocol, string> = {
    query: `<ErrorResponse><Error><Type>Sender</Type>${error}</Error><RequestId>request-1</RequestId></ErrorResponse>`,
    ec2: `<Response><Errors><Error>${error}</Error></Errors><RequestID>request-1</RequestID></Response>`,
    json: JSON.stringify({ __type: code, message }),
    'rest-json': JSON.stringify({ message }),
    s3: `<Error>${error}<RequestId>request-1</RequestId></Error>`,
  };
  response.writeHead(status, protocol === 'rest-json' ? { 'x-amzn-errortype': code } : {}).end(bodies[protocol]);
}
