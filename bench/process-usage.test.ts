import { platform } from 'node:os';
import { expect, test } from 'vitest';
import { usageOf } from './process-usage.ts';

test.runIf(platform() === 'linux')('reports the CPU time and the peak memory of a process', () => {
  const before = usageOf(process.pid)!;
  const own = process.cpuUsage();
  const memory = Buffer.alloc(300 * 1024 * 1024, 1);
  let spent = 0;
  while (spent < 0.3) {
    const { user, system } = process.cpuUsage(own);
    spent = (user + system) / 1e6;
  }
  const after = usageOf(process.pid)!;
  expect(Math.abs(after.cpuSeconds - before.cpuSeconds - spent)).toBeLessThan(0.1);
  expect(after.peakMemory).toBeGreaterThan(memory.length);
  expect(after.peakMemory).toBeGreaterThanOrEqual(process.memoryUsage.rss() * 0.5);
});

test('returns undefined for a process that does not exist', () => {
  expect(usageOf(2 ** 30)).toBeUndefined();
});
