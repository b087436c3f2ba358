/**
 * Native TensorFlow for `@tensorflow/tfjs-node`: the shared libraries from a pinned wheel, and the package's own addon
 * compiled against them. Both are in the cache, and the package links to them.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { lstat, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, delimiter, join } from 'node:path';
import { cachedFolder, cacheRoot } from './cache.mjs';
import { assertFreeSpace } from './disk.mjs';
import { fetchWheel, Unavailable, wheelFolder } from './download.mjs';
import { isDiskFull, SetupFailure } from './failure.mjs';
import { childEnvironment, ProgramFailed, programsOnPath, run } from './processes.mjs';
import { megabytes } from './progress.mjs';
import { TENSORFLOW_VERSION, tensorflowWheels } from './wheels.mjs';
import { extractZip } from './zip.mjs';

/** @typedef {import('./wheels.mjs').Wheel} Wheel */

/**
 * @typedef {object} Target
 * @property {string} root of the project
 * @property {boolean} gpu `@tensorflow/tfjs-node-gpu` instead of `@tensorflow/tfjs-node`
 * @property {readonly Wheel[] | undefined} wheels with its libraries; `undefined` if this platform has none
 */

/**
 * @typedef {object} InstallOptions
 * @property {AbortSignal | undefined} [signal]
 * @property {(text: string) => void} [onProgress]
 * @property {(holder: { pid: number }) => void} [onWait]
 */

/** The Node-API version of the addon's folder, in which node-pre-gyp finds it on every Node that we support. */
const NODE_API = 8;

/** Our part of the addon: it makes TensorFlow's log level hold from the beginning. */
const LOG_LEVEL = join(import.meta.dirname, 'log-level.cc');

/** Changes whenever the unpacked files or their places change. */
const LAYOUT = { cpu: 1, gpu: 3 };

/**
 * Disk space needed, as a multiple of the download: TensorFlow's wheel is compressed to a fourth, CUDA's to three fifths, and
 * TensorFlow's libraries exist twice while their symbols are stripped.
 */
const SPACE = { cpu: 5.5, gpu: 2 };

/** Milliseconds without output after which the package's own installer counts as offline, and its time limit. */
const INSTALLER_SILENCE = 20_000;
const INSTALLER_LIMIT = 300_000;

/**
 * The libraries of CUDA that are kept: those that TensorFlow opens before it uses a GPU, and what these need. cuDNN opens its parts
 * by itself (all but `adv`, which is for recurrent networks), and compiles kernels with NVRTC; cuSOLVER and cuSPARSE need nvJitLink.
 */
const CUDA_LIBRARIES =
  /^lib(cudart|cublas|cublasLt|cufft|cusolver|cusparse|cudnn(_(graph|ops|cnn|heuristic|engines_precompiled|engines_runtime_compiled))?|nvJitLink|nvrtc|nvrtc-builtins)\.so[.0-9]*$/;

const HEADERS = [
  /^tensorflow\/c\/[a-z_]+\.h$/,
  /^tensorflow\/c\/eager\/c_api\.h$/,
  /^tensorflow\/core\/platform\/ctstring[a-z_]*\.h$/,
  /^tsl\/platform\/ctstring[a-z_]*\.h$/,
  /^xla\/tsl\/c\/tsl_status[a-z_]*\.h$/,
];

const IS_MAC = process.platform === 'darwin';

/**
 * @param {string} root of the project
 * @param {{ gpu: boolean }} options
 * @returns {Target} for this machine
 */
export function tensorflowTarget(root, { gpu }) {
  return { root, gpu, wheels: tensorflowWheels({ gpu }) };
}

/**
 * @param {Target} target
 * @returns {'native' | 'packaged' | undefined} which TensorFlow the package uses: ours, its own download, or none
 */
export function tensorflowState(target) {
  const folder = packageFolder(target);
  if (!existsSync(join(folder, 'lib', `napi-v${NODE_API}`, 'tfjs_binding.node'))) return undefined;
  if (target.wheels === undefined) return 'packaged';
  const deps = librariesFolder(target);
  const isOurs =
    linkTarget(join(folder, 'deps')) === deps &&
    linkTarget(join(folder, 'lib')) === join(cacheRoot(), addonName(target));
  if (isOurs && existsSync(join(deps, 'lib'))) return 'native';
  return linkTarget(join(folder, 'lib')) === undefined ? 'packaged' : undefined;
}

