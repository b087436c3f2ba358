/**
 * LocalStack in a virtual environment of its own. Nothing of a clone is installed into it: `local/` puts its plugin on the
 * PYTHONPATH.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { environmentPython, provideEnvironment } from './python-environment.mjs';

/** @typedef {import('./python-environment.mjs').PythonEnvironment} PythonEnvironment */
/** @typedef {import('./python-environment.mjs').ProvideOptions} ProvideOptions */

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
 * @returns {string | undefined} the Python of LocalStack's environment, or `undefined` if set-up has not made it
 */
export function localstackPython() {
  return environmentPython(localstack);
}

/**
 * @returns {string | undefined} a Python with all that LocalStack's has, and pytest, ruff and mypy; `undefined` without
 *   `setup --with-tests`
 */
export function localstackTestPython() {
  return environmentPython(tests);
}

/** @returns {string} such as `4.14.0` */
export function localstackVersion() {
  return /^localstack-core==(\S+)/m.exec(readFileSync(LOCK, 'utf8'))?.[1] ?? '';
}

/**
 * @param {ProvideOptions} [options]
 * @returns {Promise<string>} what `localstackPython` gives from now on
 * @throws {NoEnvironment | SetupFailure}
 */
export function provideLocalstack(options) {
  return provideEnvironment(localstack, options);
}

/**
 * @param {ProvideOptions} [options]
 * @returns {Promise<string>} what `localstackTestPython` gives from now on
 * @throws {NoEnvironment | SetupFailure}
 */
export function provideLocalstackTests(options) {
  return provideEnvironment(tests, options);
}
