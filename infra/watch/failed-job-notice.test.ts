import type { JobDetail } from '@aws-sdk/client-batch';
import { expect, test } from 'vitest';
import { failedJobNotice } from './failed-job-notice.ts';

const exited = 'Essential container in task exited';
const id = '4c7599ae-0a82-49aa-ba5a-4727fcce14a8';

const job = {
  jobName: 'monday',
  jobId: id,
  jobQueue: 'arn:aws:batch:eu-west-1:123456789012:job-queue/gpu',
  jobDefinition: 'training:7',
  status: 'FAILED',
  statusReason: exited,
  createdAt: Date.UTC(2026, 10, 28, 9, 0),
  startedAt: Date.UTC(2026, 10, 28, 9, 4),
  stoppedAt: Date.UTC(2026, 10, 28, 9, 34),
  attempts: [
    { statusReason: 'Host EC2 (instance i-0) terminated.', container: {} },
    { statusReason: exited, container: { exitCode: 137, reason: 'OutOfMemoryError: Container killed' } },
  ],
  container: { command: ['train', 'c92', '--run', 'monday'] },
} satisfies JobDetail;

test('a notice says what failed, why, when, and what to do', () => {
  const log = ['epoch 3 of 8', 'step 912'];
  expect(failedJobNotice({ job, child: undefined, log, commandOptions: '--target aws --stage prod' })).toEqual({
    subject: 'Job failed: monday',
    text: `The job monday failed after 2 attempts.

Reason      ${exited}, OutOfMemoryError: Container killed, exit code 137 (out of memory: it needed more than its job definition allows)
Command     train c92 --run monday
Queue       gpu
Time        submitted 2026-11-28T09:00:00Z, waited 4.0 min, ran 30.0 min
Job id      ${id}

The end of its log:
  epoch 3 of 8
  step 912

./cifar10 jobs ${id} --target aws --stage prod    explains each attempt
./cifar10 logs ${id} --target aws --stage prod    prints the whole log
What to do: docs/runbooks.md, "Job failed".`,
  });
});

test('that of an array tells of the first child that failed', () => {
  const array = {
    ...{ jobName: 'plan-0123456789ab-0001', jobId: id, jobQueue: job.jobQueue, jobDefinition: 'classify:1' },
    ...({ status: 'FAILED', startedAt: 1, statusReason: 'Array Child Job failed' } as const),
    arrayProperties: { size: 200, statusSummary: { FAILED: 12, SUCCEEDED: 188 } },
  };
  const child = {
    ...job,
    jobId: `${id}:7`,
    attempts: [],
    statusReason: 'Task failed to start',
    arrayProperties: { index: 7 },
  };
  const { text } = failedJobNotice({ job: array, child, log: [], commandOptions: '--target aws' });

  expect(text).toContain('Of its 200 children 12 failed and 188 succeeded.');
  expect(text).toContain(`The first child that failed is number 7 (${id}:7).\nReason      Task failed to start\n`);
  expect(text).toContain('It has written no log.');
  expect(text).toContain(`./cifar10 logs ${id}:7 --target aws `);
});

test('the subject is what SNS takes, whatever the job is called', () => {
  const named = { ...job, jobName: `größe\n${'x'.repeat(200)}` };
  const { subject } = failedJobNotice({ job: named, child: undefined, log: [], commandOptions: '--target aws' });
  expect(subject).toMatch(/^Job failed: gr\?\?e\?x+$/);
  expect(subject).toHaveLength(100);
});
