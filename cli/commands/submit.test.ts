/** `./cifar10 submit --target aws`, on a server that answers as AWS does. */
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
import { runProgram } from '../program.ts';

const second = 1000;
const id = '01234567-89ab-cdef-0123-456789abcdef';
/** How the job ends, once it is there. */
let end: { readonly status: string; readonly exitCode: number };

/** An account with the stack, an empty bucket, and a queue whose jobs take ten minutes after two of waiting. */
function answer(request: AwsRequest): AwsAnswer {
  const { operation } = request;
  const submitted = aws.requests.find((each) => each.operation === 'SubmitJob')?.input;
  const { command } = (submitted?.containerOverrides ?? {}) as { readonly command?: readonly string[] };
  const times = { createdAt: 1, startedAt: 120 * second + 1, stoppedAt: 720 * second + 1 };
  const attempt = { startedAt: times.startedAt, stoppedAt: times.stoppedAt, container: { exitCode: end.exitCode } };
  const job = {
    ...{ jobId: id, jobName: 'x', jobQueue: 'cpu-queue', jobDefinition: 'd', status: end.status, ...times },
    ...{ container: { command, exitCode: end.exitCode }, attempts: [attempt] },
  };
  const answers: Readonly<Record<string, object | string>> = {
    ...accountAnswers,
    SubmitJob: { jobId: id },
    ListJobs: { jobSummaryList: submitted ? [{ jobId: id }] : [] },
    DescribeJobs: { jobs: [job] },
  };
  const output = answers[operation];
  return emptyBucket(request) ?? (output === undefined ? { error: 'ClientException' } : { output });
}

let aws: AwsServer;
/** What was written to standard error, and whether the job was submitted by then. */
let said: { readonly text: string; readonly isSubmitted: boolean }[];
beforeEach(async () => {
  end = { status: 'SUCCEEDED', exitCode: 0 };
  said = [];
  aws = await startAwsServer(answer);
  vi.stubEnv('AWS_ENDPOINT_URL', aws.clientConfig.endpoint);
  vi.stubEnv('AWS_REGION', 'eu-west-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    const isSubmitted = aws.requests.some(({ operation }) => operation === 'SubmitJob');
    return said.push({ text: stripVTControlCharacters(String(text)), isSubmitted }) > 0;
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  process.exitCode = undefined;
  await aws[Symbol.asyncDispose]();
});

const submit = (...options: string[]) =>
  runProgram(['submit', 'short', '--target', 'aws', '--on', 'cpu', '--run', 'monday', ...options]);

it('says before the job is submitted what it takes and costs, and after it what it took', async () => {
  await submit();

  // After a line that names the account.
  expect(said[1]).toEqual({
    text: '1 run, about 3 minutes, less than $0.01 at prices of us-east-1 (as measured on 2 cores)\n',
    isSubmitted: false,
  });
  // 600 s of the job, and the start of its machine, on the dearest type of the queue whose price is known.
  expect(said.at(-1)).toEqual({
    text: 'The job ran for 10:00, after 2:00 in the queue; at most $0.02 on demand at prices of us-east-1.\n',
    isSubmitted: true,
  });
  expect(process.exitCode).toBe(0);
});

it('gives the receipt of a job that failed, too', async () => {
  end = { status: 'FAILED', exitCode: 3 };
  await submit('--json');

  expect(said.at(-1)?.text).toContain('The job ran for 10:00');
  expect(process.exitCode).toBe(3);
});

it('gives the estimate alone where it does not wait for the end', async () => {
  await submit('--detach');

  expect(said.slice(1).map(({ text }) => text)).toEqual([expect.stringContaining('1 run, about 3 minutes')]);
});
