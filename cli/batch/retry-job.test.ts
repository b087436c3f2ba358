import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { openObjectStore } from '#models/stores/open.ts';
import { type AwsAnswer, outputs, startAwsServer } from './aws-server.fixture.ts';
import { readJob } from './batch-jobs.ts';
import { queuesOf } from './queues.ts';
import { retriedTraining } from './retry-job.ts';
import { submitJob } from './submit-job.ts';

const job = (command: readonly string[], status: 'FAILED' | 'RUNNING' | 'SUCCEEDED') =>
  readJob(
    {
      ...{ jobId: 'a1', jobName: 'x', jobQueue: 'cpu-queue', jobDefinition: 'd', startedAt: 0, status },
      container: { command: [...command] },
    },
    queuesOf(outputs),
  );

it('submits a failed run again with the arguments that it was submitted with, on the same device', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'retry-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const store = await openObjectStore(folder);
  const answers: Readonly<Record<string, object>> = { SubmitJob: { jobId: 'b2' }, ListJobs: { jobSummaryList: [] } };
  await using aws = await startAwsServer(
    ({ operation }): AwsAnswer => ({ output: answers[operation] ?? { jobs: [] } }),
  );
  const target = aws.target(store);
  const set = ['epochs=1', 'widths=1,2,3'];
  const { command } = await submitJob(target, { recipe: 'minute', set, seed: 3, run: 'monday', on: 'cpu' });

  const again = retriedTraining(target, job(command, 'FAILED'));
  expect(await submitJob(target, again)).toMatchObject({ id: 'b2', run: 'monday', command });

  const submitted = aws.requests.filter(({ operation }) => operation === 'SubmitJob').map(({ input }) => input);
  expect(submitted).toEqual([submitted[0], submitted[0]]);
  expect(submitted[1]).toMatchObject({ jobQueue: 'cpu-queue', containerOverrides: { command } });
});

it.each([
  [['train', 'quick', '--run', 'monday'], 'RUNNING', 'has not ended'],
  [['train', 'quick', '--run', 'monday'], 'SUCCEEDED', 'has succeeded'],
  [['evaluate', 'production'], 'FAILED', 'Only training jobs can be retried'],
  [['train', 'quick', '--out', '/tmp/x', '--run', 'monday'], 'FAILED', 'was started with --out'],
] as const)('refuses %j, which is %s', (command, status, expected) => {
  expect(() => retriedTraining({ name: 'local' }, job(command, status))).toThrow(expected);
});
