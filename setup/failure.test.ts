import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { describe, expect, test } from 'vitest';
import { cacheRoot } from './cache.mjs';
import { assertFreeSpace, freeBytes } from './disk.mjs';
import { explain, SetupFailure } from './failure.mjs';

const messageOf = (error: unknown) => {
  const explained = explain(error, 'TensorFlow', '/project');
  expect(explained).toBeInstanceOf(SetupFailure);
  return (explained as SetupFailure).message;
};

describe('one sentence with cause and remedy', () => {
  test.skipIf(process.platform !== 'linux')('for a disk that is full', async () => {
    const full = await writeFile('/dev/full', 'text').catch((error: unknown) => error);
    expect(messageOf(full)).toMatch(
      /^The disk of \/project became full during the set-up of TensorFlow: free some space, then/,
    );
  });

  test('for a folder that is not writable', async () => {
    const denied = Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES', path: '/cache/cifar10' });
    expect(messageOf(denied)).toMatch(/^\/cache\/cifar10 cannot be written \(EACCES\).*make it writable, then run/);
  });

  test('for a network that does not answer, even as a nested cause', async () => {
    const failed = await fetch('http://127.0.0.1:1/').catch((error: unknown) => error);
    expect(messageOf(failed)).toMatch(/^A download for TensorFlow failed because the network did not answer/);
  });

  test('for too little disk space, before any download', async () => {
    // The space of the nearest folder that exists; other programs write to the same disk meanwhile.
    const [missing, existing] = [await freeBytes(`${tmpdir()}/not/there`), await freeBytes(tmpdir())];
    expect(Math.abs(missing - existing)).toBeLessThan(0.1 * existing);
    await expect(assertFreeSpace(tmpdir(), 1e18, 'TensorFlow')).rejects.toThrow(
      /^TensorFlow needs 1000000000\.0 GB and the disk of .* has .* left: free some space/,
    );
    await assertFreeSpace(tmpdir(), 1, 'TensorFlow');
  });
});

test('for the disk of the cache there is another remedy', () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  const explained = explain(full, 'TensorFlow', cacheRoot());
  expect(String(explained)).toMatch(/or move the cache with XDG_CACHE_HOME, then run/);
});

test('an internal error is not changed', () => {
  const error = new TypeError('undefined is not a function');
  expect(explain(error, 'native TensorFlow', '/cache')).toBe(error);
});
