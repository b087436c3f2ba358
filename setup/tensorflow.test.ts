import { existsSync } from 'node:fs';
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { cacheRoot } from './cache.mjs';
import { emptyLibraries, openedByTensorFlow, problemsOf } from './cuda-libraries.fixture.ts';
import { Unavailable } from './download.mjs';
import { makeWheel, serveIndex } from './index.fixture.ts';
import { programsOnPath } from './processes.mjs';
import { provideAddon, provideByInstaller, provideLibraries, type Target, tensorflowState } from './tensorflow.mjs';

const project = path.resolve(import.meta.dirname, '..');
const [gcc] = programsOnPath('gcc', { PATH: '/usr/bin:/usr/local/bin:/opt/homebrew/bin' });
const { wheel, bytes } = makeWheel('tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl', {
  'tensorflow/libtensorflow_cc.so.2': 'the library',
  'tensorflow/libtensorflow_framework.so.2': 'its framework',
  'tensorflow/include/tensorflow/c/c_api.h': '// a header',
  'tensorflow/include/tensorflow/core/framework/graph.pb.h': '// a header that nothing needs',
  'tensorflow/python/keras.py': 'import this',
});

let folder: string;
let modules: string;
let target: Target;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'cifar10-tensorflow-'));
  vi.stubEnv('XDG_CACHE_HOME', path.join(folder, 'cache'));
  vi.stubEnv('PATH', '');
  vi.stubEnv('PYENV_ROOT', folder);
  target = { root: path.join(folder, 'project'), gpu: false, wheels: [wheel] };
  modules = path.join(target.root, 'node_modules');
  await mkdir(path.join(modules, '@tensorflow/tfjs-node/binding'), { recursive: true });
  await writeFile(path.join(modules, '@tensorflow/tfjs-node/binding/tfjs_binding.cc'), '// source');
  await writeFile(path.join(modules, '@tensorflow/tfjs-node/package.json'), '{}');
  await symlink(path.join(project, 'node_modules/node-api-headers'), path.join(modules, 'node-api-headers'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

async function fetched(): Promise<string> {
  await using index = await serveIndex({ [wheel.file]: bytes });
  vi.stubEnv('PIP_INDEX_URL', index.url);
  return await provideLibraries(target);
}

/** Installs a compiler that ignores its input and compiles this C source. */
async function compilerOf(source: string): Promise<void> {
  const include = path.join(project, 'node_modules/node-api-headers/include');
  await writeFile(path.join(folder, 'addon.c'), source);
  const script = `[ "$1" = --version ] && exit 0
while [ "$1" != -o ]; do shift; done
PATH=/usr/bin:/bin exec ${gcc} -shared -fPIC -I${include} ${folder}/addon.c -o "$2"`;
  await writeFile(path.join(folder, 'compiler'), `#!/bin/sh\n${script}\n`);
  await chmod(path.join(folder, 'compiler'), 0o755);
  vi.stubEnv('CXX', path.join(folder, 'compiler'));
}

const SOUND = `#include <node_api.h>
napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  napi_value version;
  napi_create_string_utf8(env, "2.21.0", 6, &version);
  napi_set_named_property(env, exports, "TF_Version", version);
  return exports;
}`;

test('only the libraries and headers that the addon needs are kept', async () => {
  const libraries = await fetched();
  const files = await readdir(libraries, { recursive: true, withFileTypes: true });
  expect(
    files
      .filter((file) => !file.isDirectory())
      .map(({ name }) => name)
      .sort(),
  ).toEqual([
    'c_api.h',
    'libtensorflow.so',
    'libtensorflow_cc.so.2',
    'libtensorflow_framework.so',
    'libtensorflow_framework.so.2',
  ]);
  expect(await readFile(path.join(libraries, 'lib/libtensorflow.so'), 'utf8')).toBe('the library');
  expect(await readdir(cacheRoot())).toEqual([path.basename(libraries)]);
});

// ELF libraries with search paths, as in the wheels for CUDA.
test.skipIf(gcc === undefined || process.platform !== 'linux')(
  'of CUDA, TensorFlow can open each library that it insists on, from where the wheels put it; others are left out',
  async () => {
    vi.stubEnv('PATH', '/usr/bin:/bin'); // for the assembler and the linker
    const {
      'tensorflow/libtensorflow_cc.so.2': cc,
      'tensorflow/libtensorflow_framework.so.2': framework,
      ...cuda
    } = await emptyLibraries(gcc!, path.join(folder, 'built'));
    const tensorflow = makeWheel('tensorflow-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl', {
      'tensorflow/libtensorflow_cc.so.2': cc!,
      'tensorflow/libtensorflow_framework.so.2': framework!,
    });
    const compiler = {
      'nvidia/cuda_nvcc/bin/ptxas': 'a compiler',
      'nvidia/cuda_nvcc/nvvm/libdevice/libdevice.10.bc': 'its library',
    };
    const nvidia = makeWheel('nvidia_cu12-12.9.0-py3-none-manylinux_2_27_x86_64.whl', {
      ...cuda,
      ...compiler,
      'nvidia/cuda_nvcc/bin/nvcc': 'a compiler for C++',
      'nvidia/cusolver/lib/libcusolverMg.so.11': 'for several GPUs',
      'nvidia/cudnn/lib/libcudnn_adv.so.9': 'for recurrent networks',
      'nvidia/cuda_nvrtc/lib/libnvrtc.alt.so.12': 'another build of NVRTC',
      'nvidia/cufft/include/cufft.h': '// a header',
    });
    const files = { [tensorflow.wheel.file]: tensorflow.bytes, [nvidia.wheel.file]: nvidia.bytes };
    await using index = await serveIndex(files);
    vi.stubEnv('PIP_INDEX_URL', index.url);
    vi.stubEnv('PATH', '');
    const libraries = await provideLibraries({ ...target, gpu: true, wheels: [tensorflow.wheel, nvidia.wheel] });

    vi.stubEnv('PATH', '/usr/bin:/bin');
    const problems = () =>
      problemsOf(gcc!, path.join(libraries, 'lib/libtensorflow_framework.so.2'), openedByTensorFlow);
    expect(await problems()).toEqual({});
    const kept = await readdir(path.join(libraries, 'nvidia'), { recursive: true, withFileTypes: true });
    const names = Object.keys({ ...cuda, ...compiler }).map((name) => path.basename(name));
    expect(
      kept
        .filter((file) => file.isFile())
        .map(({ name }) => name)
        .sort(),
    ).toEqual(names.sort());

    await rm(path.join(libraries, 'nvidia/cusparse/lib/libcusolver.so.11'));
    expect(await problems()).toEqual({
      'libcusolver.so.11': expect.stringContaining('cannot open shared object file'),
    });
  },
);

test('the addon is compiled once, and its link replaces whatever is there', async () => {
  const libraries = await fetched();
  await compilerOf(SOUND);
  const foreign = path.join(folder, 'foreign');
  await mkdir(foreign);
  await writeFile(path.join(foreign, 'precious'), 'not ours');
  const tfjs = path.join(modules, '@tensorflow/tfjs-node');
  await symlink(foreign, path.join(tfjs, 'deps'));
  await mkdir(path.join(tfjs, 'lib/napi-v8'), { recursive: true });
  await writeFile(path.join(tfjs, 'lib/napi-v8/tfjs_binding.node'), 'of an installer');

  await provideAddon(target);
  expect(await readlink(path.join(tfjs, 'deps'))).toBe(libraries);
  expect((await lstat(path.join(tfjs, 'lib'))).isSymbolicLink()).toBe(true);
  expect(tensorflowState(target)).toBe('native');
  expect(await readFile(path.join(foreign, 'precious'), 'utf8')).toBe('not ours');

  await rm(path.join(tfjs, 'lib'));
  expect(tensorflowState(target)).toBeUndefined();
  vi.stubEnv('CXX', '/no/compiler');
  await provideAddon(target);
  expect(tensorflowState(target)).toBe('native');
});

test('a changed source makes another addon', async () => {
  await fetched();
  await compilerOf(SOUND);
  await provideAddon(target);
  await writeFile(path.join(modules, '@tensorflow/tfjs-node/binding/tfjs_binding.cc'), '// another source');
  expect(tensorflowState(target)).toBeUndefined();
});

test.each([
  ['does not load', 'int nothing_that_node_can_load;', /do not load on this machine/],
  [
    'does not compile',
    'this is not C',
    /cannot compile TensorFlow's addon.*install a compiler for C\+\+17, or name one in CXX/,
  ],
])('an addon that %s is not kept', async (_what, source, message) => {
  await fetched();
  await compilerOf(source);
  const failure = await provideAddon(target).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(Unavailable);
  expect(String(failure)).toMatch(message);
  expect((await readdir(cacheRoot())).filter((name) => name.includes('addon'))).toEqual([]);
  expect(tensorflowState(target)).toBeUndefined();
});

test('without wheels the error names the platform', async () => {
  const failure = await provideLibraries({ ...target, wheels: undefined }).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(Unavailable);
  expect(String(failure)).toMatch(/publishes no libraries for \w+ on \w+: use Linux/);
});

test("the package's own installer is run, and its failure leaves nothing behind", async () => {
  const tfjs = path.join(modules, '@tensorflow/tfjs-node');
  await mkdir(path.join(tfjs, 'scripts'));
  await writeFile(
    path.join(tfjs, 'scripts/install.js'),
    `const fs = require('fs');
fs.mkdirSync('deps');
fs.writeFileSync('package.json', 'half');
throw new Error('getaddrinfo ENOTFOUND');`,
  );
  await expect(provideByInstaller(target)).rejects.toThrow(Unavailable);
  expect(existsSync(path.join(tfjs, 'deps'))).toBe(false);
  expect(await readFile(path.join(tfjs, 'package.json'), 'utf8')).toBe('{}');
});