/**
 * Downloads and unpacks the shared libraries and headers into the cache.
 *
 * @param {Target} target
 * @param {InstallOptions} [options]
 * @returns {Promise<string>} the folder
 * @throws {Unavailable} this platform has none, or they cannot be downloaded
 */
export async function provideLibraries({ gpu, wheels }, { signal, onProgress, onWait } = {}) {
  if (wheels === undefined) {
    throw new Unavailable(
      `TensorFlow ${TENSORFLOW_VERSION} publishes no ${gpu ? 'GPU ' : ''}libraries for ${process.platform} on ${process.arch}: use Linux (x64${gpu ? '' : ', arm64) or macOS (arm64'}).`,
    );
  }
  const total = wheels.reduce((sum, { size }) => sum + size, 0);
  return cachedFolder(
    librariesName(wheels),
    async (part) => {
      await assertFreeSpace(cacheRoot(), total * (gpu ? SPACE.gpu : SPACE.cpu), 'Native TensorFlow');
      let before = 0;
      for (const wheel of wheels) {
        const file = await fetchWheel(wheel, {
          signal,
          onBytes: (bytes) => onProgress?.(`${megabytes(before + bytes)} of ${megabytes(total)}`),
          ...(onWait && { onWait }),
        });
        before += wheel.size;
        onProgress?.(`unpacking ${wheel.project}`);
        await extractZip(file, part, placeInLibraries, { ...(signal && { signal }) });
        await rm(join(cacheRoot(), wheelFolder(wheel)), { recursive: true, force: true });
      }
      await finishLibraries(part, signal);
    },
    { signal, ...(onWait && { onWait }) },
  );
}

/**
 * Compiles the package's addon if necessary, and links it and the libraries into the package.
 *
 * @param {Target} target with its npm packages installed and its libraries in the cache
 * @param {InstallOptions} [options]
 * @throws {Unavailable} there is no compiler, it fails, or the libraries do not load on this machine
 */
export async function provideAddon(target, { signal, onWait } = {}) {
  const addon = await cachedFolder(
    addonName(target),
    async (part) => {
      const file = join(part, `napi-v${NODE_API}`, 'tfjs_binding.node');
      await mkdir(join(part, `napi-v${NODE_API}`));
      await compile(target, file, signal);
      await tryToLoad(file, signal);
    },
    { signal, ...(onWait && { onWait }) },
  );
  await link(librariesFolder(target), join(packageFolder(target), 'deps'));
  await link(addon, join(packageFolder(target), 'lib'));
}

/**
 * Runs the package's own installer, which downloads a TensorFlow of 2022 and an addon without verifying them.
 *
 * @param {Target} target with its npm packages installed
 * @param {InstallOptions} [options]
 * @throws {Unavailable}
 */
export async function provideByInstaller(target, { signal } = {}) {
  const folder = packageFolder(target);
  const manifest = join(folder, 'package.json');
  const original = readFileSync(manifest);
  await removeBoth(folder);
  const silence = new AbortController();
  const stop = () => silence.abort(new Error('fetch failed: no output for too long'));
  let timer = setTimeout(stop, INSTALLER_SILENCE);
  try {
    await run(process.execPath, ['scripts/install.js', ...(target.gpu ? ['gpu', 'download'] : [])], {
      cwd: folder,
      signal: signal ? AbortSignal.any([signal, silence.signal]) : silence.signal,
      timeout: INSTALLER_LIMIT,
      env: {
        ...childEnvironment(),
        PATH: `${join(target.root, 'node_modules', '.bin')}${delimiter}${process.env.PATH}`,
      },
      onLine: () => {
        clearTimeout(timer);
        timer = setTimeout(stop, INSTALLER_SILENCE);
      },
    });
    const addon = join(folder, 'lib', `napi-v${NODE_API}`, 'tfjs_binding.node');
    if (!existsSync(addon)) throw new Unavailable('The installer of @tensorflow/tfjs-node installed no addon.');
    await tryToLoad(addon, signal);
  } catch (error) {
    signal?.throwIfAborted();
    await removeBoth(folder);
    if (isDiskFull(error) || error instanceof SetupFailure) throw error;
    throw new Unavailable('The installer of @tensorflow/tfjs-node failed too.', { cause: error });
  } finally {
    clearTimeout(timer);
    // The installer changes it temporarily.
    await writeFile(manifest, original);
  }
}

