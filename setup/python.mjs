/** Finds the Pythons, pips and uvs of this machine. A name on the PATH proves nothing: what counts is that it runs. */
import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { programsOnPath, run } from './processes.mjs';

/** LocalStack 4.14 needs 3.12; what it depends on contradicts itself on 3.14. The first is preferred. */
const VERSIONS = ['3.13', '3.12'];

/** Milliseconds in which a program says its version. */
const PATIENCE = 20_000;

/** Fails where Debian's and other cut-down Pythons lack what a virtual environment or LocalStack needs. */
const PROBE = 'import ctypes, ssl, sys, venv; print(sys.version_info.major, sys.version_info.minor, sys.executable)';

/**
 * @typedef {object} Python
 * @property {string} version such as `3.12`
 * @property {string} executable absolute, and not a shim
 */

/**
 * @returns {Promise<Python | undefined>} a Python that LocalStack 4.14 works on
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

/** @returns {string} for messages, such as `3.12 or 3.13` */
export function pythonVersions() {
  return VERSIONS.toReversed().join(' or ');
}

/**
 * @returns {Promise<string[] | undefined>} a command that is pip, of any Python: what it downloads is for us to choose
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
    if (await answers([...command, '--version'])) return command;
  }
  return undefined;
}

/** @returns {Promise<string | undefined>} */
export async function findUv() {
  for (const file of programsOnPath('uv')) {
    if (await answers([file, '--version'])) return file;
  }
  return undefined;
}

/** @returns {string[]} absolute paths, those of the preferred version first */
function pythonCandidates() {
  const named = [...VERSIONS.map((version) => `python${version}`), 'python3', 'python'];
  return [...new Set([...named.flatMap((name) => programsOnPath(name)), ...pyenvPythons()])];
}

/** pyenv's shims answer only for the versions that are switched on; the versions themselves lie here. */
function pyenvPythons() {
  const versions = join(process.env.PYENV_ROOT ?? join(process.env.HOME ?? homedir(), '.pyenv'), 'versions');
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
    const answer = await run(file, ['-c', PROBE], { timeout: PATIENCE });
    const [, major, minor, executable] = /^(\d+) (\d+) (.+)$/m.exec(answer) ?? [];
    return executable === undefined ? undefined : { version: `${major}.${minor}`, executable };
  } catch {
    return undefined;
  }
}

/** @param {string[]} command */
async function answers([program, ...args]) {
  if (program === undefined) return false;
  try {
    await run(program, args, { timeout: PATIENCE });
    return true;
  } catch {
    return false;
  }
}
