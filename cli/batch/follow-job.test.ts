import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { openObjectStore } from '#models/stores/open.ts';
import { localStackGone } from '../stack/local-stack-gone.ts';
import { type AwsAnswer, type AwsRequest, outputs, startAwsServer } from './aws-server.fixture.ts';
import { followJob } from './follow-job.ts';
import type { Wait } from './job-wait.ts';

const command = ['train', 'quick', '--run', 'monday'];
const submitted = { id: '0a1b2c3d-0000-4000-8000-000000000000', run: 'monday', command };
const minute = 60_000;
let folder: string;
let store: ObjectStore;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'follow-'));
  store = await openObjectStore(folder);
});
afterEach(async () => rm(folder, { recursive: true }));

/** A job that Batch gives no reason for, in an account without a quota. */
function stuck({ operation }: AwsRequest, age = 0): AwsAnswer {
  const { id: jobId, run: jobName } = submitted;
  const reason = { statusReason: 'UNDETERMINED - Batch job is blocked, root cause is undetermined.' };
  const job = { jobId, jobName, jobQueue: 'gpu-queue', status: 'RUNNABLE', createdAt: Date.now() - age };
  const environment = { status: 'VALID', computeResources: { subnets: ['subnet-1'], instanceTypes: ['g4dn.xlarge'] } };
  const answers: Readonly<Record<string, object | string>> = {
    DescribeJobs: { jobs: [{ ...job, ...reason, container: { command } }] },
    ListJobs: { jobSummaryList: [] },
    DescribeJobQueues: {
      jobQueues: [{ state: 'ENABLED', status: 'VALID', computeEnvironmentOrder: [{ computeEnvironment: 'Spot' }] }],
    },
    DescribeComputeEnvironments: { computeEnvironments: [environment] },
    GetServiceQuota: { Quota: { Value: 0 } },
    DescribeSubnets:
      '<DescribeSubnetsResponse><subnetSet><item><subnetId>subnet-1</subnetId><vpcId>vpc-1</vpcId></item></subnetSet></DescribeSubnetsResponse>',
    DescribeRouteTables: routes('active'),
  };
  const output = answers[operation];
  return output === undefined ? { error: 'ClientException' } : { output };
}

/** The main route table of a VPC, with a route to the Internet in the given state. */
function routes(state: 'active' | 'blackhole'): string {
  return (
    '<DescribeRouteTablesResponse><routeTableSet><item><associationSet><item><main>true</main></item></associationSet>' +
    `<routeSet><item><destinationCidrBlock>0.0.0.0/0</destinationCidrBlock><state>${state}</state></item></routeSet>` +
    '</item></routeTableSet></DescribeRouteTablesResponse>'
  );
}