/**
 * @param {Target} target
 * @returns {string} the folder of the libraries, which need not exist
 */
export function librariesFolder({ wheels }) {
  return join(cacheRoot(), librariesName(wheels ?? []));
}

/** @param {string} folder */
async function removeBoth(folder) {
  for (const name of ['deps', 'lib']) await rm(join(folder, name), { recursive: true, force: true });
}

/** @param {Target} target */
function packageFolder({ root, gpu }) {
  return join(root, 'node_modules', '@tensorflow', gpu ? 'tfjs-node-gpu' : 'tfjs-node');
}

/** @param {readonly Wheel[]} wheels */
function librariesName(wheels) {
  const device = wheels.length > 1 ? 'gpu' : 'cpu';
  const sha = hashOf(String(LAYOUT[device]), ...wheels.map(({ sha256 }) => sha256));
  return `${device === 'gpu' ? 'tensorflow-gpu' : 'tensorflow'}-${TENSORFLOW_VERSION}-${sha}`;
}

/** @param {Target} target */
function addonName(target) {
  const sources = join(packageFolder(target), 'binding');
  const headers = join(target.root, 'node_modules', 'node-api-headers', 'package.json');
  const sha = hashOf(
    basename(librariesFolder(target)),
    ...compilerArguments('', '', '', ''),
    readFileSync(headers),
    readFileSync(LOG_LEVEL),
    ...readdirSync(sources)
      .sort()
      .map((name) => readFileSync(join(sources, name))),
  );
  return `tensorflow-addon-${sha}`;
}

/** @param {(string | Buffer)[]} parts */
function hashOf(...parts) {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(String(part.length)).update(part);
  return hash.digest('hex').slice(0, 16);
}

/**
 * @param {string} name of a wheel's entry
 * @returns {string | undefined} its path in the folder of the libraries, or `undefined` if it is not needed
 */
function placeInLibraries(name) {
  if (/^tensorflow\/libtensorflow_(cc|framework)\.(so\.2|2\.dylib)$/.test(name)) return join('lib', basename(name));
  const header = /^tensorflow\/include\/(.+)$/.exec(name)?.[1];
  if (header !== undefined) return HEADERS.some((wanted) => wanted.test(header)) ? join('include', header) : undefined;
  // CUDA's libraries keep their paths, which are in TensorFlow's search path and in theirs.
  if (/^nvidia\/[a-z_]+\/lib\/[^/]+$/.test(name)) return CUDA_LIBRARIES.test(basename(name)) ? name : undefined;
  // TensorFlow compiles some kernels when they are first called, such as that of Exp, with this compiler and this library.
  if (/^nvidia\/cuda_nvcc\/(bin\/ptxas|nvvm\/libdevice\/[^/]+)$/.test(name)) return name;
  const license = /^([^/]+)\.dist-info\/(?:licenses\/)?(licen[cs]e[^/]*)$/i.exec(name);
  return license === null ? undefined : join('licenses', `${license[1]}-${license[2]}`);
}

/**
 * Strips unneeded symbols (a quarter of the size), adds the names that the linker looks for, and links cuSOLVER to where
 * TensorFlow finds it.
 *
 * @param {string} folder
 * @param {AbortSignal | undefined} signal
 */
async function finishLibraries(folder, signal) {
  const lib = join(folder, 'lib');
  if (IS_MAC) return;
  const [strip] = programsOnPath('strip');
  for (const name of ['cc', 'framework']) {
    const file = join(lib, `libtensorflow_${name}.so.2`);
    if (strip === undefined) continue;
    await run(strip, ['--strip-unneeded', '-o', `${file}.small`, file], { signal }).then(
      () => rename(`${file}.small`, file),
      async (error) => {
        await rm(`${file}.small`, { force: true });
        if (isDiskFull(error) || signal?.aborted) throw error;
      },
    );
  }
  await symlink('libtensorflow_cc.so.2', join(lib, 'libtensorflow.so'));
  await symlink('libtensorflow_framework.so.2', join(lib, 'libtensorflow_framework.so'));
  // libtensorflow_framework opens CUDA's libraries, and of their folders its RUNPATH lacks this one. One library that cannot be
  // opened, and TensorFlow uses no GPU.
  const solver = 'nvidia/cusolver/lib/libcusolver.so.11';
  if (existsSync(join(folder, solver))) {
    await symlink(join('../../..', solver), join(folder, 'nvidia/cusparse/lib', basename(solver)));
  }
}

