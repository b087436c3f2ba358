/** The steps of set-up, which install what is missing, in parallel where possible. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cacheRoot, withLock } from './cache.mjs';
import { assertFreeSpace, folderBytes } from './disk.mjs';
import { Unavailable } from './download.mjs';
import { explain } from './failure.mjs';
import {
  installLocalstack,
  installLocalstackTests,
  localstackPython,
  localstackTestPython,
  localstackVersion,
} from './localstack.mjs';
import { describePackages, packagesAreInstalled, replacePackages, stagePackages } from './packages.mjs';
import { createProgress, megabytes } from './progress.mjs';
import { EnvironmentUnavailable } from './python-environment.mjs';
import { installReaders, readersPython } from './readers.mjs';
import { projectRoot, setupState, writeSetupState } from './state.mjs';
import {
  assertCompiler,
  librariesFolder,
  provideAddon,
  provideByInstaller,
  provideLibraries,
  tensorflowState,
  tensorflowTarget,
} from './tensorflow.mjs';
import { TENSORFLOW_VERSION } from './wheels.mjs';

/** @typedef {import('./state.mjs').SetupState} SetupState */
/** @typedef {import('./progress.mjs').Progress} Progress */

/** Bytes of `node_modules`, rounded up. */
const PACKAGES_SIZE = 900e6;

/**
 * @typedef {object} SetupOptions
 * @property {string} [root] of the project
 * @property {boolean} [withTests] also install what tests need; then LocalStack is required
 * @property {boolean} [gpu] TensorFlow for CUDA, without LocalStack and development packages
 * @property {boolean} [retry] whether to retry what the last set-up had to leave out; default true
 * @property {Progress} [progress]
 * @property {AbortSignal | undefined} [signal]
 */

/**
 * @typedef {object} Inventory what is installed
 * @property {boolean} packages
 * @property {'native' | 'packaged' | undefined} tensorflow
 * @property {string | undefined} localstack its Python
 * @property {string | undefined} tests the Python of the plugin's tests
 * @property {string | undefined} readers the Python of the readers for tests
 */

/**
 * Installs what this clone needs. Takes milliseconds if nothing is missing.
 *
 * @param {SetupOptions} [options]
 * @returns {Promise<SetupState>}
 * @throws {SetupFailure}
 */
export async function setUp(options = {}) {
  const { root = projectRoot, withTests = false, gpu = false, retry = true } = options;
  const before = setupState(root);
  const there = takeInventory({ root, gpu });
  if (before !== undefined && isComplete(there, before, { withTests, gpu, retry })) return before;
  const progress = options.progress ?? createProgress(process.stderr);
  try {
    return await withLock(
      join(cacheRoot(), `clone-${createHash('sha256').update(root).digest('hex').slice(0, 16)}.lock`),
      () => runSteps({ root, withTests, gpu, progress, signal: options.signal }),
      {
        signal: options.signal,
        onWait: ({ pid }) => progress.say(`Waiting for process ${pid}, which is setting up this clone …`),
      },
    );
  } catch (error) {
    options.signal?.throwIfAborted();
    throw explain(error, 'the project', cacheRoot());
  }
}

/**
 * @param {{ root?: string, gpu?: boolean }} [options]
 * @returns {Inventory}
 */
export function takeInventory({ root = projectRoot, gpu = false } = {}) {
  const packages = packagesAreInstalled(root, { production: gpu });
  return {
    packages,
    tensorflow: packages ? tensorflowState(tensorflowTarget(root, { gpu })) : undefined,
    localstack: localstackPython(),
    tests: localstackTestPython(),
    readers: readersPython(),
  };
}

/**
 * @param {Inventory} there
 * @param {SetupState} before
 * @param {{ withTests: boolean, gpu: boolean, retry: boolean }} options
 */
function isComplete({ packages, tensorflow, localstack, tests, readers }, before, { withTests, gpu, retry }) {
  const hasTensorflow = tensorflow === 'native' || (!retry && before.tensorflow.reason !== undefined);
  const hasLocalstack = gpu || localstack !== undefined || (!retry && before.localstack.reason !== undefined);
  const hasTests = !withTests || (tests !== undefined && readers !== undefined);
  return packages && hasTensorflow && hasLocalstack && hasTests;
}

/**
 * @typedef {object} Context
 * @property {string} root
 * @property {boolean} gpu
 * @property {Progress} progress
 * @property {AbortSignal} signal
 */

/**
 * @param {{ root: string, withTests: boolean, gpu: boolean, progress: Progress, signal: AbortSignal | undefined }} options
 * @returns {Promise<SetupState>}
 */
async function runSteps({ root, withTests, gpu, progress, signal }) {
  // The first step that fails ends the others, and only its error is reported.
  const failed = new AbortController();
  /** @type {unknown[]} */
  const failures = [];
  const context = { root, gpu, progress, signal: signal ? AbortSignal.any([signal, failed.signal]) : failed.signal };
  /**
   * @template Result
   * @param {Promise<Result>} step
   */
  const watched = (step) =>
    step.catch((error) => {
      failures.push(error);
      failed.abort();
      throw error;
    });
  const packages = watched(stepPackages(context));
  const tensorflow = watched(stepTensorflow(context, packages));
  const localstack = watched(gpu ? skipLocalstack() : stepLocalstack(context, withTests));
  const readers = withTests ? watched(stepReaders(context)) : undefined;
  // All steps clean up before they end.
  const [place] = await Promise.allSettled([packages, tensorflow, localstack, readers]);
  // Last, with native TensorFlow in them: a program that is running may load it any time.
  if (place.status === 'fulfilled' && place.value !== root) await replacePackages(root, place.value);
  if (failures.length > 0) throw failures[0];
  const state = { at: new Date().toISOString(), tensorflow: await tensorflow, localstack: await localstack };
  await writeSetupState(state, root);
  return state;
}

