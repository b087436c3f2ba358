/**
 * The programs that tests read our files and documents with, in a virtual environment of their own: Keras, ONNX Runtime,
 * safetensors, TensorBoard, Schemathesis. `setup/readers.in` names them.
 */
import { fileURLToPath } from 'node:url';
import { environmentPython, provideEnvironment } from './python-environment.mjs';

/** @type {import('./python-environment.mjs').PythonEnvironment} */
const readers = {
  title: 'the readers that tests use',
  name: 'readers',
  lock: fileURLToPath(new URL('readers.lock', import.meta.url)),
  bytes: 1200e6,
};

/**
 * @returns {string | undefined} a Python with `setup/readers.in`; `undefined` without `setup --with-tests`. Keras wants
 *   `KERAS_BACKEND=numpy` in its environment: there is no TensorFlow
 */
export function readersPython() {
  return environmentPython(readers);
}

/**
 * @param {import('./python-environment.mjs').ProvideOptions} [options]
 * @returns {Promise<string>} what `readersPython` gives from now on
 * @throws {NoEnvironment | SetupFailure}
 */
export function provideReaders(options) {
  return provideEnvironment(readers, options);
}
