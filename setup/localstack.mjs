/**
 * LocalStack in its own virtual environment, into which nothing of a clone is installed: `local/` puts its plugin on the
 * PYTHONPATH.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { environmentPython, installEnvironment } from './python-environment.mjs';

/** @typedef {import('./python-environment.mjs').PythonEnvironment} PythonEnvironment */
/** @typedef {import('./python-environment.mjs').InstallOptions} InstallOptions */

const LOCK = fileURLToPath(new URL('localstack.lock', import.meta.url));

/** @type {PythonEnvironment} */
const localstack = { title: 'LocalStack', name: `localstack-${localstackVersion()}`, lock: LOCK, bytes: 600e6 };

/** @type {PythonEnvironment} */
const tests = {
  title: 'the tests of the LocalStack plugin',
  name: 'localstack-tests',
  lock: fileURLToPath(new URL('localstack-tests.lock', import.meta.url)),
  bytes: 200e6,
  below: localstack,
};

/**
 * @returns {string | undefined} the Python of LocalStack's environment, or `undefined` if it is not installed
 */
export function localstackPython() {
  return environmentPython(localstack);
}

/**
 * @returns {string | undefined} a Python with LocalStack, pytest, ruff and mypy; `undefined` without `setup --with-tests`
 */
export function localstackTestPython() {
  return environmentPython(tests);
}

/** @returns {string} such as `4.14.0` */
export function localstackVersion() {
  return /^localstack-core==(\S+)/m.exec(readFileSync(LOCK, 'utf8'))?.[1] ?? '';
}

/**
 * @param {InstallOptions} [options]
 * @returns {Promise<string>} what `localstackPython` returns from now on
 * @throws {EnvironmentUnavailable | SetupFailure}
 */
export function installLocalstack(options) {
  return installEnvironment(localstack, options);
}

/**
 * @param {InstallOptions} [options]
 * @returns {Promise<string>} what `localstackTestPython` returns from now on
 * @throws {EnvironmentUnavailable | SetupFailure}
 */
export function installLocalstackTests(options) {
  return installEnvironment(tests, options);
}
