/** TensorBoard in a virtual environment of its own, which the first `./cifar10 tensorboard` installs: without the other readers. */
import { fileURLToPath } from 'node:url';
import { installEnvironment } from './python-environment.mjs';
import { readersPython } from './readers.mjs';

/** @type {import('./python-environment.mjs').PythonEnvironment} */
const tensorboard = {
  title: 'TensorBoard',
  name: 'tensorboard',
  lock: fileURLToPath(new URL('tensorboard.lock', import.meta.url)),
  bytes: 300e6,
};

/**
 * @param {import('./python-environment.mjs').InstallOptions} [options]
 * @returns {Promise<string>} a Python that has TensorBoard; it is installed unless it was before, here or for the tests
 * @throws {EnvironmentUnavailable | SetupFailure}
 */
export async function tensorboardPython(options) {
  return readersPython() ?? (await installEnvironment(tensorboard, options));
}