/**
 * @param {Context} context
 * @returns {Promise<string>} the folder whose `node_modules` has them: the project's, or one to replace it with
 */
async function stepPackages({ root, gpu, progress, signal }) {
  const production = gpu;
  if (packagesAreInstalled(root, { production })) return root;
  await assertFreeSpace(root, PACKAGES_SIZE, 'The npm packages');
  let staged = '';
  await inStep(progress, 'npm packages', root, async ({ update }) => {
    staged = await stagePackages(root, { production, signal, onProgress: update });
    return describePackages(staged);
  });
  return staged;
}

/**
 * @param {Context} context
 * @param {Promise<string>} packages
 * @returns {Promise<SetupState['tensorflow']>}
 */
async function stepTensorflow({ root, gpu, progress, signal }, packages) {
  const target = tensorflowTarget(root, { gpu });
  try {
    // Checked before the long download.
    if (target.wheels !== undefined && !existsSync(librariesFolder(target))) await assertCompiler();
    const name = `TensorFlow ${TENSORFLOW_VERSION}${gpu ? ' for CUDA' : ''}`;
    await inStep(progress, name, cacheRoot(), async ({ update }) => {
      if (existsSync(librariesFolder(target))) return 'in the cache';
      const libraries = await provideLibraries(target, { signal, onProgress: update, onWait: reportWait(update) });
      return `${megabytes(await folderBytes(libraries))} in ${libraries}`;
    });
    const place = tensorflowTarget(await packages, { gpu });
    await inStep(progress, 'TensorFlow addon', cacheRoot(), async ({ update }) => {
      await provideAddon(place, { signal, onWait: reportWait(update) });
      return 'linked';
    });
    return { backend: 'native' };
  } catch (error) {
    if (gpu || !(error instanceof Unavailable)) throw error;
    return fallBack(tensorflowTarget(await packages, { gpu }), { progress, signal }, error.message);
  }
}

/**
 * @param {import('./tensorflow.mjs').Target} target
 * @param {Pick<Context, 'progress' | 'signal'>} context
 * @param {string} reason why native TensorFlow is unavailable
 * @returns {Promise<SetupState['tensorflow']>}
 */
async function fallBack(target, { progress, signal }, reason) {
  if (tensorflowState(target) === 'packaged') return { backend: 'packaged', reason };
  progress.say(`! ${reason}`);
  const step = progress.step('TensorFlow 2.9, from the installer of @tensorflow/tfjs-node');
  try {
    await provideByInstaller(target, { signal });
    step.done('installed; it is older, slower and not verified by hash');
    return { backend: 'packaged', reason };
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    step.warn('unavailable too. Training uses the WebAssembly backend, which is slow.');
    return { backend: 'wasm', reason };
  } finally {
    step.stop();
  }
}

/**
 * @param {Context} context
 * @param {boolean} withTests
 * @returns {Promise<SetupState['localstack']>}
 */
async function stepLocalstack({ progress, signal }, withTests) {
  try {
    await inStep(progress, `LocalStack ${localstackVersion()}`, cacheRoot(), async ({ update }) => {
      if (localstackPython() !== undefined) return 'in the cache';
      const python = await installLocalstack({ signal, onProgress: update, onWait: reportWait(update) });
      return `${megabytes(await folderBytes(dirname(dirname(python))))} in ${dirname(dirname(python))}`;
    });
    if (withTests) {
      await inStep(progress, 'pytest, ruff and mypy', cacheRoot(), async ({ update }) => {
        const python = await installLocalstackTests({ signal, onProgress: update, onWait: reportWait(update) });
        return `in ${dirname(dirname(python))}`;
      });
    }
    return { available: true };
  } catch (error) {
    if (withTests || !(error instanceof EnvironmentUnavailable)) throw error;
    progress.say(`! ${error.message} Training and \`./cifar10 serve\` work without LocalStack.`);
    return { available: false, reason: error.message };
  }
}

/** @param {Context} context */
async function stepReaders({ progress, signal }) {
  await inStep(progress, 'Keras, ONNX Runtime and other readers', cacheRoot(), async ({ update }) => {
    if (readersPython() !== undefined) return 'in the cache';
    const python = await installReaders({ signal, onProgress: update, onWait: reportWait(update) });
    return `${megabytes(await folderBytes(dirname(dirname(python))))} in ${dirname(dirname(python))}`;
  });
}

/** @returns {Promise<SetupState['localstack']>} */
async function skipLocalstack() {
  return { available: false, reason: 'Set-up with --gpu leaves LocalStack out.' };
}

/**
 * @param {Progress} progress
 * @param {string} name
 * @param {string} folder that the step writes to
 * @param {(step: import('./progress.mjs').Step) => Promise<string>} body returns the text of the finished step
 */
async function inStep(progress, name, folder, body) {
  const step = progress.step(name);
  try {
    step.done(await body(step));
  } catch (error) {
    throw explain(error, name, folder);
  } finally {
    step.stop();
  }
}

/** @param {(text: string) => void} update */
function reportWait(update) {
  return (/** @type {{ pid: number }} */ { pid }) => update(`waiting for process ${pid}, which is installing it`);
}
