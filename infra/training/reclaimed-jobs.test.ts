import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import type { JobDetail } from '@aws-sdk/client-batch';
import { App, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { ModelBucket } from '../models/model-bucket.ts';
import { handler } from './reclaimed-jobs.lambda.ts';
import { TrainingQueue } from './training-queue.ts';

const arn = 'arn:aws:batch:eu-west-1:123456789012:';
const id = '4c7599ae-0a82-49aa-ba5a-4727fcce14a8';

/** A job that was reclaimed three times, as an event of AWS Batch tells it. */
const reclaimed = {
  jobArn: `${arn}job/${id}`,
  jobName: 'monday_1',
  jobId: id,
  jobQueue: `${arn}job-queue/gpu`,
  status: 'FAILED',
  statusReason: 'Host EC2 (instance i-0123456789abcdef0) terminated.',
  attempts: [
    { statusReason: 'Host EC2 (instance i-0123456789abcdef0) terminated.', container: {} },
    { statusReason: 'Essential container in task exited', container: { exitCode: 75 } },
    { statusReason: 'Host EC2 (instance i-0123456789abcdef0) terminated.', container: {} },
  ],
  createdAt: 1_641_944_200_058,
  startedAt: 1_641_944_300_058,
  jobDefinition: `${arn}job-definition/training:7`,
  parameters: {},
  timeout: { attemptDurationSeconds: 7200 },
  container: {
    image: 'training:1',
    command: ['train', 'c92', '--run', 'monday.1'],
    environment: [{ name: 'CIFAR10_STORE', value: 's3://models' }],
    resourceRequirements: [{ type: 'VCPU', value: '8' }],
  },
} satisfies JobDetail;

describe('the function', () => {
  let server: Server;
  /** Answers of ListJobs: the jobs of the run in the on-demand queue. */
  let jobs: { jobId: string; jobName: string; status: string }[];
  let requests: { path: string | undefined; body: unknown }[];

  beforeAll(async () => {
    vi.spyOn(console, 'log').mockImplementation(() => {});
    server = createServer(async (request, response) => {
      const path = request.url;
      requests.push({ path, body: await json(request) });
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(path === '/v1/listjobs' ? { jobSummaryList: jobs } : { jobId: 'new', jobName: '' }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    vi.stubEnv('AWS_ENDPOINT_URL', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    vi.stubEnv('AWS_REGION', 'eu-west-1');
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
    vi.stubEnv('CIFAR10_ON_DEMAND_QUEUES', `${arn}job-queue/gpu=${arn}job-queue/dear ${arn}job-queue/cpu=${arn}x`);
  });
  beforeEach(() => {
    jobs = [];
    requests = [];
  });
  afterAll(() => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
    server.close();
  });

  const submitted = () => requests.filter(({ path }) => path === '/v1/submitjob').map(({ body }) => body);

  it('submits a reclaimed job again to the on-demand queue, with all that it was submitted with', async () => {
    await handler({ detail: reclaimed });

    expect(submitted()).toEqual([
      {
        jobName: 'monday_1',
        jobQueue: `${arn}job-queue/dear`,
        jobDefinition: `${arn}job-definition/training`,
        parameters: {},
        timeout: { attemptDurationSeconds: 7200 },
        containerOverrides: {
          command: ['train', 'c92', '--run', 'monday.1'],
          environment: [{ name: 'CIFAR10_STORE', value: 's3://models' }],
          resourceRequirements: [{ type: 'VCPU', value: '8' }],
        },
      },
    ]);
  });

  it('names the run of a job that was submitted by hand: it is the id of the first job', async () => {
    const container = { ...reclaimed.container, command: ['train', 'quick'] };
    await handler({ detail: { ...reclaimed, jobName: 'by-hand', jobId: `${id}:3`, container } });

    expect(submitted()).toMatchObject([
      { jobName: `${id}-3`, containerOverrides: { command: ['train', 'quick', '--run', `${id}-3`] } },
    ]);
  });

  const shards = ['shards', '--plan', '0123456789ab', '--submission', '0002'];

  it.each([
    ['of an array', ['--offset', '10000'], { index: 42 }, '10042'],
    ['of the first array', [], { index: 0 }, '0'],
    ['that is a plain job', ['--child', '7'], undefined, '7'],
  ])('submits a child %s as a job of its own, which knows its number', async (_, options, arrayProperties, child) => {
    const container = { ...reclaimed.container, command: [...shards, ...options] };
    const jobName = 'plan-0123456789ab-0002';
    const jobId = arrayProperties ? `${id}:${arrayProperties.index}` : id;
    await handler({ detail: { ...reclaimed, jobName, jobId, container, ...(arrayProperties && { arrayProperties }) } });

    expect(submitted()).toEqual([
      expect.objectContaining({
        jobName: `plan-0123456789ab-0002-${child}`,
        jobQueue: `${arn}job-queue/dear`,
        timeout: { attemptDurationSeconds: 7200 },
        containerOverrides: expect.objectContaining({ command: [...shards, '--child', child] }),
      }),
    ]);
    expect(submitted()[0]).not.toHaveProperty('arrayProperties');
    const filters = [{ name: 'JOB_NAME', values: [`plan-0123456789ab-0002-${child}`] }];
    expect(requests[0]?.body).toEqual({ jobQueue: `${arn}job-queue/dear`, filters });
  });

  it('submits one whose program wrote a checkpoint before its instance went', async () => {
    const attempts = [{ statusReason: 'Essential container in task exited', container: { exitCode: 75 } }];
    await handler({ detail: { ...reclaimed, statusReason: 'Essential container in task exited', attempts } });

    expect(submitted()).toHaveLength(1);
  });

  it.each([
    [
      'failed by itself',
      { statusReason: 'Essential container in task exited', attempts: [{ container: { exitCode: 1 } }] },
    ],
    ['was ended by hand', { statusReason: 'not needed any more', attempts: [{ container: { exitCode: 75 } }] }],
    [
      'took too long',
      { statusReason: 'Job attempt duration exceeded timeout', attempts: [{ container: { exitCode: 75 } }] },
    ],
    ['never started', { statusReason: 'Task failed to start', attempts: [] }],
    ['is an array whose child failed', { statusReason: 'Array Child Job failed', attempts: [] }],
    ['is an array, whatever its reason', { arrayProperties: { size: 200, statusSummary: { FAILED: 1 } } }],
    [
      'waited too long',
      { statusReason: 'Canceled by JobStateTimeLimit action due to reason: CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY' },
    ],
    ['is in a queue without Spot instances', { jobQueue: `${arn}job-queue/dear` }],
    ['is only retried', { status: 'RUNNABLE' }],
  ] as const)('does nothing for a job that %s', async (_, change) => {
    await handler({ detail: { ...reclaimed, ...change } as JobDetail });

    expect(requests).toEqual([]);
  });

  it('submits a run once, however often its event arrives', async () => {
    jobs = [{ jobId: 'new', jobName: 'monday_1', status: 'RUNNABLE' }];
    await handler({ detail: reclaimed });
    expect(submitted()).toEqual([]);
    expect(requests[0]?.body).toEqual({
      jobQueue: `${arn}job-queue/dear`,
      filters: [{ name: 'JOB_NAME', values: ['monday_1'] }],
    });

    jobs = [{ jobId: 'old', jobName: 'monday_1', status: 'FAILED' }]; // of an earlier submission
    await handler({ detail: reclaimed });
    expect(submitted()).toHaveLength(1);
  });
});

describe('ReclaimedJobs', () => {
  const context = { 'aws:cdk:bundling-stacks': [] };
  const stack = new Stack(new App({ context, builtinCloudFormationValidation: false }));
  new TrainingQueue(stack, 'Training', {
    models: new ModelBucket(stack, 'Models'),
    image: ecs.ContainerImage.fromRegistry('training:1'),
    cpuImage: ecs.ContainerImage.fromRegistry('training-cpu:1'),
  });
  const template = Template.fromStack(stack);
  const queue = (name: string) => ({
    'Fn::GetAtt': [Match.stringLikeRegexp(`^Training${name}[0-9A-F]{8}$`), 'JobQueueArn'],
  });

  it('hears of jobs that fail in a queue with Spot instances, and of no others: so it can never loop', () => {
    template.hasResourceProperties('AWS::Events::Rule', {
      EventPattern: {
        source: ['aws.batch'],
        'detail-type': ['Batch Job State Change'],
        detail: { status: ['FAILED'], jobQueue: [queue('Queue'), queue('CpuQueue')] },
      },
    });
    template.hasResourceProperties('AWS::Lambda::Function', {
      Environment: {
        Variables: {
          CIFAR10_ON_DEMAND_QUEUES: {
            'Fn::Join': [
              '',
              [queue('Queue'), '=', queue('OnDemandQueue'), ' ', queue('CpuQueue'), '=', queue('CpuOnDemandQueue')],
            ],
          },
        },
      },
    });
  });

  it('may submit the kinds of jobs to the on-demand queues, and nothing else', () => {
    const policies = Object.entries(template.findResources('AWS::IAM::Policy')).filter(([name]) =>
      name.startsWith('TrainingReclaimedRole'),
    );
    const statements: { Action: string; Resource: unknown }[] = policies.flatMap(
      ([, { Properties }]) => Properties.PolicyDocument.Statement,
    );
    const submits = statements.filter(({ Action }) => Action === 'batch:SubmitJob');

    expect(submits.map(({ Resource }) => JSON.stringify(Resource).match(/Training\w*Queue|Training\w*Job/g))).toEqual(
      [
        ['TrainingOnDemandQueue', 'TrainingJob', 'TrainingJob'],
        ['TrainingCpuOnDemandQueue', 'TrainingCpuJob', 'TrainingClassifyJob', 'TrainingCpuJob', 'TrainingClassifyJob'],
      ].map((ids) => ids.map((name) => expect.stringContaining(name))),
    );
    expect(statements.flatMap(({ Action }) => Action)).toEqual(
      expect.arrayContaining(['logs:PutLogEvents', 'batch:ListJobs']),
    );
  });
});
