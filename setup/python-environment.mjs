/**
 * A virtual environment of Python packages in the cache, from a lock file with hashes. All clones share it, so nothing of a
 * clone is installed into it.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cachedFolder, cacheRoot } from './cache.mjs';
import { assertFreeSpace } from './disk.mjs';
import { isDiskFull, isUnreachable, SetupFailure } from './failure.mjs';
import { ProgramFailed, run } from './processes.mjs';
import { describeProxy } from './proxy.mjs';
import { findPip, findPython, findUv, pipEnvironment, pythonVersions } from './python.mjs';

/**
 * @typedef {object} PythonEnvironment
 * @property {string} title its name in messages
 * @property {string} name of its folder in the cache, before the hash of its locks
 * @property {string} lock file of all its packages, with their hashes
 * @property {number} bytes that its installation needs
 * @property {PythonEnvironment} [below] the environment that it extends, whose packages it can import
 */

/**
 * @typedef {object} InstallOptions
 * @property {AbortSignal | undefined} [signal]
 * @property {(text: string) => void} [onProgress]
 * @property {(holder: { pid: number }) => void} [onWait]
 */

/** An environment is unavailable on this machine, or for now. Whatever does not need it still works. */
export class EnvironmentUnavailable extends SetupFailure {}

/** Changes whenever the installation of an environment changes. */
const LAYOUT = '1';

/**
 * @param {PythonEnvironment} environment
 * @returns {string | undefined} its Python, or `undefined` if it is not installed
 */
export function environmentPython(environment) {
  const python = pythonPath(join(cacheRoot(), folderName(environment)));
  // Follows the link, which is broken if its Python was uninstalled.
  return existsSync(python) ? python : undefined;
}

/**
 * @param {PythonEnvironment} environment
 * @param {InstallOptions} [options]
 * @returns {Promise<string>} what `environmentPython` returns from now on
 * @throws {EnvironmentUnavailable | SetupFailure}
 */
export async function installEnvironment(environment, options = {}) {
  const isIntact = (/** @type {string} */ folder) => existsSync(pythonPath(folder));
  const make = (/** @type {string} */ part) => makeEnvironment(part, environment, options);
  return pythonPath(await cachedFolder(folderName(environment), make, { ...options, isIntact }));
}

/**
 * @param {string} folder
 * @param {PythonEnvironment} environment
 * @param {InstallOptions} options
 */
