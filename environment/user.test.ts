import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { hostname, tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { exampleModel } from '#inference/serving/example-model.fixture.ts';
import { readAlias } from '#models/aliases.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import { publishVersion } from '#models/versions.ts';
import { asBareUser } from './bare-user.fixture.ts';
import { userAtHost } from './user.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'cifar10-user-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('a user has a name', () => {
  expect(userAtHost()).toBe(`${userInfo().username}@${hostname()}`);
});

test('a user id without a name promotes, and is named by its number', async () => {
  const store = folderStore(folder);
  const version = await publishVersion(store, await exampleModel());
  const program = path.resolve(import.meta.dirname, '../cli/cifar10.ts');
  const words = ['models', 'promote', version, '--store', folder, '--json'];
  await promisify(execFile)(
    process.execPath,
    [asBareUser, '--import', import.meta.resolve('#setup/typescript.mjs'), program, ...words],
    {
      env: { PATH: process.env.PATH },
    },
  );
  expect(await readAlias(store, 'production')).toMatchObject({
    version,
    by: `uid ${process.getuid?.()}@${hostname()}`,
  });
});
