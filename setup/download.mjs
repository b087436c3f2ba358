/** Downloads a pinned wheel from the Python index that this machine is configured for, and verifies it. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { cachedFolder } from './cache.mjs';
import { isDiskFull, isUnreachable, SetupFailure } from './failure.mjs';
import { ProgramFailed, run } from './processes.mjs';
import { describeProxy, ProxyFailure, proxyFetch } from './proxy.mjs';
import { findPip, pipEnvironment } from './python.mjs';
import { configuredIndex, findInIndex } from './python-index.mjs';
import { platformsOf } from './wheels.mjs';

/** @typedef {import('./wheels.mjs').Wheel} Wheel */
/** @typedef {import('./cache.mjs').LockOptions & { onBytes?: ((bytes: number) => void) | undefined }} FetchOptions */

/** The download does not match its pinned hash. There is no fallback: the user must look into it. */
export class CorruptDownload extends SetupFailure {}

/** Something is unavailable; the caller may fall back to an alternative. */
export class Unavailable extends SetupFailure {}

/**
 * @param {Wheel} wheel
 * @param {FetchOptions} [options] `onBytes` is called with the number of bytes so far
 * @returns {Promise<string>} the wheel's file, the only one in a cached folder
 * @throws {CorruptDownload | Unavailable}
 */
export async function fetchWheel(wheel, options = {}) {
  const folder = await cachedFolder(wheelFolder(wheel), (part) => download(wheel, part, options), options);
  return join(folder, wheel.file);
}

/**
 * @param {Wheel} wheel
 * @returns {string} the name of its cached folder
 */
export function wheelFolder(wheel) {
  return `wheel-${wheel.project}-${wheel.sha256.slice(0, 16)}`;
}

/**
 * @param {Wheel} wheel
 * @param {string} folder
 * @param {FetchOptions} options
 */
async function download(wheel, folder, options) {
  const pip = await findPip();
  const index = configuredIndex();
  if (pip !== undefined) await downloadWithPip(pip, wheel, folder, options);
  else if (index !== undefined) await downloadFromIndex(index, wheel, folder, options);
  else {
    throw new Unavailable(
      `${wheel.file} cannot be downloaded because there is no pip: install Python's pip or uv, or set PIP_INDEX_URL, then run \`npm run setup\` again.`,
    );
  }
  await verify(wheel, join(folder, wheel.file), options.signal);
}

/**
 * @param {string[]} pip
 * @param {Wheel} wheel
 * @param {string} folder
 * @param {FetchOptions} options
 */
async function downloadWithPip([program = '', ...args], wheel, folder, { signal, onBytes }) {
  // pip downloads to this temporary folder first, which shows its progress and is deleted with the wheel's folder.
  const temporary = join(folder, 'tmp');
  await mkdir(temporary);
  const requirements = join(temporary, 'requirements.txt');
  await writeFile(requirements, `${wheel.project}==${wheel.version} --hash=sha256:${wheel.sha256}\n`);
  const watch = setInterval(() => {
    largestFile(temporary).then((bytes) => onBytes?.(bytes));
  }, 200);
  try {
    await run(
      program,
      [
        ...args,
        'download',
        ...['--no-deps', '--no-cache-dir', '--disable-pip-version-check', '--no-input', '--retries=2'],
        ...['--only-binary=:all:', '--implementation=cp', '--python-version=3.11', '--abi=cp311'],
        ...platformsOf(wheel).map((platform) => `--platform=${platform}`),
        ...['--require-hashes', `--dest=${folder}`, '-r', requirements],
      ],
      { signal, env: { ...pipEnvironment(), TMPDIR: temporary } },
    );
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof ProgramFailed) || isDiskFull(error)) throw error;
    if (/DO NOT MATCH THE HASHES/.test(error.output)) throw corrupt(wheel, error);
    if (isUnreachable(error)) throw unreachable(wheel, error);
    if (/No matching distribution|Could not find a version/.test(error.output)) throw missing(wheel, error);
    throw new Unavailable(
      `pip cannot download ${wheel.file} (${error.message}): fix that, then run \`npm run setup\` again.`,
      {
        cause: error,
      },
    );
  } finally {
    clearInterval(watch);
    await rm(temporary, { recursive: true, force: true });
  }
}

/**
 * @param {URL} index
 * @param {Wheel} wheel
 * @param {string} folder
 * @param {FetchOptions} options
 */
async function downloadFromIndex(index, wheel, folder, { signal, onBytes }) {
  const target = join(folder, wheel.file);
  try {
    const found = await findInIndex(index, wheel, signal);
    if (found === undefined) throw missing(wheel);
    const response = await proxyFetch(found.url, { headers: found.headers, signal: signal ?? null });
    if (!response.ok || response.body === null) throw missing(wheel, new Error(`HTTP ${response.status}`));
    let bytes = 0;
    await pipeline(
      response.body,
      async function* (chunks) {
        for await (const chunk of chunks) {
          bytes += chunk.length;
          onBytes?.(bytes);
          yield chunk;
        }
      },
      createWriteStream(`${target}.part`),
      { signal },
    );
    await rename(`${target}.part`, target);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof ProxyFailure) {
      throw new Unavailable(
        `${wheel.file} could not be downloaded. ${error.message} Then run \`npm run setup\` again.`,
        {
          cause: error,
        },
      );
    }
    if (isUnreachable(error)) throw unreachable(wheel, error);
    throw error;
  }
}

/**
 * @param {Wheel} wheel
 * @param {string} file
 * @param {AbortSignal | undefined} signal
 */
async function verify(wheel, file, signal) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash, { signal });
  if (hash.digest('hex') !== wheel.sha256) throw corrupt(wheel);
}

/** @param {string} folder */
async function largestFile(folder) {
  let largest = 0;
  for (const name of await readdir(folder, { recursive: true }).catch(() => [])) {
    const found = await stat(join(folder, name)).catch(() => undefined);
    if (found?.isFile()) largest = Math.max(largest, found.size);
  }
  return largest;
}

/**
 * @param {Wheel} wheel
 * @param {unknown} [cause]
 */
function corrupt(wheel, cause) {
  return new CorruptDownload(
    `The download of ${wheel.file} is corrupt, its sha256 is not ${wheel.sha256.slice(0, 16)}…: run \`npm run setup\` again, and if it fails again, check the Python index that pip is configured for.`,
    { cause },
  );
}

/**
 * @param {Wheel} wheel
 * @param {unknown} [cause]
 */
function missing(wheel, cause) {
  return new Unavailable(
    `The Python index has no ${wheel.file}: check the index that pip is configured for, then run \`npm run setup\` again.`,
    { cause },
  );
}

/**
 * @param {Wheel} wheel
 * @param {unknown} cause
 */
function unreachable(wheel, cause) {
  return new Unavailable(
    `${wheel.file} could not be downloaded because the Python index did not answer: check the network${describeProxy()} and the index that pip is configured for, then run \`npm run setup\` again.`,
    { cause },
  );
}
