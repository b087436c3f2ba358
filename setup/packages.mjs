/** The npm packages: `node_modules`, as in `package-lock.json`. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isDiskFull, isUnreachable, SetupFailure } from './failure.mjs';
import { ProgramFailed, run } from './processes.mjs';

/**
 * @typedef {object} LockedPackage
 * @property {string} [version]
 * @property {string} [integrity]
 * @property {boolean} [optional]
 * @property {boolean} [dev]
 * @property {boolean} [devOptional]
 * @property {boolean} [link]
 * @property {string[]} [os]
 * @property {string[]} [cpu]
 */

/** @typedef {{ packages?: Record<string, LockedPackage> }} Lockfile */

/**
 * Compares the lockfile with npm's record of what it installed. npm writes that last, so an interrupted installation does
 * not count.
 *
 * @param {string} root of the project
 * @param {{ production: boolean }} options `production`: without development packages
 * @returns {boolean}
 */
export function packagesAreInstalled(root, { production }) {
  const installed = readLockfile(join(root, 'node_modules', '.package-lock.json'));
  if (installed === undefined) return false;
  return Object.entries(wantedPackages(root, production)).every(([path, wanted]) => {
    const found = installed[path];
    if (found === undefined) return wanted.optional === true || wanted.devOptional === true;
    return found.version === wanted.version && found.integrity === wanted.integrity && existsSync(join(root, path));
  });
}

/**
 * @param {string} root of the project
 * @param {{ production: boolean, signal?: AbortSignal | undefined, onProgress?: (text: string) => void }} options
 * @throws {SetupFailure}
 */
export async function installPackages(root, { production, signal, onProgress }) {
  const wanted = Object.entries(wantedPackages(root, production)).filter(
    ([path, { os, cpu }]) =>
      path.lastIndexOf('node_modules') === 0 &&
      (os?.includes(process.platform) ?? true) &&
      (cpu?.includes(process.arch) ?? true),
  );
  const watch = setInterval(() => {
    const there = countPackages(join(root, 'node_modules'));
    if (there > 0) onProgress?.(`${Math.min(there, wanted.length)} of ${wanted.length} packages`);
  }, 250);
  const [program, ...args] = npmCommand();
  try {
    // Packages in npm's cache are not requested again: the lockfile's hashes verify them.
    const options = ['--no-progress', '--prefer-offline', ...(production ? ['--omit=dev'] : [])];
    await run(program, [...args, 'ci', ...options], { cwd: root, signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw explainNpm(error);
  } finally {
    clearInterval(watch);
  }
}

/**
 * @param {string} root
 * @returns {string} for a report
 */
export function describePackages(root) {
  return `${countPackages(join(root, 'node_modules'))} packages`;
}

/**
 * @param {string} root
 * @param {boolean} production
 * @returns {Record<string, LockedPackage>} by their path in the project
 */
function wantedPackages(root, production) {
  const locked = readLockfile(join(root, 'package-lock.json'));
  if (locked === undefined) {
    throw new SetupFailure(
      `${join(root, 'package-lock.json')} is missing or not valid JSON: restore it (\`git checkout package-lock.json\`), then run \`npm run setup\` again.`,
    );
  }
  return Object.fromEntries(
    Object.entries(locked).filter(([path, { dev, link }]) => path !== '' && !link && !(production && dev)),
  );
}

/** @param {string} file */
function readLockfile(file) {
  try {
    return /** @type {Lockfile} */ (JSON.parse(readFileSync(file, 'utf8'))).packages;
  } catch {
    return undefined;
  }
}

/** @param {string} folder */
function countPackages(folder) {
  if (!existsSync(folder)) return 0;
  return readdirSync(folder)
    .filter((name) => !name.startsWith('.'))
    .reduce((count, name) => count + (name.startsWith('@') ? readdirSync(join(folder, name)).length : 1), 0);
}

/** @returns {[string, ...string[]]} the npm that runs this program, else the one of this Node, else the one on the PATH */
function npmCommand() {
  const running = process.env.npm_execpath;
  if (running !== undefined && basename(running) === 'npm-cli.js') return [process.execPath, running];
  const beside = join(dirname(process.execPath), '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js');
  return existsSync(beside) ? [process.execPath, beside] : ['npm'];
}

/**
 * @param {unknown} error
 * @returns {unknown}
 */
function explainNpm(error) {
  if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') {
    return new SetupFailure(
      'npm is not on the PATH: install it (it comes with Node), then run the same command again.',
    );
  }
  if (!(error instanceof ProgramFailed)) return error;
  if (isUnreachable(error)) {
    return new SetupFailure(
      'The npm packages could not be downloaded because the npm registry did not answer: check the network and `npm config get registry`, then run `npm run setup` again.',
      { cause: error },
    );
  }
  if (/EINTEGRITY/.test(error.output)) {
    return new SetupFailure(
      'An npm package is corrupt, its checksum is not that of package-lock.json: run `npm cache verify`, then `npm run setup` again.',
      { cause: error },
    );
  }
  if (/EUSAGE|not in sync|lock file/.test(error.output)) {
    return new SetupFailure(
      'package.json and package-lock.json do not agree: run `npm install`, then `npm run setup` again.',
      { cause: error },
    );
  }
  if (isDiskFull(error)) return error;
  return new SetupFailure(
    `The npm packages could not be installed (${error.message}): fix that, then run \`npm run setup\` again.`,
    { cause: error },
  );
}