async function makeEnvironment(folder, environment, { signal, onProgress }) {
  const { title, lock, bytes, below } = environment;
  if (process.platform === 'win32') {
    throw new EnvironmentUnavailable(
      `The Python packages for ${title} run on Linux and macOS only: on Windows, use WSL, or continue without them.`,
    );
  }
  await assertFreeSpace(cacheRoot(), bytes, title);
  try {
    const install = await createEnvironment(folder, title, signal);
    const lower = below && environmentPython(below);
    if (lower !== undefined) await extend(pythonPath(folder), lower);
    const requirements = readFileSync(lock, 'utf8');
    const total = requirements.match(/^[\w-]+==/gm)?.length ?? 0;
    const builder = /^setuptools==.*(?:\n {4}.*)*/m.exec(requirements)?.[0];
    if (builder !== undefined) {
      // A few packages are published as source only. They are built with the locked setuptools, since pip would download
      // one without a hash.
      const builderLock = join(folder, 'setuptools.lock');
      await writeFile(builderLock, `${builder}\n`);
      await install(['-r', builderLock]);
    }
    const seen = new Set();
    await install(['--no-build-isolation', '-r', lock], (line) => {
      const project = /^\s*Collecting (\S+)/.exec(line)?.[1];
      if (project !== undefined) onProgress?.(`${seen.add(project).size} of ${total} packages`);
      if (/^Installing collected packages/.test(line)) onProgress?.('installing');
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw explainPip(error, title);
  }
}

/** @typedef {(args: string[], onLine?: (line: string) => void) => Promise<unknown>} Install */

/**
 * @param {string} folder
 * @param {string} title
 * @param {AbortSignal | undefined} signal
 * @returns {Promise<Install>} a function that installs packages into it
 */
async function createEnvironment(folder, title, signal) {
  const python = await findPython();
  const uv = await findUv();
  if (python === undefined && uv === undefined) {
    throw new EnvironmentUnavailable(
      `No Python ${pythonVersions()} was found for ${title}, and no uv: install one of them, then run \`npm run setup\` again.`,
    );
  }
  const pip = python && (await pipFor(python.executable));
  if (python !== undefined && pip !== undefined) {
    await run(python.executable, ['-m', 'venv', '--without-pip', folder], { signal });
    const [program = '', ...args] = pip;
    const options = ['--require-hashes', '--no-deps', '--no-compile', '--no-cache-dir', '--no-input', '--retries=2'];
    return (rest, onLine) =>
      run(
        program,
        [...args, '--disable-pip-version-check', '--python', pythonPath(folder), 'install', ...options, ...rest],
        {
          signal,
          onLine,
          // In our own folder, so that an interruption leaves nothing behind and it uses the checked disk.
          env: { ...pipEnvironment(), TMPDIR: folder },
        },
      );
  }
  if (uv !== undefined) {
    await run(uv, ['venv', '--python', python?.executable ?? pythonVersions().slice(-4), folder], { signal });
    return (rest, onLine) =>
      run(uv, ['pip', 'install', '--python', pythonPath(folder), '--require-hashes', '--no-deps', ...rest], {
        signal,
        onLine,
        env: pipEnvironment(),
      });
  }
  throw new EnvironmentUnavailable(
    `${python?.executable} has no pip 22.3 or newer, and there is no uv: install one of them (\`apt-get install python3-pip\`), then run \`npm run setup\` again.`,
  );
}

/**
 * @param {string} python
 * @returns {Promise<string[] | undefined>} a pip that can install into another environment
 */
async function pipFor(python) {
  for (const pip of [[python, '-m', 'pip'], await findPip()]) {
    if (pip === undefined || pip.includes('tool')) continue;
    const [program = '', ...args] = pip;
    const version = await run(program, [...args, '--version']).catch(() => '');
    const [, major, minor] = /^pip (\d+)\.(\d+)/.exec(version) ?? [];
    if (Number(major) > 22 || (Number(major) === 22 && Number(minor) >= 3)) return pip;
  }
  return undefined;
}

/**
 * @param {string} python of the upper environment
 * @param {string} below
 */
async function extend(python, below) {
  const sitePackages = (/** @type {string} */ of) =>
    run(of, ['-c', 'import sysconfig; print(sysconfig.get_path("purelib"))']);
  const [upper, lower] = await Promise.all([sitePackages(python), sitePackages(below)]);
  await writeFile(join(upper.trim(), 'below.pth'), lower);
}

/**
 * @param {unknown} error
 * @param {string} title
 * @returns {unknown}
 */
function explainPip(error, title) {
  if (!(error instanceof ProgramFailed) || isDiskFull(error)) return error;
  if (/DO NOT MATCH THE HASHES|Hash mismatch/i.test(error.output)) {
    return new SetupFailure(
      `A Python package for ${title} is corrupt, its sha256 is not that of the lock file: run \`npm run setup\` again, and if it fails again, check the Python index that pip is configured for.`,
      { cause: error },
    );
  }
  if (isUnreachable(error)) {
    return new EnvironmentUnavailable(
      `The packages for ${title} could not be downloaded because the Python index did not answer: check the network${describeProxy()} and the index that pip is configured for, then run \`npm run setup\` again.`,
      { cause: error },
    );
  }
  return new SetupFailure(
    `The Python packages for ${title} could not be installed (${error.message}): fix that, then run \`npm run setup\` again.`,
    { cause: error },
  );
}

/** @param {PythonEnvironment} environment */
function folderName({ name, lock, below }) {
  const hash = createHash('sha256').update(LAYOUT);
  for (const file of below === undefined ? [lock] : [below.lock, lock]) hash.update(readFileSync(file));
  return `${name}-${hash.digest('hex').slice(0, 16)}`;
}

/** @param {string} environment */
function pythonPath(environment) {
  return join(environment, 'bin', 'python');
}
