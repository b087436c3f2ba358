import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  BatchClient,
  CancelJobCommand,
  DescribeComputeEnvironmentsCommand,
  DescribeJobDefinitionsCommand,
  DescribeJobQueuesCommand,
  DescribeJobsCommand,
  GetJobQueueSnapshotCommand,
  type JobDetail,
  ListJobsCommand,
  paginateDescribeJobDefinitions,
  paginateListJobs,
  RegisterJobDefinitionCommand,
  type RegisterJobDefinitionCommandInput,
  SubmitJobCommand,
  type SubmitJobCommandInput,
  TerminateJobCommand,
} from '@aws-sdk/client-batch';
import { CloudWatchLogsClient, FilterLogEventsCommand, GetLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { localstackPython } from '#setup/localstack.mjs';
import { run } from '#setup/processes.mjs';
import { isAlive } from '../test/processes.ts';
import { deployStack, type TestStack } from './test-stack.ts';

const batch = new BatchClient();
const logs = new CloudWatchLogsClient();

/** A queue whose only instance type has 4 vCPUs, 16 GiB and a GPU, and a log of its jobs' events. */
const template = {
  Resources: {
    Role: {
      Type: 'AWS::IAM::Role',
      Properties: { AssumeRolePolicyDocument: { Version: '2012-10-17', Statement: [] } },
    },
    Profile: { Type: 'AWS::IAM::InstanceProfile', Properties: { Roles: [{ Ref: 'Role' }] } },
    Vpc: { Type: 'AWS::EC2::VPC', Properties: { CidrBlock: '10.0.0.0/16' } },
    Subnet: { Type: 'AWS::EC2::Subnet', Properties: { VpcId: { Ref: 'Vpc' }, CidrBlock: '10.0.0.0/24' } },
    Group: { Type: 'AWS::EC2::SecurityGroup', Properties: { GroupDescription: 'jobs', VpcId: { Ref: 'Vpc' } } },
    Template: {
      Type: 'AWS::EC2::LaunchTemplate',
      Properties: { LaunchTemplateData: { UserData: Buffer.from('#!/bin/sh').toString('base64') } },
    },
    Environment: {
      Type: 'AWS::Batch::ComputeEnvironment',
      Properties: {
        Type: 'managed',
        ReplaceComputeEnvironment: false,
        ComputeResources: {
          Type: 'SPOT',
          MinvCpus: 0,
          MaxvCpus: 8,
          InstanceTypes: ['g4dn.xlarge'],
          InstanceRole: { 'Fn::GetAtt': ['Profile', 'Arn'] },
          Subnets: [{ Ref: 'Subnet' }],
          SecurityGroupIds: [{ Ref: 'Group' }],
          LaunchTemplate: { LaunchTemplateId: { Ref: 'Template' }, Version: '$Latest' },
        },
      },
    },
    Queue: {
      Type: 'AWS::Batch::JobQueue',
      Properties: {
        Priority: '1',
        ComputeEnvironmentOrder: [{ Order: 1, ComputeEnvironment: { Ref: 'Environment' } }],
        JobStateTimeLimitActions: [
          {
            Reason: 'CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY',
            State: 'RUNNABLE',
            MaxTimeSeconds: 3600,
            Action: 'CANCEL',
          },
        ],
      },
    },
    Definition: {
      Type: 'AWS::Batch::JobDefinition',
      Properties: {
        Type: 'container',
        Parameters: { greeting: 'hello' },
        ContainerProperties: {
          Image: 'node:22',
          Command: ['-p', '"Ref::greeting"'],
          ResourceRequirements: [
            { Type: 'VCPU', Value: 1 },
            { Type: 'MEMORY', Value: '256' },
          ],
          LogConfiguration: {
            LogDriver: 'awslogs',
            Options: { 'awslogs-group': { Ref: 'JobLog' }, 'awslogs-stream-prefix': 'greetings' },
          },
        },
      },
    },
    JobLog: { Type: 'AWS::Logs::LogGroup', Properties: {} },
    Events: { Type: 'AWS::Logs::LogGroup', Properties: {} },
    Rule: {
      Type: 'AWS::Events::Rule',
      Properties: {
        EventPattern: { source: ['aws.batch'], detail: { jobName: ['observed'] } },
        Targets: [{ Id: 'log', Arn: { 'Fn::GetAtt': ['Events', 'Arn'] } }],
      },
    },
    Dashboard: { Type: 'AWS::CloudWatch::Dashboard', Properties: { DashboardBody: '{"widgets": []}' } },
  },
  Outputs: {
    Queue: { Value: { Ref: 'Queue' } },
    Definition: { Value: { Ref: 'Definition' } },
    Environment: { Value: { Ref: 'Environment' } },
    JobLog: { Value: { Ref: 'JobLog' } },
    Events: { Value: { Ref: 'Events' } },
  },
};

let stack: TestStack;
beforeAll(async () => {
  stack = await deployStack(template);
});
afterAll(() => stack.delete());

type Definition = Partial<RegisterJobDefinitionCommandInput> & {
  readonly environment?: Readonly<Record<string, string>>;
  readonly image?: string;
  readonly vcpus?: number;
};

/** A job definition that runs a program for Node.js. */
async function define(program: string, { environment = {}, image, vcpus = 1, ...others }: Definition = {}) {
  const { jobDefinitionArn } = await batch.send(
    new RegisterJobDefinitionCommand({
      jobDefinitionName: `test-${randomUUID()}`,
      type: 'container',
      containerProperties: {
        image: image ?? 'node:22',
        command: ['-e', program],
        environment: Object.entries(environment).map(([name, value]) => ({ name, value })),
        resourceRequirements: [
          { type: 'VCPU', value: String(vcpus) },
          { type: 'MEMORY', value: '256' },
        ],
      },
      ...others,
    }),
  );
  return jobDefinitionArn ?? '';
}

async function submit(jobDefinition: string, others: Partial<SubmitJobCommandInput> = {}): Promise<string> {
  const { jobId } = await batch.send(
    new SubmitJobCommand({ jobName: 'test', jobQueue: stack.outputs.Queue, jobDefinition, ...others }),
  );
  return jobId ?? '';
}

async function describeJob(jobId: string): Promise<JobDetail> {
  const { jobs } = await batch.send(new DescribeJobsCommand({ jobs: [jobId] }));
  if (!jobs?.[0]) throw new Error(`Job ${jobId} does not exist.`);
  return jobs[0];
}

async function until(jobId: string, ...states: (string | undefined)[]): Promise<JobDetail> {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; await sleep(50)) {
    const job = await describeJob(jobId);
    if (states.includes(job.status)) return job;
    if (job.status === 'FAILED') throw new Error(`The job failed: ${job.statusReason}`);
  }
  throw new Error(`The job did not reach ${states.join(' or ')} within a minute.`);
}

