import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { makeWheel, serveIndex } from './index.fixture.ts';
import { findPython } from './python.mjs';
import { installEnvironment } from './python-environment.mjs';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'cifar10-environment-'));
  vi.stubEnv('XDG_CACHE_HOME', folder);
  vi.stubEnv('PIP_FIND_LINKS', '');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

test('settings of pip, in variables and in its file, do not change where packages are installed', async ({ skip }) => {
  if ((await findPython()) === undefined) skip('there is no Python');
  const { wheel, bytes } = makeWheel('some_thing-1.2.3-py3-none-any.whl', { 'some_thing.py': '' });
  await using index = await serveIndex({ [wheel.file]: bytes });
  const lock = path.join(folder, 'some.lock');
  await writeFile(lock, `some-thing==1.2.3 --hash=sha256:${wheel.sha256}\n`);
  const file = path.join(folder, 'pip.conf');
  await writeFile(
    file,
    `[global]\nindex-url = ${index.url}\nno-binary = :all:\n[install]\nuser = true\ndry-run = true\n`,
  );
  const elsewhere = path.join(folder, 'elsewhere');
  const theirs = {
    CONFIG_FILE: file,
    USER: '1',
    TARGET: elsewhere,
    DRY_RUN: '1',
    NO_BINARY: ':all:',
    CONSTRAINT: '/none',
  };
  for (const [name, value] of Object.entries(theirs)) vi.stubEnv(`PIP_${name}`, value);
  vi.stubEnv('PIP_INDEX_URL', undefined);
  vi.stubEnv('PYTHONHOME', elsewhere);
  const python = await installEnvironment({ title: 'a test', name: 'test', lock, bytes: 1 });
  const lib = path.join(path.dirname(path.dirname(python)), 'lib');
  const [version = ''] = await readdir(lib);
  expect(existsSync(path.join(lib, version, 'site-packages/some_thing.py'))).toBe(true);
  expect(existsSync(elsewhere)).toBe(false);
});
