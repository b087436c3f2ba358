import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UserError } from '#errors/user-error.ts';
import { startLocalStack, stopLocalStack } from '#local/localstack.ts';
import { cachedFolder } from '#setup/cache.mjs';
import { localstackTestPython } from '#setup/localstack.mjs';
import { run } from '#setup/processes.mjs';
import { findPython } from '#setup/python.mjs';
import { type Exceptions, notApplicable, refusedOnPurpose } from './exceptions.ts';

/** The source distribution of moto, which contains its tests. */
const VERSION = '5.2.5';
const SHA256 = '391857257d5dac144334013c2c10e599def5f0562f553e979160140bd7bd9cf6';

/** Runs `busybox` as commands of this machine. */
const images = { 'busybox*': { folder: '/', entrypoint: [], environment: { PATH: process.env.PATH ?? '' } } };

interface Outcome {
  /** Such as `test_batch/test_batch.py::test_batch_regions[us-west-2]`. */
  readonly test: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** The last line of the failure. */
  readonly detail: string;
}

/**
 * Runs moto's tests of Batch with boto3 against the local cloud, and prints how many pass, do not apply, are refused on
 * purpose, and fail.
 *
 * @throws {UserError} a test fails that is not in `exceptions.ts`, or a name there is of no test
 */
export async function benchmarkMoto(): Promise<void> {
  const print = (line: string) => void process.stdout.write(`${line}\n`);
  const python = localstackTestPython();
  if (python === undefined) throw new UserError('moto’s tests need pytest: run "npm run setup -- --with-tests".');
  const source = await motoSource();
  const folder = await mkdtemp(join(tmpdir(), 'cifar10-moto-'));
  try {
    const local = join(folder, 'local');
    // moto allows timeouts that are shorter than AWS's.
    const options = { folder: local, port: 'any', bound: true, images, batch: { minimumTimeoutSeconds: 1 } } as const;
    const { endpoint } = await startLocalStack(options);
    try {
      report(await runTests(python, source, endpoint, join(folder, 'outcomes')), print);
    } finally {
      await stopLocalStack(local);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** moto's source in the cache. */
async function motoSource(): Promise<string> {
  const python = await findPython();
  if (!python) throw new UserError('Python 3.12 or 3.13 is needed, and no working one was found. Install one.');
  const folder = await cachedFolder(`bench-moto-${VERSION}`, async (part) => {
    const requirement = join(part, 'requirements.txt');
    await writeFile(requirement, `moto==${VERSION} --hash=sha256:${SHA256}\n`);
    const options = ['--quiet', '--no-deps', '--no-binary', 'moto', '--require-hashes', '--dest', part];
    try {
      await run(python.executable, ['-m', 'pip', 'download', ...options, '-r', requirement]);
      await run('tar', ['-xzf', join(part, `moto-${VERSION}.tar.gz`), '-C', part]);
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      throw new UserError(`moto ${VERSION} cannot be downloaded: ${problem}`, { cause: error });
    }
  });
  return join(folder, `moto-${VERSION}`);
}

async function runTests(python: string, source: string, endpoint: string, file: string): Promise<readonly Outcome[]> {
  const folders = ['tests/test_batch', 'tests/test_batch_simple'];
  const plugins = ['-p', 'moto_endpoint', '-p', 'no:cacheprovider'];
  const env = {
    PATH: process.env.PATH,
    PYTHONPATH: [source, import.meta.dirname].join(':'),
    PYTHONDONTWRITEBYTECODE: '1',
    MOTO_OUTCOMES: file,
    TEST_SERVER_MODE: 'true',
    AWS_ENDPOINT_URL: endpoint,
    // LocalStack takes the account from the key.
    AWS_ACCESS_KEY_ID: '123456789012',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_DEFAULT_REGION: 'us-east-1',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  };
  const args = ['-m', 'pytest', '-q', '--tb=line', '--continue-on-collection-errors', ...plugins, ...folders];
  await run(python, args, { cwd: source, env });
  const lines = (await readFile(file, 'utf8')).trim().split('\n');
  return lines.map((line) => {
    const outcome: Outcome = JSON.parse(line);
    return { ...outcome, test: outcome.test.replace('tests/', '') };
  });
}

function report(outcomes: readonly Outcome[], print: (line: string) => void): void {
  const passed = outcomes.filter(({ outcome }) => outcome === 'passed');
  const others = outcomes.filter(({ outcome }) => outcome !== 'passed');
  const listed = [...notApplicable, ...refusedOnPurpose];
  const failed = others.filter(({ test }) => !listed.some((exceptions) => matches(exceptions, test)));
  const show = (title: string, lists: readonly Exceptions[]): number => {
    let count = 0;
    for (const exceptions of lists) {
      const tests = others.filter(({ test }) => matches(exceptions, test));
      count += tests.length;
      print(`${title} (${tests.length}): ${exceptions.why}`);
    }
    return count;
  };
  const inapplicable = show('not applicable', notApplicable);
  const refused = show('refused on purpose', refusedOnPurpose);
  for (const { test, detail } of failed) print(`FAILED ${test}: ${detail}`);
  const idle = passed.filter(({ test }) => listed.some((exceptions) => matches(exceptions, test)));
  for (const { test } of idle) print(`listed as an exception, but passes: ${test}`);
  print(
    `moto ${VERSION}: ${outcomes.length} tests: ${passed.length} passed, ${inapplicable} not applicable, ` +
      `${refused} refused on purpose, ${failed.length} failed`,
  );
  const names = listed.flatMap(({ tests }) => tests);
  const unknown = names.filter((name) => !outcomes.some(({ test }) => isTest(name, test)));
  if (unknown.length > 0) throw new UserError(`bench/moto/exceptions.ts names no test of moto: ${unknown.join(', ')}.`);
  if (failed.length > 0) throw new UserError(`${failed.length} of moto’s tests of Batch fail.`);
}

function matches({ tests }: Exceptions, test: string): boolean {
  return tests.some((name) => isTest(name, test));
}

/** @param name of a test, without parameters */
function isTest(name: string, test: string): boolean {
  return test === name || test.startsWith(`${name}[`);
}