const ended = (jobId: string) => until(jobId, 'SUCCEEDED', 'FAILED');

async function readLog(logStreamName: string | undefined, logGroupName = '/aws/batch/job'): Promise<string[]> {
  const { events = [] } = await logs.send(
    new GetLogEventsCommand({ logGroupName, logStreamName, startFromHead: true }),
  );
  return events.map(({ message }) => message ?? '');
}

/** The first line that a running job logs. */
async function firstLine(jobId: string): Promise<string> {
  for (const deadline = Date.now() + 30_000; Date.now() < deadline; await sleep(100)) {
    const stream = (await describeJob(jobId)).container?.logStreamName;
    const [line] = stream ? await readLog(stream).catch(() => []) : [];
    if (line !== undefined) return line;
  }
  throw new Error('The job has logged nothing.');
}

/** Runs until SIGTERM and then exits with 75, as our training does after its checkpoint. */
const untilStopped = `process.on('SIGTERM', () => process.exit(75)); console.log(process.pid); setInterval(() => {}, 1000)`;
const attempt = 'Number(process.env.AWS_BATCH_JOB_ATTEMPT)';

describe('a job', () => {
  test('runs its command and succeeds', async () => {
    const job = await ended(await submit(await define('console.log("one"); console.error("two")')));
    expect(job).toMatchObject({
      status: 'SUCCEEDED',
      statusReason: 'Essential container in task exited',
      container: { exitCode: 0 },
      isTerminated: false,
    });
    expect(job.attempts).toHaveLength(1);
    expect(await readLog(job.container?.logStreamName)).toEqual(['one', 'two']);
    const times = [job.createdAt, job.startedAt, job.stoppedAt].map(Number);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  test('runs in the environment that Batch defines, and inherits no other variables', async () => {
    process.env.CIFAR10_SECRET_OF_THE_TEST = 'theirs';
    const definition = await define('console.log(JSON.stringify(process.env))', { environment: { STORE: 's3://b' } });
    const job = await ended(
      await submit(definition, { containerOverrides: { environment: [{ name: 'A', value: 'b' }] } }),
    );
    const environment = JSON.parse((await readLog(job.container?.logStreamName)).join(''));
    expect(environment).toEqual({
      STORE: 's3://b',
      A: 'b',
      // https://docs.aws.amazon.com/batch/latest/userguide/job_env_vars.html
      AWS_BATCH_JOB_ID: job.jobId,
      AWS_BATCH_JOB_ATTEMPT: '1',
      AWS_BATCH_JQ_NAME: job.jobQueue?.split('/').at(-1),
      AWS_BATCH_CE_NAME: stack.outputs.Environment?.split('/').at(-1),
      // LocalStack's address, and what keeps the user's settings away. A job without a role has no credentials.
      AWS_ENDPOINT_URL: inject('localStack').endpoint,
      AWS_ENDPOINT_URL_S3: inject('localStack').endpoint,
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    });
  });

  test('from a template runs with its parameters, and logs to the template’s group', async () => {
    const job = await ended(await submit(stack.outputs.Definition ?? '', { parameters: { greeting: 'servus' } }));
    expect(job.status).toBe('SUCCEEDED');
    expect(job.container?.logStreamName).toMatch(/^greetings\/default\/[0-9a-f]{32}$/);
    expect(await readLog(job.container?.logStreamName, stack.outputs.JobLog)).toEqual(['servus']);
  });

  test('passes through all states in order, and EventBridge receives each', async () => {
    const jobId = await submit(await define(`process.exit(${attempt} < 2 ? 1 : 0)`), {
      jobName: 'observed',
      retryStrategy: { attempts: 2 },
    });
    await ended(jobId);
    const states = ['SUBMITTED', 'PENDING', 'RUNNABLE', 'STARTING', 'RUNNING', 'RUNNABLE', 'STARTING', 'RUNNING'];
    const expected = [...states, 'SUCCEEDED'];
    for (const deadline = Date.now() + 20_000; ; await sleep(200)) {
      const seen = await eventsOf(jobId);
      if (seen.length < expected.length && Date.now() < deadline) continue;
      expect(seen).toEqual(expected);
      return;
    }
  });

  test('that fails has its exit code', async () => {
    const job = await ended(await submit(await define('process.exit(7)')));
    expect(job).toMatchObject({ status: 'FAILED', container: { exitCode: 7 } });
    expect(job.attempts).toHaveLength(1);
  });

  test('whose image is unknown fails and names it', async () => {
    const job = await ended(await submit(await define('', { image: 'no-such-image:latest' })));
    expect(job.status).toBe('FAILED');
    expect(job.attempts?.[0]?.container?.reason).toMatch(
      /^CannotPullContainerError: image no-such-image:latest is not known/,
    );
  });

  test('whose log cannot be created fails and says so', async () => {
    const logConfiguration = { logDriver: 'awslogs' as const, options: { 'awslogs-group': 'x'.repeat(600) } };
    const containerProperties = { image: 'node:22', vcpus: 1, memory: 256, command: ['-v'], logConfiguration };
    const job = await ended(await submit(await define('', { containerProperties })));
    expect(job.status).toBe('FAILED');
    expect(job.attempts?.[0]?.container?.reason).toMatch(/^CannotStartContainerError: .*CreateLogGroup/);
  });

  test('that is too large for all instance types waits, and reports why and its place in the queue', async () => {
    const jobId = await submit(await define('', { vcpus: 6 }));
    const { jobArn, jobQueue, statusReason } = await until(jobId, 'RUNNABLE');
    expect(statusReason).toContain('MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT');
    const { frontOfQueue } = await batch.send(new GetJobQueueSnapshotCommand({ jobQueue }));
    expect(frontOfQueue?.jobs).toContainEqual({ jobArn });
    await batch.send(new TerminateJobCommand({ jobId, reason: 'too big' }));
    expect(await describeJob(jobId)).toMatchObject({ status: 'FAILED', statusReason: 'too big' });
  });
});

describe('a job is retried', () => {
  const resumable: Definition = {
    retryStrategy: {
      attempts: 3,
      evaluateOnExit: [
        { onStatusReason: 'Host EC2*', action: 'RETRY' },
        { onExitCode: '75', action: 'RETRY' },
        { onExitCode: '137', action: 'RETRY' },
        { onReason: '*', action: 'EXIT' },
      ],
    },
  };

  test('with the number of the attempt, until it succeeds', async () => {
    const job = await ended(await submit(await define(`process.exit(${attempt} < 3 ? 75 : 0)`, resumable)));
    expect(job.status).toBe('SUCCEEDED');
    expect(job.attempts?.map(({ container }) => container?.exitCode)).toEqual([75, 75, 0]);
    expect(new Set(job.attempts?.map(({ container }) => container?.logStreamName)).size).toBe(3);
  });

  test('not if a rule says EXIT', async () => {
    const job = await ended(await submit(await define('process.exit(2)', resumable)));
    expect(job).toMatchObject({ status: 'FAILED', container: { exitCode: 2 } });
    expect(job.attempts).toHaveLength(1);
  });

  test('after SIGKILL', async () => {
    const program = `if (${attempt} > 1) process.exit(0); ${untilStopped}`;
    const jobId = await submit(await define(program, resumable));
    process.kill(Number(await firstLine(jobId)), 'SIGKILL');
    const job = await ended(jobId);
    expect(job.status).toBe('SUCCEEDED');
    expect(job.attempts?.map(({ container }) => container?.exitCode)).toEqual([137, 0]);
  });

  test('after its Spot instance is reclaimed', async () => {
    const program = `if (${attempt} > 1) process.exit(0); ${untilStopped}`;
    const jobId = await submit(await define(program, resumable));
    await firstLine(jobId);
    const interrupt = `${inject('localStack').endpoint}/_cifar10/batch/jobs/${jobId}/interrupt`;
    expect((await fetch(interrupt, { method: 'POST' })).status).toBe(200);
    const job = await ended(jobId);
    expect(job.status).toBe('SUCCEEDED');
    expect(job.attempts?.[0]).toMatchObject({
      container: { exitCode: 75 },
      statusReason: expect.stringMatching(/^Host EC2 \(instance i-[0-9a-f]+\) terminated\.$/),
    });
    expect((await fetch(interrupt, { method: 'POST' })).status).toBe(404);
  });
});

describe('a job is ended', () => {
  test('by its timeout, and not retried', async () => {
    const definition = await define(untilStopped, { timeout: { attemptDurationSeconds: 1 } });
    const job = await ended(await submit(definition, { retryStrategy: { attempts: 3 } }));
    expect(job).toMatchObject({ status: 'FAILED', statusReason: 'Job attempt duration exceeded timeout' });
    expect(job.attempts).toHaveLength(1);
  });

  test('by termination: SIGTERM first, then SIGKILL for all its processes', async () => {
    const stubborn = `
      process.on('SIGTERM', () => console.log('asked'));
      const child = require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
      console.log(child.pid); setInterval(() => {}, 1000)`;
    const jobId = await submit(await define(stubborn), { retryStrategy: { attempts: 3 } });
    const child = Number(await firstLine(jobId));
    expect(isAlive(child)).toBe(true);
    await batch.send(new TerminateJobCommand({ jobId, reason: 'changed my mind' }));
    const job = await ended(jobId);
    expect(job).toMatchObject({
      status: 'FAILED',
      statusReason: 'changed my mind',
      isTerminated: true,
      container: { exitCode: 137 },
    });
    expect(job.attempts).toHaveLength(1);
    expect(await readLog(job.container?.logStreamName)).toContain('asked');
    expect(isAlive(child)).toBe(false);
  });

  test('by cancellation only if it has not started', async () => {
    const running = await submit(await define(untilStopped));
    await firstLine(running);
    const waiting = await submit(await define(''), { dependsOn: [{ jobId: running }] });
    expect((await describeJob(waiting)).status).toBe('PENDING');
    for (const jobId of [running, waiting]) await batch.send(new CancelJobCommand({ jobId, reason: 'no need' }));
    expect(await describeJob(waiting)).toMatchObject({ status: 'FAILED', statusReason: 'no need', isCancelled: true });
    expect((await describeJob(running)).status).toBe('RUNNING');
    await batch.send(new TerminateJobCommand({ jobId: running, reason: 'no need' }));
    expect((await ended(running)).isTerminated).toBe(true);
  });
});

describe('jobs that depend on others', () => {
  test('run after them', async () => {
    const first = await submit(await define('setTimeout(() => {}, 300)'));
    const second = await submit(await define(''), { dependsOn: [{ jobId: first }] });
    const job = await ended(second);
    expect(job.status).toBe('SUCCEEDED');
    expect(job.startedAt).toBeGreaterThanOrEqual((await describeJob(first)).stoppedAt ?? Number.POSITIVE_INFINITY);
  });

  test('fail if one of them does', async () => {
    const first = await submit(await define('process.exit(1)'));
    const second = await submit(await define(''), { dependsOn: [{ jobId: first }] });
    const third = await submit(await define(''), { dependsOn: [{ jobId: second }] });
    expect(await ended(third)).toMatchObject({ status: 'FAILED', statusReason: 'Dependent Job failed', attempts: [] });
  });

  test('in arrays have an index, and wait for the child with the same index', async () => {
    const definition = await define('console.log(process.env.AWS_BATCH_JOB_ARRAY_INDEX)');
    const first = await submit(definition, { arrayProperties: { size: 3 } });
    const second = await submit(definition, {
      arrayProperties: { size: 3 },
      dependsOn: [{ jobId: first, type: 'N_TO_N' }],
    });
    expect(await ended(second)).toMatchObject({
      status: 'SUCCEEDED',
      arrayProperties: { size: 3, statusSummary: { SUCCEEDED: 3, FAILED: 0 } },
    });
    for (const index of [0, 1, 2]) {
      const [before, after] = [await describeJob(`${first}:${index}`), await describeJob(`${second}:${index}`)];
      expect(await readLog(after.container?.logStreamName)).toEqual([String(index)]);
      expect(after.startedAt).toBeGreaterThanOrEqual(before.stoppedAt ?? Number.POSITIVE_INFINITY);
    }
  });
});

describe('the API', () => {
  test('lists jobs by state and by filter, page by page', async () => {
    const definition = await define('');
    const name = `listed-${randomUUID()}`;
    const ids = await Promise.all([1, 2, 3].map((n) => submit(definition, { jobName: `${name}-${n}` })));
    await Promise.all(ids.map(ended));
    const filters = [{ name: 'JOB_NAME', values: [`${name}*`] }];
    const found: (string | undefined)[] = [];
    let pages = 0;
    for await (const page of paginateListJobs(
      { client: batch, pageSize: 2 },
      { jobQueue: stack.outputs.Queue, filters },
    )) {
      found.push(...(page.jobSummaryList ?? []).map(({ jobId }) => jobId));
      pages += 1;
    }
    expect(found.toSorted()).toEqual(ids.toSorted());
    expect(pages).toBe(2);
    const running = await batch.send(new ListJobsCommand({ jobQueue: stack.outputs.Queue }));
    expect(running.jobSummaryList).toEqual([]);
  });

  test.each([
    ['queue', { jobQueue: 'no-such-queue' }, 'no-such-queue'],
    ['definition', { jobDefinition: 'no-such-definition' }, 'no-such-definition'],
    ['dependency', { dependsOn: [{ jobId: 'no-such-job' }] }, 'no-such-job'],
    ['name', { jobName: 'no name' }, 'no name'],
  ])('refuses a job with an invalid %s', async (_, wrong, named) => {
    const submission = submit(stack.outputs.Definition ?? '', wrong);
    await expect(submission).rejects.toMatchObject({
      name: 'ClientException',
      message: expect.stringContaining(named),
    });
  });

  test('refuses a memory that is no number at once, keeps nothing, and continues', async () => {
    const definition = await define('');
    const resourceRequirements = [{ type: 'MEMORY' as const, value: '4GB' }];
    const refused = await submit(definition, { containerOverrides: { resourceRequirements } }).catch((error) => error);
    expect(refused).toMatchObject({
      name: 'ClientException',
      message: expect.stringContaining('containerOverrides.resourceRequirements[0]: the value of MEMORY must be'),
      $metadata: { httpStatusCode: 400, attempts: 1 },
    });
    expect(refused.message).toContain('"4GB"');
    expect((await ended(await submit(definition))).status).toBe('SUCCEEDED');
    const waiting = new ListJobsCommand({ jobQueue: stack.outputs.Queue, jobStatus: 'RUNNABLE' });
    expect((await batch.send(waiting)).jobSummaryList).toEqual([]);
  });

  test.each<[path: string, named: string, body: unknown]>([
    ['submitjob', 'The body is not JSON', '{"jobName":'],
    ['submitjob', 'The body', '\u{feff}[1]'],
    ['submitjob', 'The body must be an object', '[]'],
    ['submitjob', 'jobName must be given', ''],
    ['submitjob', 'The body is not JSON', '['.repeat(20_000)],
    ['submitjob', 'SubmitJob takes at most 30720 bytes', { jobName: 'x'.repeat(40_000) }],
    ['submitjob', 'jobDefinition must be a string, not 5', { jobName: 'a', jobQueue: 'q', jobDefinition: 5 }],
    ['submitjob', 'nodeOverrides', { jobName: 'a', jobQueue: 'q', jobDefinition: 'd', nodeOverrides: { numNodes: 2 } }],
    ['registerjobdefinition', 'type pod must be one of container | multinode', { jobDefinitionName: 'a', type: 'pod' }],
    ['registerjobdefinition', 'type multinode is not available', { jobDefinitionName: 'a', type: 'multinode' }],
    [
      'createjobqueue',
      'At least 1 compute environment',
      { jobQueueName: 'a', priority: 1, computeEnvironmentOrder: [] },
    ],
    ['createjobqueue', 'state ON must be one of ENABLED | DISABLED', { jobQueueName: 'a', priority: 1, state: 'ON' }],
    [
      'createjobqueue',
      'maxTimeSeconds must be between 600 and 86400, not 60',
      {
        ...{ jobQueueName: 'a', priority: 1 },
        jobStateTimeLimitActions: [{ reason: 'r', state: 'RUNNABLE', maxTimeSeconds: 60, action: 'CANCEL' }],
      },
    ],
    ['describejobs', 'jobs must have at most 100 entries, not 101', { jobs: Array(101).fill('a') }],
    ['describejobs', 'jobs must be a list, not "abc"', { jobs: 'abc' }],
    ['listjobs', 'One of jobQueue, arrayJobId and multiNodeJobId must be given', {}],
    ['listjobs', 'nextToken is not one that ListJobs returned: "abc"', { arrayJobId: 'a', nextToken: 'abc' }],
    ['listjobs', 'jobStatus DONE must be one of SUBMITTED', { arrayJobId: 'a', jobStatus: 'DONE' }],
    ['canceljob', 'jobId must not be empty', { jobId: '', reason: 'none' }],
    ['terminatejob', 'reason must not be empty', { jobId: 'a', reason: '' }],
    ['describejobqueues', 'maxResults must be between 1 and 100, not 101', { maxResults: 101 }],
    ['describejobdefinitions', 'status active must be one of ACTIVE | INACTIVE', { status: 'active' }],
    ['listconsumableresources', 'ListConsumableResources is not available on this machine', {}],
    ['launchrocket', 'POST /v1/launchrocket is not an operation of Batch on this machine', {}],
  ])('answers 400 to what it cannot do: %s, %s', async (path, named, body) => {
    const answer = await post(path, typeof body === 'string' ? body : JSON.stringify(body));
    const { message, __type: type } = (await answer.json()) as Record<string, string>;
    expect({ status: answer.status, type }).toEqual({ status: 400, type: 'ClientException' });
    expect(message).toContain(named);
  });

  test('answers ClientException to whatever it does not take, and continues', async () => {
    const jobDefinition = await define('', { image: 'no-such-image' });
    const entries = {
      environment: [{ name: 'a', value: 'b' }],
      resourceRequirements: [{ type: 'MEMORY', value: '256' }],
    };
    const retryStrategy = { attempts: 1, evaluateOnExit: [{ onExitCode: '1', action: 'EXIT' }] };
    const filters = [{ name: 'JOB_NAME', values: ['a*'] }];
    const job = {
      ...{ jobName: 'odd', jobQueue: stack.outputs.Queue, jobDefinition, retryStrategy, tags: { a: 'b' } },
      ...{ containerOverrides: { command: ['a'], ...entries }, timeout: { attemptDurationSeconds: 60 } },
      ...{ arrayProperties: { size: 2 }, dependsOn: [{ type: 'SEQUENTIAL' }], parameters: { a: 'b' } },
    };
    const definition = {
      ...{ jobDefinitionName: 'odd', type: 'container', retryStrategy, parameters: { a: 'b' } },
      containerProperties: { image: 'a', command: ['a'], vcpus: 1, volumes: [{ name: 'a' }], ...entries },
    };
    const requests: [path: string, body: object][] = [
      ['submitjob', job],
      ['registerjobdefinition', definition],
      ['listjobs', { jobQueue: stack.outputs.Queue, filters, maxResults: 2 }],
      ['describejobs', { jobs: ['a'] }],
      ['terminatejob', { jobId: 'a', reason: 'b' }],
    ];
    const odd = fc.oneof(fc.constantFrom(-1, 2 ** 40, '', '4GB', '\0', '\ud800', [null], [{}]), fc.jsonValue());
    const property = fc.asyncProperty(
      fc.constantFrom(...requests),
      fc.nat(30),
      odd,
      async ([path, body], place, value) => {
        const answer = await post(path, replaceValue(body, place, value));
        const error = answer.headers.get('x-amzn-errortype');
        expect([200, 400]).toContain(answer.status);
        expect(error).toBe(answer.status === 200 ? null : 'ClientException');
      },
    );
    await fc.assert(property, { numRuns: 200 });
    expect((await ended(await submit(await define('')))).status).toBe('SUCCEEDED');
  });

  test('reads a request without a signature, as from curl', async () => {
    expect((await post('describejobs', '{"jobs":', {})).status).toBe(400);
    expect(await (await post('describejobs', '{"jobs":["a"]}', {})).json()).toEqual({ jobs: [] });
  });

  test.each([
    ['that is no time', [{ name: 'BEFORE_CREATED_AT', values: ['yesterday'] }], 'yesterday'],
    ['without a value', [{ name: 'JOB_NAME', values: [] }], 'filters[0].values'],
    ['that is unknown', [{ name: 'COLOR', values: ['red'] }], 'COLOR'],
    [
      'beside another',
      [
        { name: 'JOB_NAME', values: ['a'] },
        { name: 'JOB_DEFINITION', values: ['a'] },
      ],
      'Only one filter',
    ],
  ])('refuses a filter %s', async (_, filters, named) => {
    const list = batch.send(new ListJobsCommand({ jobQueue: stack.outputs.Queue, filters }));
    await expect(list).rejects.toMatchObject({ name: 'ClientException', message: expect.stringContaining(named) });
  });

  test('keeps an array of 10,000 jobs, and lists only running children unless asked', async () => {
    const first = await submit(await define(untilStopped));
    const array = await submit(await define(''), { arrayProperties: { size: 10_000 }, dependsOn: [{ jobId: first }] });
    const children = async (jobStatus?: 'PENDING') =>
      (await batch.send(new ListJobsCommand({ arrayJobId: array, maxResults: 3, jobStatus }))).jobSummaryList;
    expect(await children()).toEqual([]);
    expect((await children('PENDING'))?.map(({ jobId }) => jobId)).toEqual([0, 1, 2].map((n) => `${array}:${n}`));
    for (const jobId of [array, first]) await batch.send(new TerminateJobCommand({ jobId, reason: 'no need' }));
    expect(await describeJob(array)).toMatchObject({ arrayProperties: { statusSummary: { FAILED: 10_000 } } });
    await ended(first);
  });

  test('gives boto3 every member that clients of AWS read without asking', async () => {
    const definition = await define('');
    const job = await ended(await submit(definition));
    const lists = await boto3(`
      job, = batch.describe_jobs(jobs=["${job.jobId}"])["jobs"]
      definition, = batch.describe_job_definitions(jobDefinitions=["${definition}"])["jobDefinitions"]
      queue, = batch.describe_job_queues(jobQueues=["${stack.outputs.Queue}"])["jobQueues"]
      containers = [job["container"], definition["containerProperties"]]
      absent = ["volumes", "ulimits", "secrets", "mountPoints", "environment"]
      print(json.dumps([
          [container[name] for container in containers for name in absent],
          job["container"]["networkInterfaces"], job["attempts"][0]["container"]["networkInterfaces"],
          job["dependsOn"], job["retryStrategy"]["evaluateOnExit"], list(job["tags"]), list(job["parameters"]),
          list(definition["tags"]), list(definition["parameters"]), list(queue["tags"]),
      ]))`);
    expect(JSON.parse(lists).flat(2)).toEqual([]);
  });

  test('keeps scheduling policies, and asks for a share where a queue has one', async () => {
    const name = `test-${randomUUID()}`;
    const outcome = await boto3(`
      def refusal(call, **parameters):
          try: return call(**parameters)
          except Exception as error: return error.response["Error"]["Message"].split(",")[0]
      share = [{"shareIdentifier": "vision", "weightFactor": 0.5}]
      arn = batch.create_scheduling_policy(name="${name}", fairsharePolicy={"shareDistribution": share})["arn"]
      order = [{"order": 1, "computeEnvironment": "${stack.outputs.Environment}"}]
      batch.create_job_queue(jobQueueName="${name}", priority=1, schedulingPolicyArn=arn, computeEnvironmentOrder=order)
      job = {"jobName": "shared", "jobQueue": "${name}", "jobDefinition": "${stack.outputs.Definition}"}
      print(json.dumps([
          batch.describe_scheduling_policies(arns=[arn])["schedulingPolicies"][0]["fairsharePolicy"],
          refusal(batch.submit_job, **job), "jobId" in refusal(batch.submit_job, **job, shareIdentifier="vision"),
          refusal(batch.delete_scheduling_policy, arn=arn),
      ]))
      batch.update_job_queue(jobQueue="${name}", state="DISABLED")
      batch.delete_job_queue(jobQueue="${name}")
      batch.delete_scheduling_policy(arn=arn)`);
    expect(JSON.parse(outcome)).toEqual([
      {
        shareDecaySeconds: 0,
        computeReservation: 0,
        shareDistribution: [{ shareIdentifier: 'vision', weightFactor: 0.5 }],
      },
      'shareIdentifier must be given',
      true,
      'Cannot delete',
    ]);
  });

  test('refuses what AWS refuses: a short timeout, rules without attempts', async () => {
    await expect(define('', { timeout: { attemptDurationSeconds: 0 } })).rejects.toThrow('at least 1 seconds');
    const evaluateOnExit = [{ onExitCode: '1', action: 'EXIT' as const }];
    await expect(define('', { retryStrategy: { evaluateOnExit } })).rejects.toThrow('attempts must be given');
  });

  test('pages through definitions, by revision', async () => {
    const jobDefinitionName = `paged-${randomUUID()}`;
    for (let revision = 1; revision <= 3; revision++) await define('', { jobDefinitionName });
    const pages: (number | undefined)[][] = [];
    for await (const { jobDefinitions = [] } of paginateDescribeJobDefinitions(
      { client: batch, pageSize: 2 },
      { jobDefinitionName, status: 'ACTIVE' },
    )) {
      pages.push(jobDefinitions.map(({ revision }) => revision));
    }
    expect(pages).toEqual([[1, 2], [3]]);
  });

  test('describes what the template created', async () => {
    const { computeEnvironments } = await batch.send(
      new DescribeComputeEnvironmentsCommand({ computeEnvironments: [stack.outputs.Environment ?? ''] }),
    );
    expect(computeEnvironments?.[0]).toMatchObject({
      type: 'MANAGED',
      state: 'ENABLED',
      status: 'VALID',
      computeResources: { instanceTypes: ['g4dn.xlarge'], launchTemplate: { version: '$Latest' } },
    });
  });

  test('registers a new revision of a definition when the template changes and runs it, and changes the queue', async () => {
    const before = stack.outputs.Definition ?? '';
    const changed = structuredClone(template);
    changed.Resources.Definition.Properties.Parameters.greeting = 'bonjour';
    const [limit] = changed.Resources.Queue.Properties.JobStateTimeLimitActions;
    if (limit !== undefined) limit.MaxTimeSeconds = 7200;
    await stack.update(changed);
    const after = stack.outputs.Definition ?? '';
    expect(after).toBe(before.replace(/:1$/, ':2'));
    const { jobDefinitions } = await batch.send(new DescribeJobDefinitionsCommand({ jobDefinitions: [before] }));
    expect(jobDefinitions?.[0]?.status).toBe('INACTIVE');
    const job = await ended(await submit(after));
    expect(await readLog(job.container?.logStreamName, stack.outputs.JobLog)).toEqual(['bonjour']);
    const { jobQueues } = await batch.send(new DescribeJobQueuesCommand({ jobQueues: [stack.outputs.Queue ?? ''] }));
    expect(jobQueues?.[0]?.jobStateTimeLimitActions).toMatchObject([{ state: 'RUNNABLE', maxTimeSeconds: 7200 }]);
  });
});

/** Sends a body to an operation of Batch as it is, signed unless other headers are given. */
function post(
  operation: string,
  body: string,
  headers: Record<string, string> = {
    authorization: 'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/batch/aws4_request',
  },
): Promise<Response> {
  return fetch(`${inject('localStack').endpoint}/v1/${operation}`, { method: 'POST', headers, body });
}

/** The JSON of a body in which the value at a place, counted from the outside, is another. */
function replaceValue(body: object, place: number, value: unknown): string {
  let count = 0;
  return JSON.stringify(body, (_, each) => (count++ === place ? value : each));
}

/** What a program prints that uses Batch with boto3. */
async function boto3(program: string): Promise<string> {
  const lines = program.split('\n').map((line) => line.replace(/^ {6}/, ''));
  const script = ['import json, boto3', 'batch = boto3.client("batch")', ...lines].join('\n');
  return run(localstackPython() ?? '', ['-c', script]);
}

async function eventsOf(jobId: string): Promise<string[]> {
  const { events = [] } = await logs.send(new FilterLogEventsCommand({ logGroupName: stack.outputs.Events }));
  return events
    .map(({ message }) => JSON.parse(message ?? '{}'))
    .filter((event) => event['detail-type'] === 'Batch Job State Change' && event.detail.jobId === jobId)
    .map((event) => event.detail.status);
}
