/** What the last set-up of this clone came to: what is there is looked at, why something is not is remembered. */
import { readFileSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The clone that this file is in. */
export const projectRoot = fileURLToPath(new URL('..', import.meta.url)).replace(/[/\\]$/, '');

/**
 * @typedef {object} SetupState
 * @property {string} at ISO date
 * @property {{ backend: 'native' | 'packaged' | 'wasm', reason?: string }} tensorflow what trains in this clone; the reason
 *   why it is not the native one
 * @property {{ available: boolean, reason?: string }} localstack whether there is a local cloud; the reason why not
 */

/**
 * @param {string} [root] of the project
 * @returns {SetupState | undefined} `undefined` before the first set-up
 */
export function setupState(root = projectRoot) {
  try {
    return JSON.parse(readFileSync(stateFile(root), 'utf8'));
  } catch {
    return undefined;
  }
}

/**
 * @param {SetupState} state
 * @param {string} root of the project
 */
export async function writeSetupState(state, root) {
  const file = stateFile(root);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(`${file}.${process.pid}`, `${JSON.stringify(state, undefined, 2)}\n`);
  await rename(`${file}.${process.pid}`, file);
}

/** @param {string} root */
function stateFile(root) {
  return join(root, '.cifar10', 'setup.json');
}
