/**
 * The Python packages with which tests read our files and documents, in a virtual environment: Keras, ONNX Runtime,
 * safetensors, TensorBoard, Schemathesis. `setup/readers.in` lists them.
 */
import { fileURLToPath } from 'node:url';
import { environmentPython, installEnvironment } from './python-environment.mjs';

/** @type {import('./python-environment.mjs').PythonEnvironment} */
const readers = {
  title: 'the readers for tests',
  name: 'readers',
  lock: fileURLToPath(new URL('readers.lock', import.meta.url)),
  bytes: 1200e6,
};

/**
 * @returns {string | undefined} a Python with `setup/readers.in`; `undefined` without `setup --with-tests`. Keras needs
 *   `KERAS_BACKEND=numpy` in its environment, since there is no TensorFlow
 */
export function readersPython() {
  return environmentPython(readers);
}

/**
 * @param {import('./python-environment.mjs').InstallOptions} [options]
 * @returns {Promise<string>} what `readersPython` returns from now on
 * @throws {EnvironmentUnavailable | SetupFailure}
 */
export function installReaders(options) {
  return installEnvironment(readers, options);
}