/**
 * @param {Target} target
 * @param {string} file
 * @param {AbortSignal | undefined} signal
 */
async function compile(target, file, signal) {
  const compiler = await assertCompiler();
  const binding = join(packageFolder(target), 'binding');
  const headers = join(target.root, 'node_modules', 'node-api-headers', 'include');
  try {
    await run(compiler, [LOG_LEVEL, ...compilerArguments(binding, headers, librariesFolder(target), file)], { signal });
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof ProgramFailed) || isDiskFull(error)) throw error;
    throw new Unavailable(
      `${compiler} cannot compile TensorFlow's addon (${error.message}): install a compiler for C++17, or name one in CXX, then run \`npm run setup\` again.`,
      { cause: error },
    );
  }
}

/**
 * @param {string} binding
 * @param {string} headers
 * @param {string} libraries
 * @param {string} file
 */
function compilerArguments(binding, headers, libraries, file) {
  // The addon finds the libraries next to it in the cache, or through the package's links if Node does not resolve those.
  const origin = IS_MAC ? '@loader_path' : '$ORIGIN';
  const searched = [`${origin}/../../${basename(libraries)}/lib`, `${origin}/../../deps/lib`];
  const linked = IS_MAC
    ? ['cc', 'framework'].map((name) => join(libraries, 'lib', `libtensorflow_${name}.2.dylib`))
    : [`-L${join(libraries, 'lib')}`, '-ltensorflow', '-ltensorflow_framework'];
  return [
    ...['-std=c++17', '-O2', '-fPIC', '-shared', `-DNAPI_VERSION=${NODE_API}`],
    ...(IS_MAC ? ['-undefined', 'dynamic_lookup'] : []),
    ...[`-I${headers}`, `-I${join(libraries, 'include')}`],
    ...['tfjs_backend.cc', 'tfjs_binding.cc'].map((name) => join(binding, name)),
    ...['-o', file, ...linked],
    ...searched.map((path) => `-Wl,-rpath,${path}`),
  ];
}

/**
 * @returns {Promise<string>} a working C++ compiler
 * @throws {Unavailable}
 */
export async function assertCompiler() {
  const named = process.env.CXX ? [process.env.CXX] : [];
  for (const compiler of [...named, ...['g++', 'c++', 'clang++'].flatMap((name) => programsOnPath(name))]) {
    const runs = await run(compiler, ['--version']).then(
      () => true,
      () => false,
    );
    if (runs) return compiler;
  }
  throw new Unavailable(
    "There is no C++ compiler (g++, c++ or clang++) to build TensorFlow's addon: install one (`apt-get install g++`, `dnf install gcc-c++` or `xcode-select --install`), then run `npm run setup` again.",
  );
}

/**
 * Loads the addon in a separate process, since a failure may crash the process.
 *
 * @param {string} addon
 * @param {AbortSignal | undefined} signal
 */
async function tryToLoad(addon, signal) {
  const program = `const module = { exports: {} }; process.dlopen(module, ${JSON.stringify(addon)}); if (!module.exports.TF_Version) throw new Error('TF_Version is missing');`;
  try {
    await run(process.execPath, ['--eval', program], {
      signal,
      env: { ...childEnvironment(), TF_CPP_MIN_LOG_LEVEL: '3' },
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw new Unavailable(
      `TensorFlow's libraries do not load on this machine (${error instanceof Error ? error.message : error}): use a newer system (glibc 2.27 and GCC 11's libstdc++, or newer).`,
      { cause: error },
    );
  }
}

/**
 * @param {string} target
 * @param {string} path where the link is created; a link or folder there is replaced
 */
async function link(target, path) {
  if (linkTarget(path) === target) return;
  const part = `${path}.part-${process.pid}`;
  await rm(part, { force: true });
  await symlink(target, part);
  const found = await lstat(path).catch(() => undefined);
  if (found?.isDirectory()) await rm(path, { recursive: true });
  await rename(part, path);
}

/**
 * @param {string} path
 * @returns {string | undefined}
 */
function linkTarget(path) {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
