import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { homedir, hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { cachedFolder, cacheRoot, withLock } from './cache.mjs';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'cifar10-cache-'));
  vi.stubEnv('XDG_CACHE_HOME', folder);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

const write = (text: string) => (part: string) => writeFile(path.join(part, 'file'), text);
const deadProcess = () => spawnSync(process.execPath, ['--eval', '']).pid;

test('the cache follows the XDG specification', () => {
  expect(cacheRoot({ XDG_CACHE_HOME: '/cache', HOME: '/home/me' })).toBe('/cache/cifar10');
  expect(cacheRoot({ XDG_CACHE_HOME: 'relative', HOME: '/home/me' })).toBe('/home/me/.cache/cifar10');
  expect(cacheRoot({ XDG_CACHE_HOME: '', HOME: '/home/me' })).toBe('/home/me/.cache/cifar10');
  expect(cacheRoot({})).toBe(path.join(homedir(), '.cache', 'cifar10'));
});

test('a folder is created once, and nothing else is left', async () => {
  const made = await cachedFolder('thing-1', write('first'));
  expect(made).toBe(path.join(folder, 'cifar10', 'thing-1'));
  await cachedFolder('thing-1', () => Promise.reject(new Error('made twice')));
  expect(await readFile(path.join(made, 'file'), 'utf8')).toBe('first');
  expect(await readdir(cacheRoot())).toEqual(['thing-1']);
});

test('a folder that fails to be created does not exist', async () => {
  const made = cachedFolder('thing-1', async (part) => {
    await write('half')(part);
    throw new Error('no more');
  });
  await expect(made).rejects.toThrow('no more');
  expect(await readdir(cacheRoot())).toEqual([]);
});

test('of two concurrent calls one creates the folder, and the other waits for it', async () => {
  const made: string[] = [];
  const waits: number[] = [];
  const ask = (who: string) =>
    cachedFolder(
      'thing-1',
      async (part) => {
        made.push(who);
        await sleep(150);
        await write(who)(part);
      },
      { onWait: ({ pid }) => waits.push(pid) },
    );
  const [first, second] = await Promise.all([ask('a'), ask('b')]);
  expect(first).toBe(second);
  expect(made).toHaveLength(1);
  expect(waits).toEqual([process.pid]);
});

test('the lock and files of a killed process are removed', async () => {
  const pid = deadProcess();
  await mkdir(path.join(cacheRoot(), `thing-1.part-${pid}`, 'deep'), { recursive: true });
  await writeFile(path.join(cacheRoot(), 'thing-1.lock'), JSON.stringify({ pid, host: hostname() }));
  const onWait = vi.fn();
  await cachedFolder('thing-1', write('new'), { onWait });
  expect(await readdir(cacheRoot())).toEqual(['thing-1']);
  expect(onWait).not.toHaveBeenCalled();
});

test('incomplete folders with other names stay', async () => {
  await mkdir(path.join(cacheRoot(), 'thing-2.part-1'), { recursive: true });
  await cachedFolder('thing-1', write('new'));
  expect(await readdir(cacheRoot())).toEqual(['thing-1', 'thing-2.part-1']);
});

test('a folder that is not intact is created again', async () => {
  const made = await cachedFolder('thing-1', write('old'));
  const isIntact = () => false;
  await cachedFolder('thing-1', write('new'), { isIntact });
  expect(await readFile(path.join(made, 'file'), 'utf8')).toBe('new');
});

test('a waiting process can be interrupted', async () => {
  const lock = path.join(folder, 'some.lock');
  await withLock(lock, async () => {
    const interrupted = withLock(lock, async () => {}, { signal: AbortSignal.timeout(50) });
    await expect(interrupted).rejects.toThrow('aborted');
  });
  expect(await readdir(folder)).toEqual([]);
});

test('after a long wait a lock does not look abandoned', async () => {
  const lock = path.join(folder, 'some.lock');
  let waiting: Promise<number> | undefined;
  await withLock(lock, async () => {
    waiting = withLock(lock, async () => Date.now() - (await stat(lock)).mtimeMs);
    await sleep(150);
    const longAgo = new Date(Date.now() - 600_000);
    for (const name of await readdir(folder)) {
      if (name !== 'some.lock') await utimes(path.join(folder, name), longAgo, longAgo);
    }
  });
  expect(await waiting).toBeLessThan(60_000);
});

test('ten callers that find a stale lock never hold it at the same time', async () => {
  const lock = path.join(folder, 'some.lock');
  await writeFile(lock, JSON.stringify({ pid: deadProcess(), host: hostname() }));
  let inside = 0;
  let most = 0;
  await Promise.all(
    Array.from({ length: 10 }, () =>
      withLock(lock, async () => {
        inside += 1;
        most = Math.max(most, inside);
        await sleep(5);
        inside -= 1;
      }),
    ),
  );
  expect(most).toBe(1);
});
