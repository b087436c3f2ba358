/** Programs that set-up runs: their output is kept for the error message, and they end when set-up is interrupted. */
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Characters of output that a failure carries. */
const KEPT = 32_768;

/** A program ended with another code than 0. */
export class ProgramFailed extends Error {
  /** @override */
  name = 'ProgramFailed';

  /**
   * @param {string} command
   * @param {number | null} code
   * @param {string} output the last of its stdout and stderr
   */
  constructor(command, code, output) {
    super(`${command} ended with ${code === null ? 'a signal' : `exit code ${code}`}: ${lastWords(output)}`);
    /** @readonly */
    this.output = output;
  }
}

/**
 * @typedef {object} RunOptions
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} [env] the whole environment; default: this process's
 * @property {AbortSignal | undefined} [signal] ends the program
 * @property {number} [timeout] milliseconds after which the program is ended
 * @property {((line: string) => void) | undefined} [onLine] called with each line of stdout and stderr
 */

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<string>} what it printed on stdout
 * @throws {ProgramFailed}
 */
export function run(command, args, { cwd, env = process.env, signal, timeout, onLine } = {}) {
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
    // Only when its pipes are closed is the program gone, and its folder safe to remove.
    child.on('close', (code) => {
      if (failure !== undefined) reject(failure);
      else if (code === 0) resolve(stdout);
      else reject(new ProgramFailed(command, code, output));
    });
  });
}

/**
 * @param {string} name of a program
 * @param {NodeJS.ProcessEnv} [environment]
 * @returns {string[]} every file of that name on the PATH that may be executed, in order
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
 * The line of a program's output that says most: the last that speaks of an error, else the last at all.
 *
 * @param {string} output
 */
function lastWords(output) {
  const lines = output
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  return lines.findLast((line) => /error/i.test(line)) ?? lines.at(-1) ?? 'it printed nothing';
}
