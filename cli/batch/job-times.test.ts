import { expect, it } from 'vitest';
import { jobTimes } from './job-times.ts';

const at = (seconds: number) => new Date(1000 * seconds);
const first = { startedAt: at(100), stoppedAt: at(160) };

it.each([
  ['a job that waits', { status: 'RUNNABLE', attempts: [] }, { queued: 1000, running: 0 }],
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
  expect(jobTimes({ createdAt: at(0), ...job }, { now: 1_000_000 })).toEqual(expected);
});
