/** `npm run setup -- --check`: reports what is installed in this clone and in the cache. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheRoot } from './cache.mjs';
import { folderBytes, freeBytes } from './disk.mjs';
import { localstackVersion } from './localstack.mjs';
import { describePackages } from './packages.mjs';
import { megabytes } from './progress.mjs';
import { projectRoot, setupState } from './state.mjs';
import { takeInventory } from './steps.mjs';
import { librariesFolder, tensorflowTarget } from './tensorflow.mjs';
import { TENSORFLOW_VERSION } from './wheels.mjs';

/**
 * Prints the report.
 *
 * @param {{ gpu: boolean, root?: string }} options
 * @returns {Promise<number>} exit code: 0 if nothing is missing
 */
export async function check({ gpu, root = projectRoot }) {
  const { packages, tensorflow, localstack, tests, readers } = takeInventory({ root, gpu });
  const state = setupState(root);
  /** @type {string[]} */
  const lines = [];
  /**
   * @param {string} what
   * @param {string} how
   */
  const line = (what, how) => lines.push(`${what.padEnd(14)}${how}`);
  line('Node', process.versions.node);
  line(
    'npm packages',
    packages ? `${describePackages(root)}, as in package-lock.json` : 'missing, or not as in package-lock.json',
  );
  line('TensorFlow', describeTensorflow(tensorflowTarget(root, { gpu }), tensorflow, state?.tensorflow.reason));
  line(
    'LocalStack',
    localstack === undefined ? missing(state?.localstack.reason) : `${localstackVersion()}, ${localstack}`,
  );
  line('test tools', tests ?? 'missing (`npm test` and `npm run setup -- --with-tests` install them)');
  line('readers', readers ?? 'missing (installed with the test tools)');
  const cache = cacheRoot();
  line('cache', `${cache}, ${megabytes(await freeBytes(cache))} free on its disk`);
  for (const name of (await readdir(cache).catch(() => [])).sort()) {
    if (!name.endsWith('.lock'))
      lines.push(`${' '.repeat(14)}${megabytes(await folderBytes(join(cache, name))).padStart(8)}  ${name}`);
  }
  const isComplete = packages && tensorflow === 'native' && (gpu || localstack !== undefined);
  if (!isComplete) lines.push('`npm run setup` installs what is missing.');
  // One write, so that a reader of the first lines (`| head`) does not break the pipe.
  console.log(lines.join('\n'));
  return isComplete ? 0 : 1;
}

/**
 * @param {import('./tensorflow.mjs').Target} target
 * @param {'native' | 'packaged' | undefined} found
 * @param {string | undefined} reason
 */
function describeTensorflow(target, found, reason) {
  if (found === 'native') return `${TENSORFLOW_VERSION}, native, ${librariesFolder(target)}`;
  if (found === 'packaged') return `2.9, from the installer of @tensorflow/tfjs-node. ${reason ?? ''}`;
  return missing(reason);
}

/** @param {string | undefined} reason */
function missing(reason) {
  return reason === undefined ? 'missing' : `missing. ${reason}`;
}
