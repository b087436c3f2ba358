/** Finds Python, pip and uv on this machine. A file on the PATH is not enough: it has to run. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { homeFolder } from './home.mjs';
import { childEnvironment, programsOnPath, run } from './processes.mjs';

/** LocalStack 4.14 needs 3.12, and its dependencies conflict on 3.14. The first is preferred. */
const VERSIONS = ['3.13', '3.12'];

/** Milliseconds within which a program must print its version. */
const VERSION_TIMEOUT = 20_000;

/** Fails on reduced Pythons, such as Debian's, without the modules for a virtual environment or LocalStack. */
const PROBE = 'import ctypes, ssl, sys, venv; print(sys.version_info.major, sys.version_info.minor, sys.executable)';

/**
 * @typedef {object} Python
 * @property {string} version such as `3.12`
 * @property {string} executable absolute, and not a shim
 */

/**
 * @returns {Promise<Python | undefined>} a Python that LocalStack 4.14 supports
 */
export async function findPython() {
  /** @type {Python[]} */
  const usable = [];
  for (const candidate of pythonCandidates()) {
    const python = await probePython(candidate);
    if (python?.version === VERSIONS[0]) return python;
    if (python !== undefined && VERSIONS.includes(python.version)) usable.push(python);
  }
  return usable[0];
}

/** @returns {string} `3.12 or 3.13`, for messages */
export function pythonVersions() {
  return VERSIONS.toReversed().join(' or ');
}

/**
 * @returns {Promise<string[] | undefined>} a command that runs pip, of any Python version: we choose what it downloads
 */
export async function findPip() {
  const programs = ['python3', ...VERSIONS.map((version) => `python${version}`), 'python'];
  const commands = [
    ...programs.flatMap((name) => programsOnPath(name)).map((file) => [file, '-m', 'pip']),
    ...['pip3', 'pip'].flatMap((name) => programsOnPath(name)).map((file) => [file]),
    ...pyenvPythons().map((file) => [file, '-m', 'pip']),
    ...programsOnPath('uv').map((file) => [file, 'tool', 'run', 'pip']),
  ];
  for (const command of commands) {
    if (await runs([...command, '--version'])) return command;
  }
  return undefined;
}

/** Settings of pip and uv that say how an index is reached, and where downloads and Pythons are kept. */
const NETWORK =
  /^(PIP_(INDEX_URL|EXTRA_INDEX_URL|FIND_LINKS|NO_INDEX|TRUSTED_HOST|CERT|CLIENT_CERT|PROXY|TIMEOUT|DEFAULT_TIMEOUT|RETRIES|CACHE_DIR|CONFIG_FILE|KEYRING_PROVIDER|USE_FEATURE|USE_DEPRECATED)|UV_(INDEX.*|DEFAULT_INDEX|EXTRA_INDEX_URL|FIND_LINKS|INSECURE_HOST|NATIVE_TLS|SYSTEM_CERTS|HTTP_.*|REQUEST_TIMEOUT|KEYRING_PROVIDER|CACHE_DIR|CONFIG_FILE|PYTHON_(DOWNLOADS|INSTALL_.*|PREFERENCE|CACHE_DIR)))$/;

/**
 * The whole environment of pip and uv, with the user's settings for the network only: others, such as `PIP_USER` and
 * `PIP_TARGET`, would install elsewhere, or something else.
 *
 * @returns {NodeJS.ProcessEnv}
 */
export function pipEnvironment() {
  const kept = Object.entries(childEnvironment()).filter(([name]) => !/^(PIP|UV)_/.test(name) || NETWORK.test(name));
  // Those that a file of the user's may set, at their defaults.
  const defaults = { PIP_USER: '0', PIP_DRY_RUN: '0', PIP_REQUIRE_VIRTUALENV: '0', PIP_NO_BINARY: ':none:' };
  return { ...Object.fromEntries(kept), ...defaults };
}

/** @returns {Promise<string | undefined>} */
export async function findUv() {
  for (const file of programsOnPath('uv')) {
    if (await runs([file, '--version'])) return file;
  }
  return undefined;
}

/** @returns {string[]} absolute paths, the preferred version first */
function pythonCandidates() {
  const named = [...VERSIONS.map((version) => `python${version}`), 'python3', 'python'];
  return [...new Set([...named.flatMap((name) => programsOnPath(name)), ...pyenvPythons()])];
}

/** pyenv's installed versions: its shims run only those that are switched on. */
function pyenvPythons() {
  const versions = join(process.env.PYENV_ROOT ?? join(homeFolder(), '.pyenv'), 'versions');
  if (!existsSync(versions)) return [];
  return VERSIONS.flatMap((version) =>
    readdirSync(versions)
      .filter((folder) => folder.startsWith(`${version}.`))
      .map((folder) => join(versions, folder, 'bin', 'python')),
  );
}

/**
 * @param {string} file
 * @returns {Promise<Python | undefined>}
 */
async function probePython(file) {
  try {
    const answer = await run(file, ['-c', PROBE], { timeout: VERSION_TIMEOUT });
    const [, major, minor, executable] = /^(\d+) (\d+) (.+)$/m.exec(answer) ?? [];
    return executable === undefined ? undefined : { version: `${major}.${minor}`, executable };
  } catch {
    return undefined;
  }
}

/** @param {string[]} command */
async function runs([program, ...args]) {
  if (program === undefined) return false;
  try {
    await run(program, args, { timeout: VERSION_TIMEOUT });
    return true;
  } catch {
    return false;
  }
}
