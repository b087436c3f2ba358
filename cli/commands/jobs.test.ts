import { stripVTControlCharacters } from 'node:util';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import {
  type AwsAnswer,
  type AwsRequest,
  type AwsServer,
  accountAnswers,
  emptyBucket,
  startAwsServer,
} from '../batch/aws-server.fixture.ts';
import { jobsCommand } from './jobs.ts';

const minute = 60_000;
const now = Date.now();

/** A job's id, which is hexadecimal. */
const id = (digit: string) => [8, 4, 4, 4, 12].map((length) => digit.repeat(length)).join('-');
const task = 'arn:aws:ecs:eu-west-1:123456789012:task/cluster/0123456789abcdef';
/** Of the queue for GPUs: one that waits, and one behind it; of that for CPUs: one whose first attempt was killed. */
const jobs = [
  { jobId: id('c'), jobQueue: 'gpu-queue', status: 'RUNNABLE', createdAt: now - 5 * minute, run: 'third' },
  { jobId: id('b'), jobQueue: 'gpu-queue', status: 'RUNNABLE', createdAt: now - 42 * minute, run: 'second' },
  {
    ...{ jobId: id('a'), jobQueue: 'cpu-queue', status: 'RUNNABLE', createdAt: now - 50 * minute, run: 'first' },
    attempts: [
      {
        ...{
          startedAt: now - 45 * minute,
          stoppedAt: now - minute,
          statusReason: 'Essential container in task exited',
        },
        container: { exitCode: 137, reason: 'OutOfMemoryError: Container killed due to memory usage', taskArn: task },
      },
    ],
  },
].map(({ run, ...job }) => ({ ...job, jobName: run, container: { command: ['train', 'short', '--run', run] } }));

/** Two children of three run or wait; the bucket of the test has no plan of them. */
const array = {
  ...{ jobId: id('d'), jobQueue: 'gpu-queue', jobName: 'plan-0123456789ab-0001', status: 'PENDING', createdAt: now },
  container: { command: ['shards', '--plan', '0123456789ab', '--submission', '0001'] },
  arrayProperties: { size: 3, statusSummary: { SUCCEEDED: 1, RUNNING: 1, RUNNABLE: 1 } },
};
let queued: readonly { readonly jobId: string; readonly jobQueue: string; readonly status: string }[];
/** Operations that the user may not ask for. */
let refused: readonly string[];

function answer(request: AwsRequest): AwsAnswer {
  const { operation, input } = request;
  const answers: Readonly<Record<string, object | string>> = {
    ...accountAnswers,
    ListJobs: { jobSummaryList: queued.filter(({ jobQueue }) => jobQueue === input.jobQueue) },
    DescribeJobs: { jobs: queued.filter(({ jobId }) => (input.jobs as string[])?.includes(jobId)) },
    DescribeJobQueues: { jobQueues: [{ state: 'ENABLED', status: 'VALID' }] },
    SubmitJob: { jobId: id('e') },
    GetServiceQuota: { Quota: { Value: 0 } },
    GetJobQueueSnapshot: {
      frontOfQueue: { jobs: frontOf(input.jobQueue).map((jobId) => ({ jobArn: `arn:aws:batch:::job/${jobId}` })) },
    },
    DescribeTasks: {
      tasks: [
        {
          ...{ taskArn: task, createdAt: (now - 46 * minute) / 1000 },
          ...{ pullStartedAt: (now - 45.75 * minute) / 1000, pullStoppedAt: (now - 45.25 * minute) / 1000 },
        },
      ],
    },
  };
  const output = refused.includes(operation) ? undefined : answers[operation];
  return emptyBucket(request) ?? (output === undefined ? { error: 'ClientException' } : { output });
}

/** Batch tells of the children of arrays, too; `other` is of somebody else. */
function frontOf(queue: unknown): string[] {
  return queue === 'gpu-queue' ? [`${id('d')}:2`, id('b'), 'other', id('c')] : [id('a')];
}

