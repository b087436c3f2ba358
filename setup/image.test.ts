import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { serveIndex } from './index.fixture.ts';
import { tensorflowWheels } from './wheels.mjs';

const program = path.resolve(import.meta.dirname, 'image.mjs');

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'cifar10-setup-image-'));
});
afterEach(() => rm(folder, { recursive: true }));

function started(words: readonly string[], index?: string) {
  const env = { XDG_CACHE_HOME: folder, HOME: folder, PATH: '', ...(index && { PIP_INDEX_URL: index }) };
  return promisify(execFile)(process.execPath, [program, ...words], { env });
}

test.each([[[]], [['libraries']], [['libraries', 'tpu']], [['everything', 'cpu']]])(
  'arguments %j are refused with the usage',
  async (words) => {
    await expect(started(words)).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('Usage: node') });
  },
);

test('a download that is not the pinned one ends the build, and leaves nothing behind', async () => {
  const [{ file } = { file: '' }] = tensorflowWheels({ gpu: false }) ?? [];
  await using index = await serveIndex({ [file]: Buffer.from('something else') });
  // A stage of an image has a compiler, and neither pip nor packages.
  await expect(started(['libraries', 'cpu'], index.url)).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`The download of ${file} is corrupt, its sha256 is not`),
  });
  expect((await readdir(path.join(folder, 'cifar10'))).filter((name) => !name.endsWith('.lock'))).toEqual([]);
});
