import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makePlan, planId } from '#models/plans/plan.ts';
import { writeResult } from '#models/plans/results.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { openObjectStore } from '#models/stores/open.ts';
import { resolveRecipe } from '#training/recipe/settings.ts';
import {
  type AwsAnswer,
  type AwsRequest,
  type AwsServer,
  outputs,
  startAwsServer,
} from '../batch/aws-server.fixture.ts';
import { readJob } from '../batch/batch-jobs.ts';
import { queueFor, queuesOf } from '../batch/queues.ts';
import prices from '../cost/prices.json' with { type: 'json' };
import { machineHour } from '../cost/training-cost.ts';
import { trainingSeconds } from '../cost/training-seconds.ts';
import type { StackOutputs } from '../stack/target.ts';
import { confirmEstimate, describeEstimate, estimatePlan, estimateRun, roundedTime } from './estimate.ts';
import { sweepDraft } from './plan.fixture.ts';
import { describeJobReceipt, describeReceipt, receiptOf } from './receipt.ts';

let folder: string;
let store: ObjectStore;
let aws: AwsServer;
/** vCPUs of the queue's two environments. */
let maxvCpus: number;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'estimate-'));
  store = await openObjectStore(folder);
  aws = await startAwsServer(batch);
  maxvCpus = 8;
});
afterEach(async () => {
  await aws[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

function batch({ operation }: AwsRequest): AwsAnswer {
  const answers: Readonly<Record<string, object>> = {
    DescribeJobQueues: {
      jobQueues: [{ computeEnvironmentOrder: [{ computeEnvironment: 'spot' }, { computeEnvironment: 'demand' }] }],
    },
    DescribeComputeEnvironments: {
      computeEnvironments: [{ instanceTypes: ['c7a.large'] }, { instanceTypes: ['c7a.large', 'm7a.large'] }].map(
        (each) => ({ computeResources: { maxvCpus, ...each } }),
      ),
    },
    DescribeJobDefinitions: {
      // The newest is not the first.
      jobDefinitions: [1, 3, 2].map((revision) => ({
        revision,
        containerProperties: { resourceRequirements: [{ type: 'VCPU', value: revision === 3 ? '2' : '1' }] },
      })),
    },
  };
  return { output: answers[operation] ?? {} };
}

const shardsOf = ({ items }: { readonly items: readonly { readonly shard: string }[] }) =>
  items.map(({ shard }) => shard);

describe('estimatePlan', () => {
  it('takes as many at once as the vCPUs of the queue allow, pays for the start of each machine, and for the dearest type', async () => {
    const plan = makePlan(sweepDraft(24));
    const target = aws.target(store);
    const on = { target, queue: queueFor('cpu', outputs, target) };

    const estimate = await estimatePlan(store, plan, { missing: shardsOf(plan), on });

    // 3 runs of 52 s on each machine, after 130.7 s for its start.
    expect(estimate).toMatchObject({ items: 24, atOnce: 8, isPaid: true });
    expect(estimate.seconds).toBeCloseTo(130.7 + 3 * 52.1, 0);
    expect(estimate.machineSeconds).toBeCloseTo(8 * estimate.seconds, 5);
    expect(estimate.dollars).toBeCloseTo((estimate.machineSeconds / 3600) * machineHour('m7a.large', prices), 10);
    expect(describeEstimate(estimate)).toBe(
      '24 runs, about 5 minutes, $0.08 at prices of us-east-1, at most 8 at once (as measured on 2 cores)',
    );
    expect((await estimatePlan(store, plan, { missing: shardsOf(plan), on, atMost: 2 })).atOnce).toBe(2);
    const capped = await estimatePlan(store, plan, { missing: shardsOf(plan).slice(0, 3), on });
    expect(capped).toMatchObject({ items: 3, atOnce: 3 });
  });

  it('says what to do where the queue has no room for one child', async () => {
    maxvCpus = 1;
    const plan = makePlan(sweepDraft(2));
    const target = aws.target(store);
    const on = { target, queue: queueFor('cpu', outputs, target) };

    await expect(estimatePlan(store, plan, { missing: shardsOf(plan), on })).rejects.toThrow('--max-vcpus');
  });

  it('computes with the results of the plan where there are some, and costs nothing on this machine', async () => {
    const plan = makePlan(sweepDraft(10));
    const [first, ...others] = shardsOf(plan);
    const at = '2026-11-28T12:00:00.000Z';
    const attempt = '20261128-115900000-0001-0-0a1b2c';
    await writeResult(store, planId(plan), first!, { at, attempt, seconds: 30, result: {} });

    const estimate = await estimatePlan(store, plan, { missing: others, atMost: 1 });

    expect(estimate).toMatchObject({ items: 9, atOnce: 1, isPaid: false, basis: 'by 1 result of it' });
    expect(estimate).not.toHaveProperty('dollars');
    expect(estimate.machineSeconds).toBeGreaterThanOrEqual(9 * 30);
  });
});

describe('estimateRun', () => {
  it('computes with the machine that boots for the job on AWS, and says no price where there is none', async () => {
    const stack = outputs as unknown as StackOutputs;
    const paid = await estimateRun(aws.target(store), stack, { recipe: 'short' }, 'cpu');
    // 69 s for the run, 131 s for the machine, on c7a.large.
    expect(describeEstimate(paid)).toBe(
      '1 run, about 3 minutes, less than $0.01 at prices of us-east-1 (as measured on 2 cores)',
    );
    const free = await estimateRun(aws.target(store, { name: 'local' }), stack, { recipe: 'short' }, 'cpu');
    expect(describeEstimate(free)).toBe('1 run, about 1 minute (as measured on 2 cores)');
    await expect(estimateRun(aws.target(store), stack, { recipe: 'short', set: ['x=1'] }, 'cpu')).rejects.toThrow('x');
  });
});

describe('trainingSeconds', () => {
  it('is as much less where images grow as they have fewer operations', () => {
    const secondsWith = (resolutions: string) =>
      trainingSeconds(resolveRecipe('c94', [`resolutions=${resolutions}`]).settings);
    expect(secondsWith('24,28,32') / secondsWith('whole')).toBeCloseTo((0.522 + 0.755 + 1) / 3, 2);
  });
});

describe('describeJobReceipt', () => {
  it('says what a job took, and what that costs at most on AWS', () => {
    const job = readJob(
      {
        ...{ jobId: 'a', jobName: 'x', jobQueue: 'cpu-queue', jobDefinition: 'd', status: 'SUCCEEDED' },
        ...{ createdAt: 1, startedAt: 180_001, stoppedAt: 3_780_001 },
        attempts: [{ startedAt: 180_001, stoppedAt: 3_780_001 }],
      },
      queuesOf(outputs),
    );
    const stack = outputs as unknown as StackOutputs;
    expect(describeJobReceipt({ name: 'aws', region: 'us-east-1' }, stack, [job])).toBe(
      'The job ran for 1:00:00, after 3:00 in the queue; at most $0.12 on demand.',
    );
    expect(describeJobReceipt({ name: 'aws', region: 'us-east-1' }, stack, [job, job])).toBe(
      'The run, in 2 jobs, ran for 2:00:00, after 6:00 in the queue; at most $0.24 on demand.',
    );
    expect(describeJobReceipt({ name: 'local', region: 'us-east-1' }, stack, [job])).not.toContain('$');
  });
});

describe('receiptOf', () => {
  it('counts what is done and what failed, and the time of machines', async () => {
    const plan = makePlan(sweepDraft(3));
    const [first] = shardsOf(plan);
    const at = new Date().toISOString();
    const attempt = '20261128-115900000-0001-0-0a1b2c';
    await writeResult(store, planId(plan), first!, { at, attempt, seconds: 30, result: {} });

    const receipt = await receiptOf(store, plan);

    expect(receipt).toMatchObject({ total: 3, done: 1, failed: 0, isPaid: false });
    expect(describeReceipt(receipt)).toContain('1 of 3 runs done');
    expect(describeReceipt(receipt)).toContain(`Results: ${folder}/plans/${planId(plan)}/results/`);
  });
});

describe('confirmEstimate', () => {
  it('asks nothing without a terminal, unless it costs money', async () => {
    expect(await confirmEstimate('24 runs', { isPaid: false })).toBe(true);
    expect(await confirmEstimate('24 runs', { isPaid: true, yes: true })).toBe(true);
    await expect(confirmEstimate('24 runs, $0.42', { isPaid: true })).rejects.toThrow(/24 runs, \$0.42\n.*--yes/s);
  });
});

it.each([
  [20, 'half a minute'],
  [61, '1 minute'],
  [31 * 60, '31 minutes'],
  [9000, '2.5 hours'],
  [360_000, '100 hours'],
])('%d s are about %s', (seconds, expected) => {
  expect(roundedTime(seconds)).toBe(expected);
});
