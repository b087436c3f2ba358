import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { findPip, findPython } from './python.mjs';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'cifar10-python-'));
  vi.stubEnv('PATH', path.join(folder, 'bin'));
  vi.stubEnv('PYENV_ROOT', path.join(folder, 'pyenv'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

async function program(file: string, script: string): Promise<void> {
  const target = path.join(folder, file);
  await mkdir(path.dirname(target), { recursive: true });
  await writeFile(target, `#!/bin/sh\n${script}\n`);
  await chmod(target, 0o755);
}

const deadShim = 'echo "pyenv: python: command not found" >&2; exit 127';

test('a Python counts only if it runs', async () => {
  await program('bin/python3.13', deadShim);
  await program('bin/python3', 'echo 3 12 /real/python');
  expect(await findPython()).toEqual({ version: '3.12', executable: '/real/python' });
});

test('versions that LocalStack does not support do not count', async () => {
  await program('bin/python3', 'echo 3 11 /usr/bin/python3');
  await program('bin/python3.12', 'echo 3 14 /usr/bin/python3.14');
  expect(await findPython()).toBeUndefined();
});

test('the preferred version wins, wherever it is installed', async () => {
  await program('bin/python3.12', 'echo 3 12 /usr/bin/python3.12');
  await program('pyenv/versions/3.13.1/bin/python', 'echo 3 13 /home/me/python');
  expect(await findPython()).toEqual({ version: '3.13', executable: '/home/me/python' });
});

test('pip is the first that runs, even through uv', async () => {
  expect(await findPip()).toBeUndefined();
  await program('bin/pip3', deadShim);
  await program('bin/uv', '[ "$1 $2 $3" = "tool run pip" ] || exit 1');
  expect(await findPip()).toEqual([path.join(folder, 'bin', 'uv'), 'tool', 'run', 'pip']);
  await program('bin/python3', '[ "$1 $2" = "-m pip" ] || exit 1');
  expect(await findPip()).toEqual([path.join(folder, 'bin', 'python3'), '-m', 'pip']);
});