let aws: AwsServer;
beforeEach(async () => {
  queued = jobs;
  refused = [];
  aws = await startAwsServer(answer);
  vi.stubEnv('AWS_ENDPOINT_URL', aws.clientConfig.endpoint);
  vi.stubEnv('AWS_REGION', 'eu-west-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await aws[Symbol.asyncDispose]();
});

let said: string[];
async function run(...args: string[]): Promise<string> {
  said = [];
  let printed = '';
  const keep = (text: unknown) => {
    printed += text;
    return true;
  };
  const spies = [vi.spyOn(process.stdout, 'write').mockImplementation(keep)];
  spies.push(vi.spyOn(process.stderr, 'write').mockImplementation((text) => said.push(String(text)) > 0));
  try {
    await jobsCommand()
      .exitOverride()
      .parseAsync([...args, '--target', 'aws'], { from: 'user' });
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  return stripVTControlCharacters(printed);
}

it('lists the jobs of both queues, and warns of the one that waits for long, with the reason', async () => {
  const printed = await run();

  const [, ...rows] = printed.split('\n').map((line) => line.split(/\s+/).slice(0, 5).join(' '));
  expect(rows.slice(0, 3)).toEqual([
    'third runnable, 4th gpu short',
    'second runnable, 2nd gpu short',
    'first runnable, 1st cpu short',
  ]);
  expect(printed.match(/^! .*$/gm)).toEqual([
    expect.stringMatching(/^! second waits for 42:\d\d: the quota of GPU instances in eu-west-1 is below one instance/),
  ]);
  expect(printed).toContain('--quota-code L-DB2E81BA');
});

it('gives the reason of every wait as JSON', async () => {
  const listed: { run: string; waitsFor: { cause: string } }[] = JSON.parse(await run('--json'));

  expect(listed.map(({ run, waitsFor }) => [run, waitsFor.cause])).toEqual([
    ['third', 'turn'],
    ['second', 'quota'],
    ['first', 'machine'],
  ]);
});

it('shows the time in each state, the place in the queue, what ended each attempt, and the cost so far', async () => {
  const printed = await run('first');

  expect(printed).toMatch(/^place +1st of its queue$/m);
  // 4 minutes before the first attempt, and 1 since; ECS tells of the minute in between.
  expect(printed).toMatch(
    /^queued +6:0\d: 5:0\d without a machine, 1:00 on one that started, 30 s of it for the image$/m,
  );
  expect(printed).toMatch(/^ran +44:00$/m);
  expect(printed).toMatch(/^cost +at most \$0\.\d\d on demand at prices of us-east-1$/m);
  expect(printed).toMatch(
    /^attempt 1 +queued 5:00, ran 44:00: Essential .* memory usage, exit code 137 \(out of memory: it needed more than/m,
  );
});

it('tells the wait for a machine from the start on it, while ECS remembers, and the same as JSON', async () => {
  queued = jobs.map((job) => (job.jobId === id('a') ? { ...job, status: 'FAILED', stoppedAt: now - minute } : job));

  expect(await run('first')).toMatch(
    /^queued +5:00: 4:00 without a machine, 1:00 on one .*, 30 s of it for the image$/m,
  );
  const { times, attempts } = JSON.parse(await run('first', '--json'));
  expect(times).toMatchObject({ queued: 300, waiting: 240, starting: 60, image: 30, running: 2640 });
  expect(attempts[0]).toMatchObject({ exitCode: 137, meaning: expect.stringContaining('out of memory') });

  refused = ['DescribeTasks'];
  expect(await run('first')).toMatch(/^queued +5:00$/m);
});

it('counts the older jobs of the queue where its order may not be read', async () => {
  refused = ['GetJobQueueSnapshot'];
  const listed: { run: string; place: object }[] = JSON.parse(await run('--json'));

  expect(listed.map(({ run, place }) => [run, place])).toEqual([
    ['third', { place: 2, isAtLeast: true }],
    ['second', { place: 1, isAtLeast: true }],
    ['first', { place: 1, isAtLeast: true }],
  ]);
});

it('says before a retry what the run takes, and after a job that was followed what it took', async () => {
  const ended = { status: 'FAILED', stoppedAt: now - minute };
  queued = jobs.map((job) => (job.jobId === id('a') ? { ...job, ...ended } : job));

  expect(await run('first', '--retry')).toBe(`The run first resumes as job ${id('e')}.\n`);
  expect(said.slice(-1)).toEqual([
    expect.stringMatching(
      /^1 run, about \d+ minutes, less than \$0\.01 at prices of us-east-1 \(.*\), from the beginning\n$/,
    ),
  ]);

  await run('first', '--follow');
  expect(said.at(-1)).toMatch(
    /^The job ran for 44:00, after 5:00 in the queue; at most \$0\.\d\d on demand at prices of us-east-1\.\n$/,
  );
  expect(process.exitCode).toBe(137);
  process.exitCode = undefined;
});

it('shows an array as one line, counted by its children where the plan is gone', async () => {
  queued = [...jobs, array];

  expect(await run()).toMatch(/^0123456789ab +running +gpu +1 of 3 +1 +1 +0 /m);
  expect(await run('--state', 'failed')).toContain('There are no jobs in the state failed');
});

it.each([
  [['0123456789ab', '--state', 'failed'], '--children --state failed'],
  [['first', '--state', 'failed'], '--state picks jobs of the list'],
  [['0123456789ab', '--children', '--retry'], '--children only lists'],
  [['0123456789ab', '--yes'], 'Add --retry'],
])('refuses %o, which would be ignored in part', async (args, message) => {
  await expect(run(...args)).rejects.toThrow(message);
  expect(aws.requests).toEqual([]);
});