describe('followJob', () => {
  it('gives up waiting for a machine, says why, and leaves the job in its queue', async () => {
    await using aws = await startAwsServer(stuck);

    const following = followJob(aws.target(store), submitted, { waitSeconds: 0 });

    await expect(following).rejects.toMatchObject({
      exitCode: 124,
      message: expect.stringMatching(
        /^The job of run monday has had no machine for 0 min: the quota of GPU instances in eu-west-1 is below .*It stays queued.*--quota-code L-DB2E81BA.*jobs monday --follow --target aws/s,
      ),
    });
    expect(aws.requests.map(({ operation }) => operation)).not.toContain('TerminateJob');
  });

  it('advises once a job has waited for ten minutes', async () => {
    const waits: Wait[] = [];
    const enough = new AbortController();
    const onWait = (wait: Wait) => {
      waits.push(wait);
      enough.abort(new Error('told'));
    };
    await using aws = await startAwsServer((request) => stuck(request, 10 * minute));

    await expect(followJob(aws.target(store), submitted, { onWait, signal: enough.signal })).rejects.toThrow('told');

    expect(waits.map(({ cause }) => cause)).toEqual(['quota']);
  });

  it.each([
    ['no route', { DescribeRouteTables: { output: routes('blackhole') } }, 'no route leads from subnet-1'],
    ['nothing wrong', {}, 'Batch has found no reason'],
    ['no rights', { DescribeRouteTables: { error: 'UnauthorizedOperation' } }, 'Batch has found no reason'],
  ] as const)('asks AWS for the reason that Batch lacks: %s', async (_, answers, text) => {
    const replaced: Readonly<Record<string, AwsAnswer>> = {
      GetServiceQuota: { output: { Quota: { Value: 8 } } },
      ...answers,
    };
    await using aws = await startAwsServer((request) => replaced[request.operation] ?? stuck(request));

    await expect(followJob(aws.target(store), submitted, { waitSeconds: 0 })).rejects.toThrow(text);
  });

  it('continues through throttling, to the end of the job', async () => {
    let requests = 0;
    const ended = { jobId: submitted.id, jobQueue: 'gpu-queue', status: 'SUCCEEDED', createdAt: 0 };
    await using aws = await startAwsServer(({ operation }) => {
      if (operation !== 'DescribeJobs') return { output: {} };
      return requests++ < 3 ? { error: 'TooManyRequestsException', status: 429 } : { output: { jobs: [ended] } };
    });

    expect(await followJob(aws.target(store, { name: 'local' }), submitted)).toMatchObject({ status: 'SUCCEEDED' });
    expect(requests).toBe(4);
  });

  it('follows a run whose instances were reclaimed too often into its job on demand', async () => {
    const seen: string[] = [];
    const next = '0a1b2c3d-0000-4000-8000-000000000001';
    const statusReason = 'Host EC2 (instance i-0a1b) terminated.';
    const first = { jobId: submitted.id, jobQueue: 'gpu-queue', status: 'FAILED', createdAt: 1, statusReason };
    const second = { jobId: next, jobQueue: 'on-demand', status: 'SUCCEEDED', createdAt: 2 };
    await using aws = await startAwsServer(({ operation, input }) => {
      if (operation === 'ListJobs')
        return { output: { jobSummaryList: input.jobQueue === 'on-demand' ? [second] : [first] } };
      const asked = input.jobs as string[];
      const found = [first, second].filter(({ jobId }) => asked.includes(jobId));
      return { output: { jobs: found.map((job) => ({ ...job, container: { command } })) } };
    });
    const stack = { ...outputs, OnDemandJobQueueArn: 'on-demand' };
    const target = aws.target(store, { name: 'local', stack });

    const job = await followJob(target, submitted, { onJob: ({ id }) => seen.push(id) });

    expect(job).toMatchObject({ id: next, status: 'SUCCEEDED', device: 'gpu' });
    expect(seen).toEqual([submitted.id, next]);
  });

  it('says how to resume the run when LocalStack ends in the middle of it, not only that LocalStack has gone', async () => {
    const running = { jobId: submitted.id, jobQueue: 'cpu-queue', status: 'RUNNING', createdAt: 1 };
    await using aws = await startAwsServer(() => ({ output: { jobs: [running] } }));
    const target = aws.target(store, { name: 'local' });
    const onJob = () => void aws[Symbol.asyncDispose]();

    const error = await followJob(target, { ...submitted, device: 'cpu' }, { onJob }).catch(
      (thrown: unknown) => thrown,
    );

    expect(localStackGone(error, false)).toBeUndefined();
    expect((error as Error).message).toMatch(
      /^LocalStack has ended, and the job of run monday with it\. .*submit quick --run monday --on cpu$/s,
    );
  });

  it('says what became of a run whose job Batch has forgotten', async () => {
    await using aws = await startAwsServer(() => ({ output: { jobs: [] } }));

    await expect(followJob(aws.target(store), submitted)).rejects.toThrow(
      `Batch does not know the job ${submitted.id} of run monday any more. The run has no result. To resume it:\n` +
        '  ./cifar10 submit quick --run monday --target aws',
    );
  });
});
