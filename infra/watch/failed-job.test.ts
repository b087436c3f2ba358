import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { JobDetail } from '@aws-sdk/client-batch';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { handler } from './failed-job.lambda.ts';

const arn = 'arn:aws:batch:eu-west-1:123456789012:job-queue/';
const exited = 'Essential container in task exited';

const job = {
  ...{ jobName: 'monday', jobId: '4c7599ae', jobQueue: `${arn}gpu`, jobDefinition: 'training:7', status: 'FAILED' },
  ...{ statusReason: exited, startedAt: 1 },
  attempts: [{ container: { exitCode: 1, logStreamName: 'training/default/1' } }],
} satisfies JobDetail;

let server: Server;
let notices: string[];

beforeAll(async () => {
  vi.spyOn(console, 'log').mockImplementation(() => {});
  // SNS takes what it is told; whoever asks for a log is refused.
  server = createServer(async (request, response) => {
    const body = await text(request);
    if (request.headers['x-amz-target'] === undefined) {
      notices.push(new URLSearchParams(body).get('Message') ?? '');
      response.setHeader('content-type', 'text/xml');
      response.end('<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>');
    } else {
      response.writeHead(400, { 'content-type': 'application/x-amz-json-1.1' });
      response.end('{"__type":"AccessDeniedException","message":"not authorized to perform logs:GetLogEvents"}');
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  vi.stubEnv('AWS_ENDPOINT_URL', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  vi.stubEnv('AWS_REGION', 'eu-west-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
  vi.stubEnv('CIFAR10_SPOT_QUEUES', `${arn}gpu ${arn}cpu`);
  vi.stubEnv('CIFAR10_NOTICE_TOPIC', 'arn:aws:sns:eu-west-1:123456789012:topic');
  vi.stubEnv('CIFAR10_JOB_LOG_GROUP', 'jobs');
});
beforeEach(() => {
  notices = [];
});
afterAll(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  server.close();
});

it('tells of a job even if its log cannot be read, and says why not', async () => {
  await handler({ detail: job });
  expect(notices).toEqual([
    expect.stringMatching(/^The job monday failed\.[\s\S]*\(The log cannot be read: .*GetLogEvents/),
  ]);
});

const interrupted = [{ container: { exitCode: 75 } }];

it.each([
  ['resumes on demand', 0, { attempts: interrupted }],
  ['was on demand already', 1, { attempts: interrupted, jobQueue: `${arn}dear` }],
  ['depends on one that failed', 0, { statusReason: 'Dependent Job failed', attempts: [] }],
])('of a job that %s the notices are %d', async (_, count, change) => {
  await handler({ detail: { ...job, ...change } as JobDetail });
  expect(notices).toHaveLength(count);
});
