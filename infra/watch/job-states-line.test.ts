import { expect, test } from 'vitest';
import { jobStatesLine } from './job-states-line.ts';

const now = Date.UTC(2026, 10, 28, 12, 0);
const minute = 60_000;
const running = { counts: { RUNNABLE: 9_992, RUNNING: 8, PENDING: 1 }, oldest: now - 90 * minute };
const waiting = { counts: { RUNNABLE: 2 }, oldest: now - 40.5 * minute };
const idle = { counts: {}, oldest: undefined };

test('a line has the jobs of all queues, and the age of the model', () => {
  const model = { version: '20261121-1200-0123abcd' };
  expect(jobStatesLine({ queues: [idle, idle], model, now })).toEqual({
    ...{ submitted: 0, pending: 0, runnable: 0, starting: 0, running: 0, waitMinutes: 0 },
    ...{ model: '20261121-1200-0123abcd', modelAgeDays: 7 },
  });
});

test('jobs are stuck where nothing of their queue starts or runs, and wait for their turn elsewhere', () => {
  const line = jobStatesLine({ queues: [running, waiting, idle], model: undefined, now, namespace: 'Cifar10-dev' });
  expect(line).toEqual({
    ...{ submitted: 0, pending: 1, runnable: 9_994, starting: 0, running: 8, waitMinutes: 90 },
    StuckJobs: 2,
    _aws: {
      Timestamp: now,
      CloudWatchMetrics: [
        { Namespace: 'Cifar10-dev', Dimensions: [[]], Metrics: [{ Name: 'StuckJobs', Unit: 'Count' }] },
      ],
    },
  });
  expect(jobStatesLine({ queues: [running], model: undefined, now })).toMatchObject({ StuckJobs: 0 });
});
