import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test, vi } from 'vitest';
import { followLog } from './log.ts';

test('appended text is passed on once, and a new log from its start', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'cifar10-log-'));
  const end = new AbortController();
  try {
    const log = path.join(folder, 'log');
    await writeFile(log, 'before\n');
    let seen = '';
    const following = followLog(folder, (text) => (seen += text), end.signal);
    await new Promise((resolve) => setTimeout(resolve, 400));
    await appendFile(log, 'first\n');
    await vi.waitFor(() => expect(seen).toBe('first\n'), 5_000);
    await appendFile(log, 'second\n');
    await vi.waitFor(() => expect(seen).toBe('first\nsecond\n'), 5_000);
    await writeFile(log, 'new\n');
    await vi.waitFor(() => expect(seen).toBe('first\nsecond\nnew\n'), 5_000);
    end.abort();
    await following;
  } finally {
    end.abort();
    await rm(folder, { recursive: true, force: true });
  }
});
