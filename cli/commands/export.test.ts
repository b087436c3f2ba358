import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { moveAlias } from '#models/aliases.ts';
import { exampleVersion } from '#models/example-version.ts';
import { sha256Of } from '#models/manifest.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { publishVersion } from '#models/versions.ts';
import { trainedNet } from '#training/export/export.fixture.ts';
import { encodeKeras } from '#training/export/keras.ts';
import { encodeOnnx } from '#training/export/onnx/encode.ts';
import { encodeWeights } from '#training/export/weights.ts';
import { tinyNet } from '#training/nets/tiny.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const network = trainedNet(tinyNet, 1);
const older = exampleVersion();
const files = new Map([...older, ['weights.safetensors', encodeWeights(network)]]);

let folder: string;
let store: ObjectStore;
let version: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'export-'));
  store = folderStore(join(folder, 'store'));
  version = await publishVersion(store, files);
  await moveAlias(store, 'candidate', { to: version, by: 'a test', expected: undefined });
});
afterEach(() => rm(folder, { recursive: true }));

/** Runs the command in the temporary folder. */
async function exported(...args: string[]): Promise<{ code: number | null; out: string; error: string }> {
  const program = ['--import', import.meta.resolve('#setup/typescript.mjs'), join(root, 'cli/cifar10.ts')];
  const child = spawn(process.execPath, [...program, 'export', ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, NO_COLOR: '1', CIFAR10_STORE: 'store' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const code = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [out, error] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, out, error };
}

const read = (path: string) => readFile(join(folder, path));
const isSame = (one: Uint8Array, other: Uint8Array) => Buffer.compare(one, other) === 0;

describe('cifar10 export', () => {
  test.each([
    ['h5', encodeKeras],
    ['onnx', encodeOnnx],
    ['safetensors', encodeWeights],
  ])('writes %s, called as the version', async (format, encode) => {
    const { code, out } = await exported('candidate', '--format', format, '--json');
    expect(code).toBe(0);
    const path = `${version}.${format}`;
    const body = await read(path);
    expect(JSON.parse(out)).toEqual({ version, format, files: [{ path, size: body.length, sha256: sha256Of(body) }] });
    expect(isSame(body, encode(network))).toBe(true);
    expect(await readdir(folder)).toEqual([path, 'store'].sort());
  });

  test('writes a LayersModel as the version has it, into a given folder, beside other files', async () => {
    const first = await exported(version, '--format', 'layers-model', '--out', 'site/public');
    expect(first).toMatchObject({ code: 0, error: '' });
    expect(first.out).toContain(join('site/public/model.json'));
    await writeFile(join(folder, 'site/public/index.html'), 'a page');
    await rm(join(folder, 'site/public/weights.bin'));
    const half = await exported(version, '--format', 'layers-model', '--out', 'site/public');
    expect(half).toMatchObject({ code: 1, out: '' });
    await exported(version, '--format', 'layers-model', '--out', 'site/public', '--force');
    expect((await readdir(join(folder, 'site/public'))).sort()).toEqual(['index.html', 'model.json', 'weights.bin']);
    for (const path of ['model.json', 'weights.bin']) {
      expect(isSame(await read(`site/public/${path}`), files.get(path)!)).toBe(true);
    }
  });

  test('replaces nothing without --force', async () => {
    await writeFile(join(folder, 'model.onnx'), 'mine');
    const refused = await exported('candidate', '--format', 'onnx', '--out', 'model.onnx');
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.error).toContain('model.onnx already exists. Replace it with --force');
    expect((await read('model.onnx')).toString()).toBe('mine');
    expect(await exported('candidate', '--format', 'onnx', '--out', 'model.onnx', '--force')).toMatchObject({
      code: 0,
    });
    expect(isSame(await read('model.onnx'), encodeOnnx(network))).toBe(true);
  });

  test('a version of an older release is written as it can be', async () => {
    const id = await publishVersion(store, older);
    expect((await exported(id, '--format', 'h5')).error).toContain(
      `Version ${id} has no weights.safetensors: it was made by an older release`,
    );
    expect(await exported(id, '--format', 'layers-model')).toMatchObject({ code: 0 });
    expect((await readdir(folder)).sort()).toEqual([`${id}-layers-model`, 'store']);
  });

  test('says what is wrong, and leaves nothing behind', async () => {
    const [unknown, nowhere, unformatted, both, taken] = await Promise.all([
      exported('nobody', '--format', 'onnx'),
      exported('candidate', '--format', 'onnx', '--out', 'store/aliases/candidate.json/model.onnx'),
      exported('candidate', '--format', 'pickle'),
      exported('candidate', '--format', 'onnx', '--store', 'store', '--target', 'local'),
      exported('candidate', '--format', 'onnx', '--out', 'store', '--force'),
    ]);
    expect([unknown, nowhere, unformatted, both, taken].map(({ code }) => code)).toEqual([2, 1, 2, 2, 1]);
    expect(unknown.error).toContain('has no such version or alias: nobody');
    expect(nowhere.error).toMatch(/model\.onnx could not be written \(E\w+\)\. Give another --out\./);
    expect(unformatted.error).toContain('h5, onnx, safetensors, layers-model');
    expect(both.error).toContain("cannot be used with option '--store");
    expect(taken.error).toContain('store could not be written (EISDIR)');
    expect(await readdir(folder)).toEqual(['store']);

    await store.put(`models/${version}/weights.safetensors`, files.get('weights.bin')!);
    const damaged = await exported('candidate', '--format', 'onnx');
    expect(damaged).toMatchObject({ code: 1 });
    expect(damaged.error).toContain(`models/${version}/weights.safetensors`);
    expect(await readdir(folder)).toEqual(['store']);
  });
});
