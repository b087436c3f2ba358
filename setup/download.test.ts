import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { cacheRoot } from './cache.mjs';
import { CorruptDownload, fetchWheel, Unavailable } from './download.mjs';
import { makeWheel, serveIndex } from './index.fixture.ts';
import { findPip } from './python.mjs';

const { wheel, bytes } = makeWheel('some_thing-1.2.3-cp311-cp311-manylinux_2_27_x86_64.whl');

let folder: string;
let hasPip: boolean;
beforeAll(async () => {
  hasPip = (await findPip()) !== undefined;
});
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'cifar10-download-'));
  vi.stubEnv('XDG_CACHE_HOME', folder);
  vi.stubEnv('PIP_CONFIG_FILE', '/dev/null');
  vi.stubEnv('PIP_FIND_LINKS', '');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

describe.each(['pip', 'an index and no pip'])('with %s', (way) => {
  beforeEach(({ skip }) => {
    if (way !== 'pip') {
      vi.stubEnv('PATH', '');
      vi.stubEnv('PYENV_ROOT', folder);
    } else if (!hasPip) skip('there is no pip');
  });

  test('a wheel is downloaded, and alone in its folder in the cache', async () => {
    await using index = await serveIndex({ [wheel.file]: bytes });
    vi.stubEnv('PIP_INDEX_URL', index.url);
    const file = await fetchWheel(wheel);
    expect((await readFile(file)).equals(bytes)).toBe(true);
    expect(await readdir(path.dirname(file))).toEqual([wheel.file]);
  });

  test('a cached wheel is not downloaded again', async () => {
    await using index = await serveIndex({ [wheel.file]: bytes });
    vi.stubEnv('PIP_INDEX_URL', index.url);
    const file = await fetchWheel(wheel);
    const { length } = index.requests;
    expect(await fetchWheel(wheel)).toBe(file);
    expect(index.requests).toHaveLength(length);
  });

  test.each([
    ['truncated', bytes.subarray(0, 200)],
    ['replaced', makeWheel(wheel.file, { more: 'than there was' }).bytes],
  ])('a %s wheel is refused and not kept', async (_how, served) => {
    await using index = await serveIndex({ [wheel.file]: served });
    vi.stubEnv('PIP_INDEX_URL', index.url);
    const failure = await fetchWheel(wheel).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(CorruptDownload);
    expect(String(failure)).toMatch(/some_thing-1\.2\.3.* is corrupt.*run `npm run setup` again/);
    expect(await readdir(cacheRoot())).toEqual([]);
  });

  test('the error says that the index does not have the wheel', async () => {
    await using index = await serveIndex({});
    vi.stubEnv('PIP_INDEX_URL', index.url);
    const failure = await fetchWheel(wheel).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Unavailable);
    expect(String(failure)).toMatch(/index has no some_thing-1\.2\.3.*check the index/);
  });

  test('the error says that the index does not answer', async () => {
    const index = await serveIndex({});
    await index[Symbol.asyncDispose]();
    vi.stubEnv('PIP_INDEX_URL', index.url);
    const failure = await fetchWheel(wheel).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Unavailable);
    expect(String(failure)).toMatch(/index did not answer: check the network/);
    expect(await readdir(cacheRoot())).toEqual([]);
  });

  test('an index gets its password', async () => {
    await using index = await serveIndex({ [wheel.file]: bytes }, { credentials: 'me:secret' });
    vi.stubEnv('PIP_INDEX_URL', index.url);
    expect(await fetchWheel(wheel)).toMatch(wheel.file);
  });
});

test('without pip, uv and an index the error says what to do', async () => {
  vi.stubEnv('PATH', '');
  vi.stubEnv('PYENV_ROOT', folder);
  for (const name of ['PIP_INDEX_URL', 'UV_DEFAULT_INDEX', 'UV_INDEX_URL']) vi.stubEnv(name, '');
  await expect(fetchWheel(wheel)).rejects.toThrow(/there is no pip: install Python's pip or uv, or set PIP_INDEX_URL/);
});
