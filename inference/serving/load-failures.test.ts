import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { loadFailures } from './load-failures.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }));
afterEach(() => void vi.useRealTimers());

test('the delay before a retry doubles with each attempt, up to 128 times the first, and starts over after a success', () => {
  const failures = loadFailures(100);
  const delays = Array.from({ length: 9 }, () => {
    failures.record('v', new Error('broken'), Date.now());
    let delay = 0;
    for (; failures.recent('v'); delay += 100) vi.setSystemTime(Date.now() + 100);
    return delay;
  });
  expect(delays).toEqual([200, 400, 800, 1600, 3200, 6400, 12_800, 12_800, 12_800]);
  expect(failures.get('v')).toMatchObject({ version: 'v', attempts: 9 });

  failures.clear('v');
  expect(failures.get('v')).toBeUndefined();
  expect(failures.record('v', new Error('broken again'), Date.now()).attempts).toBe(1);
});

test('a clock that was set back counts as time that has passed', () => {
  const failures = loadFailures(100);
  failures.record('v', new Error('broken'), Date.now());
  vi.setSystemTime(Date.now() - 3_600_000);
  expect(failures.recent('v')).toBeUndefined();
});

test('only the last hundred failures are remembered', () => {
  const failures = loadFailures(100);
  for (let index = 0; index <= 100; index++) failures.record(`v${index}`, new Error('broken'), Date.now());
  expect(failures.get('v0')).toBeUndefined();
  expect(failures.get('v1')).toBeDefined();
  expect(failures.get('v100')).toBeDefined();
});
