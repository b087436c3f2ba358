import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { moveAlias } from '#models/aliases.ts';
import { exampleVersion } from '#models/example-version.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import { publishVersion } from '#models/versions.ts';

const root = path.resolve(import.meta.dirname, '..');

let folder: string;
let elsewhere: string;
beforeAll(async () => {
  folder = await realpath(await mkdtemp(path.join(tmpdir(), 'any-folder-')));
  elsewhere = path.join(folder, 'elsewhere');
  await mkdir(elsewhere);
});
afterAll(() => rm(folder, { recursive: true }));

/** What a command prints, run from `elsewhere`. */
async function cifar10(words: readonly string[], variables: NodeJS.ProcessEnv = {}): Promise<string> {
  const program = ['--import', import.meta.resolve('#setup/typescript.mjs'), path.join(root, 'cli/cifar10.ts')];
  const { stdout } = await promisify(execFile)(process.execPath, [...program, ...words], {
    cwd: elsewhere,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, NO_COLOR: '1', ...variables },
  });
  return stdout;
}

/** The store that a command's help names as its default. */
async function defaultStoreOf(command: string, variables?: NodeJS.ProcessEnv): Promise<string> {
  const help = await cifar10([command, '--help'], variables);
  const [, store] = /s3:\/\/<bucket>\s+\(default:\s+"([^"]+)"\)/.exec(help) ?? [];
  return path.resolve(elsewhere, store!);
}

describe.each(['train', 'evaluate', 'compare', 'export', 'serve'])('%s, run from another folder,', (command) => {
  test('uses the store of the clone, or of CIFAR10_HOME', async () => {
    expect(await defaultStoreOf(command)).toBe(path.join(root, '.cifar10/store'));
    expect(await defaultStoreOf(command, { CIFAR10_HOME: '../home' })).toBe(path.join(folder, 'home/store'));
  });
});

test('blanks around the folder of a variable are no part of it, and ~ is the home folder', async () => {
  const variables = { HOME: folder, CIFAR10_HOME: '~/mine ' };
  expect(await defaultStoreOf('export', variables)).toBe(path.join(folder, 'mine/store'));
  expect(await defaultStoreOf('export', { CIFAR10_STORE: ' models\t' })).toBe(path.join(elsewhere, 'models'));
  expect(await defaultStoreOf('export', { CIFAR10_HOME: ' ' })).toBe(path.join(root, '.cifar10/store'));
});

test('a command finds a version below CIFAR10_HOME from another folder, and CIFAR10_STORE goes before it', async () => {
  const [one, other] = [folderStore(path.join(folder, 'home/store')), folderStore(path.join(folder, 'other'))];
  const version = await publishVersion(one, exampleVersion());
  await moveAlias(one, 'candidate', { to: version, by: 'a test', expected: undefined });
  const words = ['export', 'candidate', '--format', 'layers-model', '--json'];
  const home = { CIFAR10_HOME: path.join(folder, 'home') };
  expect(JSON.parse(await cifar10(words, home))).toMatchObject({ version });
  await expect(cifar10(words, { ...home, CIFAR10_STORE: other.url })).rejects.toThrow('no such version or alias');
});
