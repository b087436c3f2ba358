/**
 * LocalStack in a virtual environment of its own, from a lock file with hashes. The environment is shared by all clones, so
 * nothing of a clone is installed into it: `local/` puts its plugin on the PYTHONPATH.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cachedFolder, cacheRoot } from './cache.mjs';
import { assertRoom } from './disk.mjs';
import { isDiskFull, isUnreachable, SetupFailure } from './failure.mjs';
import { ProgramFailed, run } from './processes.mjs';
import { findPip, findPython, findUv, pythonVersions } from './python.mjs';

/**
 * @typedef {object} ProvideOptions
 * @property {AbortSignal | undefined} [signal]
 * @property {(text: string) => void} [onProgress]
 * @property {(holder: { pid: number }) => void} [onWait]
 */

/** LocalStack cannot be had on this machine, or not now. All that needs no cloud goes on working. */
export class NoLocalstack extends SetupFailure {}

/** Bytes that an environment takes while it is made. */
const NEEDED = 600e6;

const LOCK = fileURLToPath(new URL('localstack.lock', import.meta.url));
const TESTS_LOCK = fileURLToPath(new URL('localstack-tests.lock', import.meta.url));

/** Changes whenever the way in which an environment is made does. */
const LAYOUT = '1';

/**
 * @returns {string | undefined} the Python of LocalStack's environment, or `undefined` if set-up has not made it
 */
export function localstackPython() {
  return pythonOf(environmentName());
}

/**
 * @returns {string | undefined} a Python with all that LocalStack's has, and pytest, ruff and mypy; `undefined` without
 *   `setup --with-tests`
 */
export function localstackTestPython() {
  return pythonOf(testEnvironmentName());
}

/** @returns {string} such as `4.14.0` */
export function localstackVersion() {
  return /^localstack-core==(\S+)/m.exec(readFileSync(LOCK, 'utf8'))?.[1] ?? '';
}

/**
 * @param {ProvideOptions} [options]
 * @returns {Promise<string>} what `localstackPython` gives from now on
 * @throws {NoLocalstack | SetupFailure}
 */
export function provideLocalstack(options = {}) {
  return provide(environmentName(), LOCK, options);
}

/**
 * An environment on top of LocalStack's: a path file makes the packages of that one importable in this one.
 *
 * @param {ProvideOptions} [options]
 * @returns {Promise<string>} what `localstackTestPython` gives from now on
 * @throws {NoLocalstack | SetupFailure}
 */
export function provideLocalstackTests(options = {}) {
  return provide(testEnvironmentName(), TESTS_LOCK, options, localstackPython());
}

/**
 * @param {string} name
 * @param {string} lock
 * @param {ProvideOptions} options
 * @param {string} [below] the Python of the environment that this one extends
 */
async function provide(name, lock, options, below) {
  // The link to a Python that was uninstalled leads nowhere.
  const isWhole = (/** @type {string} */ folder) => existsSync(pythonPath(folder));
  return pythonPath(
    await cachedFolder(name, (part) => makeEnvironment(part, lock, options, below), { ...options, isWhole }),
  );
}

/**
 * @param {string} folder
 * @param {string} lock
 * @param {ProvideOptions} options
 * @param {string | undefined} below
 */
async function makeEnvironment(folder, lock, { signal, onProgress }, below) {
  if (process.platform === 'win32') {
    throw new NoLocalstack(
      'LocalStack runs on Linux and macOS only: on Windows, run this in WSL, or go on without the local cloud.',
    );
  }
  await assertRoom(cacheRoot(), NEEDED, 'LocalStack');
  try {
    const install = await createEnvironment(folder, signal);
    const python = pythonPath(folder);
    if (below !== undefined) await extend(python, below);
    const requirements = readFileSync(lock, 'utf8');
    const total = requirements.match(/^[\w-]+==/gm)?.length ?? 0;
    const builder = /^setuptools==.*(?:\n {4}.*)*/m.exec(requirements)?.[0];
    if (builder !== undefined) {
      // A few packages are published as source only. They are built with the locked setuptools, instead of with one that
      // pip would fetch without a hash.
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
    throw explainPip(error);
  }
}

/** @typedef {(args: string[], onLine?: (line: string) => void) => Promise<unknown>} Install */

/**
 * @param {string} folder
 * @param {AbortSignal | undefined} signal
 * @returns {Promise<Install>} installs into it
 */
async function createEnvironment(folder, signal) {
  const python = await findPython();
  const uv = await findUv();
  if (python === undefined && uv === undefined) {
    throw new NoLocalstack(
      `No Python ${pythonVersions()} that runs was found for LocalStack, and no uv: install one of them, then run \`npm run setup\` again.`,
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
          // In a folder of ours, so that an interruption leaves nothing behind and the right disk is full.
          env: { ...process.env, TMPDIR: folder, PIP_REQUIRE_VIRTUALENV: '0' },
        },
      );
  }
  if (uv !== undefined) {
    await run(uv, ['venv', '--python', python?.executable ?? pythonVersions().slice(-4), folder], { signal });
    return (rest, onLine) =>
      run(uv, ['pip', 'install', '--python', pythonPath(folder), '--require-hashes', '--no-deps', ...rest], {
        signal,
        onLine,
      });
  }
  throw new NoLocalstack(
    `${python?.executable} has no pip of version 22.3 or newer, and there is no uv: install one of them (\`apt-get install python3-pip\`), then run \`npm run setup\` again.`,
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
  await writeFile(join(upper.trim(), 'localstack.pth'), lower);
}

/**
 * @param {unknown} error
 * @returns {unknown}
 */
function explainPip(error) {
  if (!(error instanceof ProgramFailed) || isDiskFull(error)) return error;
  if (/DO NOT MATCH THE HASHES|Hash mismatch/i.test(error.output)) {
    return new SetupFailure(
      'A Python package of LocalStack is corrupt, its sha256 is not that of the lock file: run `npm run setup` again, and if it stays so, check the Python index that pip is configured for.',
      { cause: error },
    );
  }
  if (isUnreachable(error)) {
    return new NoLocalstack(
      'LocalStack could not be fetched because the Python index did not answer: check the network and the index that pip is configured for, then run `npm run setup` again.',
      { cause: error },
    );
  }
  return new SetupFailure(
    `LocalStack's Python packages could not be installed (${error.message}): mend that, then run \`npm run setup\` again.`,
    { cause: error },
  );
}

function environmentName() {
  return `localstack-${localstackVersion()}-${hashOf(LOCK)}`;
}

function testEnvironmentName() {
  return `localstack-tests-${hashOf(LOCK, TESTS_LOCK)}`;
}

/** @param {string[]} files */
function hashOf(...files) {
  const hash = createHash('sha256').update(LAYOUT);
  for (const file of files) hash.update(readFileSync(file));
  return hash.digest('hex').slice(0, 16);
}

/** @param {string} name */
function pythonOf(name) {
  const python = pythonPath(join(cacheRoot(), name));
  // Follows the link: an interpreter that was uninstalled is not there.
  return existsSync(python) ? python : undefined;
}

/** @param {string} environment */
function pythonPath(environment) {
  return join(environment, 'bin', 'python');
}
