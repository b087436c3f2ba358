/** The result of this clone's last set-up: what is missing, and why. */
import { readFileSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The clone that this file is in. */
export const projectRoot = fileURLToPath(new URL('..', import.meta.url)).replace(/[/\\]$/, '');

/**
 * @typedef {object} SetupState
 * @property {string} at ISO date
 * @property {{ backend: 'native' | 'packaged' | 'wasm', reason?: string }} tensorflow the backend that trains in this clone,
 *   and why it is not the native one
 * @property {{ available: boolean, reason?: string }} localstack whether LocalStack is installed, and why not
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
