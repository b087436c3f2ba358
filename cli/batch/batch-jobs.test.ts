import type { JobDetail } from '@aws-sdk/client-batch';
import { describe, expect, it } from 'vitest';
import type { StackOutputs } from '../stack/target.ts';
import { continuesElsewhere, hasEnded, jobNameOf, readJob, stateOf } from './batch-jobs.ts';
import { allQueuesOf, queuesOf } from './queues.ts';

const queues = queuesOf({
  ...({ JobQueueArn: 'queue', JobDefinitionName: 'definition' } as StackOutputs),
  ...{ CpuJobQueueArn: 'cpu-queue', CpuJobDefinitionName: 'cpu-definition' },
});

describe('readJob', () => {
  it('tells what a job trains, how far it is, and where it logs', () => {
    const detail: JobDetail = {
      jobId: 'a1',
      jobName: '20261123-041200-a1b2',
      jobQueue: 'queue',
      jobDefinition: 'definition',
      status: 'RUNNING',
      createdAt: 1000,
      startedAt: 61_000,
      retryStrategy: { attempts: 5 },
      attempts: [
        {
          statusReason: 'Host EC2 (instance i-0) terminated.',
          stoppedAt: 31_000,
          container: { exitCode: 137, reason: 'Killed', logStreamName: 'training/default/1' },
        },
      ],
      container: {
        command: ['train', 'quick', '--run', '20261123-041200-a1b2'],
        logStreamName: 'training/default/2',
        logConfiguration: { logDriver: 'awslogs', options: { 'awslogs-group': 'Logs' } },
      },
    };

    expect(readJob(detail, queues)).toEqual({
      id: 'a1',
      run: '20261123-041200-a1b2',
      command: ['train', 'quick', '--run', '20261123-041200-a1b2'],
      device: 'gpu',
      queue: 'queue',
      status: 'RUNNING',
      createdAt: new Date(1000),
      startedAt: new Date(61_000),
      attempts: [
        {
          ...{ exitCode: 137, reason: 'Host EC2 (instance i-0) terminated.; Killed', logStream: 'training/default/1' },
          stoppedAt: new Date(31_000),
        },
      ],
      attemptsAllowed: 5,
      exitCode: 137,
      logGroup: 'Logs',
      logStream: 'training/default/2',
    });
  });

  it('takes the id for the run where a job was started by hand, as the training program does', () => {
    const job = {
      jobName: 'x',
      jobQueue: 'queue',
      jobDefinition: 'definition',
      startedAt: 0,
      status: 'FAILED',
    } as const;

    expect(readJob({ ...job, jobId: 'a1:3', container: { command: ['train'] } }, queues).run).toBe('a1-3');
    expect(readJob({ ...job, jobId: 'a1', container: { command: ['train', '--run'] } }, queues).run).toBe('a1');
  });

  it('has no exit code where the program never ran', () => {
    const detail = { jobId: 'a', jobName: 'x', jobDefinition: 'd', startedAt: 0, status: 'RUNNABLE' } as const;

    expect(readJob({ ...detail, jobQueue: 'q' }, queues)).toEqual({
      ...{ id: 'a', run: 'a', command: [], queue: 'q', status: 'RUNNABLE' },
      ...{ createdAt: new Date(0), attempts: [], attemptsAllowed: 1 },
    });
    expect(readJob({ ...detail, jobQueue: 'cpu-queue' }, queues).device).toBe('cpu');
  });
});

describe('hasEnded', () => {
  it.each([
    ['SUBMITTED', false],
    ['RUNNABLE', false],
    ['RUNNING', false],
    ['SUCCEEDED', true],
    ['FAILED', true],
  ] as const)('of %s is %s', (status, ended) => {
    expect(hasEnded({ status })).toBe(ended);
  });
});

describe('stateOf', () => {
  const detail = { jobId: 'a', jobName: 'x', jobQueue: 'q', jobDefinition: 'd', startedAt: 0 };

  it.each([
    [{ status: 'FAILED' }, 'failed'],
    [{ status: 'FAILED', isTerminated: true }, 'cancelled'],
    [{ status: 'FAILED', isCancelled: true }, 'cancelled'],
    [{ status: 'RUNNING', isTerminated: true }, 'running'],
    [{ status: 'SUCCEEDED', isTerminated: true }, 'succeeded'], // It was faster.
  ] as const)('of %j is %s', (state, expected) => {
    expect(stateOf(readJob({ ...detail, ...state }, queues))).toBe(expected);
  });
});

describe('continuesElsewhere', () => {
  const stack = { ...({ JobQueueArn: 'queue', JobDefinitionName: 'd' } as StackOutputs), OnDemandJobQueueArn: 'dear' };
  const detail = { jobId: 'a', jobName: 'x', jobQueue: 'queue', jobDefinition: 'd', startedAt: 0 };
  const exited = 'Essential container in task exited';

  it.each([
    [{ status: 'FAILED', statusReason: 'Host EC2 (instance i-0) terminated.' }, true],
    [{ status: 'FAILED', statusReason: exited, container: { exitCode: 75 } }, true],
    [{ status: 'FAILED', statusReason: exited, container: { exitCode: 1 } }, false],
    [{ status: 'FAILED', statusReason: 'enough', isTerminated: true, container: { exitCode: 75 } }, false],
    [{ status: 'FAILED', statusReason: 'Host EC2 (instance i-0) terminated.', jobQueue: 'dear' }, false],
    [{ status: 'SUCCEEDED', statusReason: exited, container: { exitCode: 0 } }, false],
  ] as const)('of %j is %s', (state, expected) => {
    expect(continuesElsewhere(readJob({ ...detail, ...state }, allQueuesOf(stack)), stack)).toBe(expected);
  });
});

describe('jobNameOf', () => {
  it('is a name that Batch takes', () => {
    expect(jobNameOf('my.run-1')).toMatch(/^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/);
  });
});
