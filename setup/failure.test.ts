import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { describe, expect, test } from 'vitest';
import { cacheRoot } from './cache.mjs';
import { assertRoom, freeBytes } from './disk.mjs';
import { explain, SetupFailure } from './failure.mjs';

const said = (error: unknown) => {
  const explained = explain(error, 'TensorFlow', '/project');
  expect(explained).toBeInstanceOf(SetupFailure);
  return (explained as SetupFailure).message;
};

describe('one sentence with cause and remedy', () => {
  test.skipIf(process.platform !== 'linux')('for a disk that is full', async () => {
    const full = await writeFile('/dev/full', 'text').catch((error: unknown) => error);
    expect(said(full)).toMatch(
      /^The disk under \/project became full during the set-up of TensorFlow: free some space, then/,
    );
  });

  test('for a folder that may not be written', async () => {
    const denied = Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES', path: '/cache/cifar10' });
    expect(said(denied)).toMatch(/^\/cache\/cifar10 cannot be written \(EACCES\).*make it writable for you, then run/);
  });

  test('for a network that does not answer, however deep the cause', async () => {
    const failed = await fetch('http://127.0.0.1:1/').catch((error: unknown) => error);
    expect(said(failed)).toMatch(/^Something for TensorFlow could not be fetched because the network did not answer/);
  });

  test('for too little room, before anything is fetched', async () => {
    // Of the nearest folder that exists; others write to the same disk meanwhile.
    const [missing, existing] = [await freeBytes(`${tmpdir()}/not/there`), await freeBytes(tmpdir())];
    expect(Math.abs(missing - existing)).toBeLessThan(0.1 * existing);
    await expect(assertRoom(tmpdir(), 1e18, 'TensorFlow')).rejects.toThrow(
      /^TensorFlow needs 1000000000\.0 GB and the disk under .* has .* left: free some space/,
    );
    await assertRoom(tmpdir(), 1, 'TensorFlow');
  });
});

test('for the disk of the cache there is one more remedy', () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  const explained = explain(full, 'TensorFlow', cacheRoot());
  expect(String(explained)).toMatch(/or put the cache elsewhere with XDG_CACHE_HOME, then run/);
});

test('a defect stays a defect', () => {
  const defect = new TypeError('undefined is not a function');
  expect(explain(defect, 'native TensorFlow', '/cache')).toBe(defect);
});
