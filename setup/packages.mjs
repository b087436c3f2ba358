/** The npm packages: `node_modules`, as in `package-lock.json`. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isDiskFull, isUnreachable, SetupFailure } from './failure.mjs';
import { npmCommand, npmEnvironment } from './npm.mjs';
import { ProgramFailed, run } from './processes.mjs';
import { describeProxy } from './proxy.mjs';

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

/** npm's record of what it installed. */
const RECORD = '.package-lock.json';

/** In `node_modules`, for new packages and for those that they replace: on the same disk, and ignored by every tool. */
const STAGING = '.cifar10-setup';

/**
 * Compares the lockfile with npm's record of what it installed. npm writes that last, so an interrupted installation does
 * not count.
 *
 * @param {string} root of the project
 * @param {{ production: boolean }} options `production`: without development packages
 * @returns {boolean}
 */
export function packagesAreInstalled(root, { production }) {
  return missingPackage(root, production) === undefined;
}

/**
 * @param {string} root
 * @param {boolean} production
 * @returns {string | undefined} the path of a package that is not there as wanted
 */
function missingPackage(root, production) {
  const installed = readLockfile(join(root, 'node_modules', RECORD));
  const isThere = (/** @type {[string, LockedPackage]} */ [path, wanted]) => {
    const found = installed?.[path];
    if (found === undefined) return wanted.optional === true || wanted.devOptional === true;
    return found.version === wanted.version && found.integrity === wanted.integrity && existsSync(join(root, path));
  };
  if (installed === undefined) return 'node_modules';
  return Object.entries(wantedPackages(root, production)).find((each) => !isThere(each))?.[0];
}

/**
 * Installs the packages beside those that are there: a program of this clone may be running with them.
 *
 * @param {string} root of the project
 * @param {{ production: boolean, signal?: AbortSignal | undefined, onProgress?: (text: string) => void }} options
 * @returns {Promise<string>} a folder whose `node_modules` has them, for `replacePackages`
 * @throws {SetupFailure}
 */
export async function stagePackages(root, { production, signal, onProgress }) {
  const wanted = Object.entries(wantedPackages(root, production)).filter(
    ([path, { os, cpu }]) =>
      path.lastIndexOf('node_modules') === 0 &&
      (os?.includes(process.platform) ?? true) &&
      (cpu?.includes(process.arch) ?? true),
  );
  const staged = join(root, 'node_modules', STAGING);
  await rm(staged, { recursive: true, force: true });
  await mkdir(staged, { recursive: true });
  const watch = setInterval(() => {
    const there = countPackages(join(staged, 'node_modules'));
    if (there > 0) onProgress?.(`${Math.min(there, wanted.length)} of ${wanted.length} packages`);
  }, 250);
  const [program, ...args] = npmCommand();
  try {
    for (const name of ['package.json', 'package-lock.json']) await copyFile(join(root, name), join(staged, name));
    // Packages in npm's cache are not requested again: the lockfile's hashes verify them.
    const options = ['--ignore-scripts', '--prefer-offline', '--no-progress', '--no-audit', '--no-fund'];
    if (production) options.push('--omit=dev');
    await run(program, [...args, 'ci', `--prefix=${staged}`, ...options], {
      cwd: root,
      env: await npmEnvironment(),
      signal,
    });
    const missing = missingPackage(staged, production);
    if (missing !== undefined) {
      throw new SetupFailure(
        `npm did not install ${missing} as package-lock.json has it: run \`npm ci --ignore-scripts\` to see why, then run \`npm run setup\` again.`,
      );
    }
    return staged;
  } catch (error) {
    await rm(staged, { recursive: true, force: true });
    signal?.throwIfAborted();
    throw explainNpm(error);
  } finally {
    clearInterval(watch);
  }
}

/**
 * Puts staged packages into their place. A program that is running finds every package all the time: those that stay the same
 * are not touched, and another is replaced in an instant.
 *
 * @param {string} root of the project
 * @param {string} staged
 */
export async function replacePackages(root, staged) {
  const [place, fresh, old] = [join(root, 'node_modules'), join(staged, 'node_modules'), join(staged, 'old')];
  const [before, after] = [place, fresh].map((folder) => readLockfile(join(folder, RECORD)) ?? {});
  const names = new Set([...entries(place), ...entries(fresh)]);
  // Until the new record is there, an interrupted replacement counts as not installed.
  rmSync(join(place, RECORD), { force: true });
  for (const name of names) {
    if (isSame(name, before, after) && existsSync(join(place, name))) continue;
    for (const folder of [place, old]) mkdirSync(dirname(join(folder, name)), { recursive: true });
    // Nothing comes between the two.
    if (existsSync(join(place, name))) renameSync(join(place, name), join(old, name));
    if (existsSync(join(fresh, name))) renameSync(join(fresh, name), join(place, name));
  }
  renameSync(join(fresh, RECORD), join(place, RECORD));
  await rm(staged, { recursive: true, force: true });
}

/**
 * @param {string} folder `node_modules`
 * @returns {string[]} packages, such as `hono` and `@types/node`, and whatever else there is
 */
function entries(folder) {
  return readdirSync(folder)
    .filter((name) => name !== STAGING && name !== RECORD)
    .flatMap((name) =>
      name.startsWith('@') ? readdirSync(join(folder, name)).map((each) => `${name}/${each}`) : name,
    );
}

/**
 * @param {string} name of a package
 * @param {Record<string, LockedPackage>} before npm's record of what is there
 * @param {Record<string, LockedPackage>} after its record of what is staged
 * @returns {boolean} whether the package, and those within it, are equal. Set-up itself writes into TensorFlow's
 */
function isSame(name, before, after) {
  if (name.startsWith('@tensorflow/tfjs-node')) return false;
  const [one, other] = [before, after].map((record) =>
    Object.entries(record)
      .filter(([path]) => `${path}/`.startsWith(`node_modules/${name}/`))
      .map(([path, { version, integrity }]) => `${path} ${version} ${integrity}`)
      .join('\n'),
  );
  return one !== '' && one === other;
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

/**
 * @param {unknown} error
 * @returns {unknown}
 */
function explainNpm(error) {
  if (/** @type {NodeJS.ErrnoException} */ (error).syscall === `spawn ${npmCommand()[0]}`) {
    return new SetupFailure(
      'npm is not on the PATH: install it (it comes with Node), then run the same command again.',
    );
  }
  if (!(error instanceof ProgramFailed)) return error;
  if (isUnreachable(error)) {
    return new SetupFailure(
      `The npm packages could not be downloaded because the npm registry did not answer: check the network${describeProxy()} and \`npm config get registry\`, then run \`npm run setup\` again.`,
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
    `The npm packages could not be installed (${error.message}): fix that${describeProxy().replace(',', ', or check')}, then run \`npm run setup\` again.`,
    { cause: error },
  );
}
