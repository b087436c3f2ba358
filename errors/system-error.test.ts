import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemError } from './system-error.ts';
import { NotFound, UserError } from './user-error.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'system-error-'));
  await writeFile(join(folder, 'file'), 'text');
  await symlink('loop', join(folder, 'loop'));
});
afterAll(() => rm(folder, { recursive: true }));

const failureOf = async (work: () => unknown) => {
  try {
    await work();
  } catch (error) {
    return error;
  }
  throw new Error('It does not fail.');
};

test.each([
  ['missing', 'does not exist.'],
  ['file/', 'is a file'],
  ['file/below', 'is a file'],
  ['loop', 'links lead in a circle'],
  ['n'.repeat(300), 'the name is too long'],
])('a path that leads nowhere is not found: %s', async (path, says) => {
  const error = systemError(await failureOf(() => readFile(`${folder}/${path}`)));
  expect(error).toBeInstanceOf(NotFound);
  expect(error?.message).toContain(says);
  expect(error?.message.length).toBeLessThan(300);
});

test('a failure that does not name its path gets the name from its caller', async () => {
  const isFolder = await failureOf(() => readFile(folder));
  expect(systemError(isFolder, 'photos')?.message).toBe('photos is a folder. Give a file. (EISDIR)');
  expect(systemError(isFolder)?.message).toMatch(/^(A file|\/\S+) is a folder/);
  expect(systemError(await failureOf(() => readdir(join(folder, 'file'))))).toBeInstanceOf(NotFound);
});

test.runIf(process.platform === 'linux')('a folder in which nothing new can be is no missing path', async () => {
  const error = systemError(await failureOf(() => mkdir('/proc/new')));
  expect(error?.message).toBe('/proc/new cannot be made: nothing new can be in its folder. Give another path.');
});

test.runIf(process.platform === 'linux')('a device that fails is an error for the user', async () => {
  const error = systemError(await failureOf(() => readFileSync('/proc/self/mem')), '/proc/self/mem');
  expect(error).toBeInstanceOf(UserError);
  expect(error?.message).toBe(
    '/proc/self/mem could not be read or written: the device fails. Try again, or give another path. (EIO)',
  );
});

test.each([
  ['[::1]', 'is not the name of a host'],
  ['no-such-host.invalid', /is not the name of a host|could not be looked up/],
  ['192.0.2.1', 'is not an address of this machine'],
])('an address that cannot be used: %s', async (host, says) => {
  const server = createServer().listen(0, host);
  const error = systemError(await failureOf(() => once(server, 'listening')));
  expect(error).toBeInstanceOf(UserError);
  expect(error?.message).toMatch(says);
});

test('a program that is not there is named', async () => {
  const error = systemError(await failureOf(() => once(spawn(join(folder, 'no-such-program')), 'spawn')));
  expect(error?.message).toContain(`The program ${join(folder, 'no-such-program')} is needed`);
});

test('an error of this program is none of the system', () => {
  expect(systemError(new TypeError('x is undefined'))).toBeUndefined();
  expect(systemError(Object.assign(new Error('late'), { code: 'ERR_LATE', path: 'x' }))).toBeUndefined();
});
