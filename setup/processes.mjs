/** Runs programs: their output is kept for error messages, and they end when set-up is interrupted. */
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { homeFolder } from './home.mjs';

/** Characters of output that an error keeps. */
const KEPT = 32_768;

/** A program ended with an exit code other than 0. */
export class ProgramFailed extends Error {
  /** @override */
  name = 'ProgramFailed';

  /**
   * @param {string} command
   * @param {number | null} code
   * @param {string} output the end of its stdout and stderr
   */
  constructor(command, code, output) {
    super(`${command} ended with ${code === null ? 'a signal' : `exit code ${code}`}: ${errorLine(output)}`);
    /** @readonly */
    this.output = output;
  }
}

/**
 * @typedef {object} RunOptions
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} [env] the whole environment, by default `childEnvironment()`
 * @property {AbortSignal | undefined} [signal] ends the program
 * @property {number} [timeout] milliseconds after which the program is ended
 * @property {((line: string) => void) | undefined} [onLine] called with each line of stdout and stderr
 */

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<string>} its stdout
 * @throws {ProgramFailed}
 */
export function run(command, args, { cwd, env = childEnvironment(), signal, timeout, onLine } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, signal, timeout, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let output = '';
    /** @type {Error | undefined} */
    let failure;
    for (const stream of [child.stdout, child.stderr]) {
      let rest = '';
      stream.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
        if (stream === child.stdout) stdout += text;
        output = (output + text).slice(-KEPT);
        const lines = (rest + text).split(/\r?\n/);
        rest = lines.pop() ?? '';
        for (const line of lines) onLine?.(line);
      });
    }
    child.on('error', (error) => {
      failure = error;
      if (child.pid === undefined) reject(error);
    });
    // Once its pipes are closed, the program has ended and its folder can be removed.
    child.on('close', (code) => {
      if (failure !== undefined) reject(failure);
      else if (code === 0) resolve(stdout);
      else reject(new ProgramFailed(command, code, output));
    });
  });
}

/**
 * @returns {NodeJS.ProcessEnv} this process's environment, always with a home folder, which pip, uv and npm need, and without
 *   another Python's
 */
export function childEnvironment() {
  const { PYTHONHOME: _of_another, ...rest } = process.env;
  return { ...rest, HOME: homeFolder() };
}

/**
 * @param {string} name of a program
 * @param {NodeJS.ProcessEnv} [environment]
 * @returns {string[]} all executable files of that name on the PATH, in order
 */
export function programsOnPath(name, environment = process.env) {
  const folders = (environment.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders
    .map((folder) => join(folder, process.platform === 'win32' ? `${name}.exe` : name))
    .filter((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/**
 * The most useful line of a program's output: the last with the word "error", or else the last. npm ends with where its log is.
 *
 * @param {string} output
 */
function errorLine(output) {
  const lines = output
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/A complete log of this run/.test(line));
  return lines.findLast((line) => /error/i.test(line)) ?? lines.at(-1) ?? 'it printed nothing';
}
