import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { UsageError } from '#errors/user-error.ts';
import { openObjectStore } from './open.ts';

describe('openObjectStore', () => {
  it('opens a folder by its path and a bucket by its address', async () => {
    expect((await openObjectStore('.cifar10/store')).url).toBe(resolve('.cifar10/store'));
    expect((await openObjectStore('s3://models-1a2b', { region: 'us-east-1' })).url).toBe('s3://models-1a2b');
    expect((await openObjectStore('s3://models-1a2b/', { region: 'us-east-1' })).url).toBe('s3://models-1a2b');
  });

  it.each(['', 's3://', 's3://UPPER', 's3://bucket/prefix', 'https://bucket.example', 'file:///tmp'])(
    'refuses %j and says what it takes',
    async (url) => {
      await expect(openObjectStore(url)).rejects.toThrow('Give a folder, or a whole bucket as s3://<bucket>.');
    },
  );

  it.each([
    [import.meta.filename, 'is a file, and a store is a folder'],
    [`${import.meta.filename}/store`, 'is a file'],
    ['n'.repeat(300), 'the name is too long'],
  ])('refuses a path where no folder can be: %s', async (path, says) => {
    const error: unknown = await openObjectStore(path).catch((failure: unknown) => failure);
    expect(error).toBeInstanceOf(UsageError);
    expect(error).toMatchObject({ message: expect.stringContaining(says), exitCode: 2 });
  });

  it('loads the AWS SDK for a bucket, and not for a folder', () => {
    const program = `
      import { createRequire } from 'node:module';
      import { UsageError } from '#errors/user-error.ts';
import { openObjectStore } from ${JSON.stringify(new URL('./open.ts', import.meta.url).href)};
      const { cache } = createRequire(import.meta.url);
      for (const url of ['.', 's3://models-1a2b']) {
        await openObjectStore(url, { region: 'us-east-1' });
        console.log(Object.keys(cache).some((path) => path.includes('@aws-sdk')));
      }`;
    const { stdout } = spawnSync(process.execPath, [
      '--import',
      './setup/typescript.mjs',
      '--input-type=module',
      '-e',
      program,
    ]);
    expect(stdout.toString().trim().split('\n')).toEqual(['false', 'true']);
  });
});
