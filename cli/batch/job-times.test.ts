import { expect, it } from 'vitest';
import { jobTimes } from './job-times.ts';

const at = (seconds: number) => new Date(1000 * seconds);
const first = { startedAt: at(100), stoppedAt: at(160) };

it.each([
  ['a job that waits', { status: 'RUNNABLE', attempts: [] }, { queued: 1000, waiting: 1000, starting: 0, running: 0 }],
  ['one that runs', { status: 'RUNNING', startedAt: at(300), attempts: [] }, { queued: 300, running: 700 }],
  // 100 s before the first attempt, 140 s before the second.
  ['its second attempt', { status: 'RUNNING', startedAt: at(300), attempts: [first] }, { queued: 240, running: 760 }],
  // Batch still tells when the attempt before began.
  [
    'a wait for the second',
    { status: 'RUNNABLE', startedAt: at(100), attempts: [first] },
    { queued: 940, running: 60 },
  ],
  [
    'one that has ended, whose last attempt never began',
    { status: 'FAILED', startedAt: at(100), stoppedAt: at(200), attempts: [first, { stoppedAt: at(200) }] },
    { queued: 140, running: 60 },
  ],
  [
    'one that was cancelled in the queue',
    { status: 'FAILED', stoppedAt: at(50), attempts: [] },
    { queued: 50, running: 0 },
  ],
] as const)('of %s', (_, job, expected) => {
  const { attempts, ...times } = jobTimes({ createdAt: at(0), ...job }, { now: 1_000_000 });
  expect(times).toEqual(expected); // Nothing of a machine that it has had, of which Batch does not tell.
  expect(attempts.reduce((sum, each) => sum + each.queued + each.running, 0)).toBe(expected.queued + expected.running);
});

it('tells the wait for a machine from the start on it, where ECS does', () => {
  const tasks = new Map([
    ['one', { placedAt: at(40), imageSeconds: 50 }],
    ['two', { placedAt: at(270) }],
  ]);
  const job = { status: 'STARTING', createdAt: at(0), startedAt: at(100), task: 'two' } as const;
  const times = jobTimes({ ...job, attempts: [{ ...first, task: 'one' }] }, { now: 300_000, tasks });
  expect(times).toEqual({
    ...{ queued: 240, waiting: 150, starting: 90, image: 50, running: 60 },
    attempts: [
      { queued: 100, waiting: 40, starting: 60, image: 50, running: 60 },
      { queued: 140, waiting: 110, starting: 30, running: 0 },
    ],
  });
  // What ECS has forgotten of one attempt is not known of the sum.
  expect(jobTimes({ ...job, attempts: [first] }, { now: 300_000, tasks })).not.toHaveProperty('waiting');
});
