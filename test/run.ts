/**
 * `npm test`: runs `npm run check`'s checks, the Python plugin's checks and all tests, and prints what failed and the counts. The
 * LocalStack tests and the README's commands wait for half of their time, so they run beside all others, and are shown at the end.
 * With arguments it runs vitest only: `npm test -- models --project 'unit*'`.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { localstackTestPython } from '#setup/localstack.mjs';
import { readVitestReport } from './vitest-report.ts';

const root = path.resolve(import.meta.dirname, '..');
const bin = (name: string) => path.join(root, 'node_modules', '.bin', name);
const total = { passed: 0, skipped: 0 };
/** What failed, by name, for the end of the output: what each printed is far above. */
const failures: string[] = [];

function run(title: string, command: string, args: readonly string[], cwd = root): Promise<number> {
  console.log(`\n── ${title}`);
  return start(command, args, { cwd, output: 'inherit' });
}

/** @param output a file descriptor, or this process's output */
function start(
  command: string,
  args: readonly string[],
  { cwd = root, output }: { readonly cwd?: string; readonly output: number | 'inherit' },
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', output, output] });
    child.on('error', reject);
    child.on('exit', (code) => resolve(code ?? 1));
  });
}

/** Runs a check, which counts as one test. */
async function check(title: string, command: string, args: readonly string[], cwd?: string): Promise<void> {
  const code = await run(title, command, args, cwd);
  if (code === 0) total.passed += 1;
  else failures.push(title);
}

interface VitestRun {
  readonly project: string;
  readonly code: number;
  /** The file of its JSON reporter. */
  readonly report: string;
}

const vitestOf = (project: string, report: string) => [
  'run',
  '--project',
  project,
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${report}`,
];

async function unitTests(folder: string): Promise<VitestRun> {
  const report = path.join(folder, 'unit.json');
  return { project: 'unit', code: await run('tests: unit', bin('vitest'), vitestOf('unit*', report)), report };
}

/** Starts the tests of a project. @returns what shows their output once they have ended, and gives their result */
function testsBeside(project: string, folder: string): () => Promise<VitestRun> {
  console.log(`\n── tests: ${project} (beside all others; shown at the end)`);
  const [report, log] = [path.join(folder, `${project}.json`), path.join(folder, `${project}.log`)];
  const output = openSync(log, 'w');
  const ended = start(bin('vitest'), vitestOf(project, report), { output }).finally(() => closeSync(output));
  ended.catch(() => {}); // It is awaited below, perhaps later.
  return async () => {
    console.log(`\n── tests: ${project}`);
    const code = await ended;
    process.stdout.write(await readFile(log));
    return { project, code, report };
  };
}

async function count({ project, code, report }: VitestRun): Promise<void> {
  const { passed, skipped, failed } = await readVitestReport(report);
  total.passed += passed;
  total.skipped += skipped;
  failures.push(...failed);
  // An error outside of every test fails the run alone.
  if (code !== 0 && failed.length === 0) failures.push(`tests: ${project}`);
}

async function pytest(python: string, folder: string): Promise<void> {
  const plugin = path.join(root, 'local', 'plugin');
  await check('lint of the LocalStack plugin', python, ['-m', 'ruff', 'check', '.'], plugin);
  await check('format of the LocalStack plugin', python, ['-m', 'ruff', 'format', '--check', '.'], plugin);
  await check('types of the LocalStack plugin', python, ['-m', 'mypy'], plugin);
  const report = path.join(folder, 'pytest.xml');
  const code = await run('tests: LocalStack plugin', python, ['-m', 'pytest', '-q', `--junitxml=${report}`], plugin);
  const results = await readFile(report, 'utf8').catch(() => '');
  const counts = /<testsuite [^>]*?errors="(\d+)" failures="(\d+)" skipped="(\d+)" tests="(\d+)"/.exec(results);
  const [errors = 0, failed = 0, skipped = 0, tests = 0] = (counts ?? []).slice(1).map(Number);
  total.skipped += skipped;
  total.passed += tests - errors - failed - skipped;
  const cases = results.matchAll(/<testcase classname="([^"]*)" name="([^"]*)"[^>]*><(?:error|failure) /g);
  const names = [...cases].map(([, file, test]) => `local/plugin: ${file}: ${test}`);
  // A run that ends before its tests has no results, but is a failure.
  failures.push(...(code !== 0 && names.length === 0 ? ['tests: LocalStack plugin'] : names));
}

const vitestArguments = process.argv.slice(2);
if (vitestArguments.length > 0) {
  process.exitCode = await run('vitest', bin('vitest'), ['run', ...vitestArguments]);
} else {
  const folder = await mkdtemp(path.join(tmpdir(), 'cifar10-test-'));
  try {
    const python = localstackTestPython();
    const beside = python ? ['localstack', 'readme'].map((project) => testsBeside(project, folder)) : [];
    // The scripts of `npm run check`.
    for (const name of ['types', 'lint', 'imports', 'unused']) await check(name, 'npm', ['run', '--silent', name]);
    if (python) await pytest(python, folder);
    await count(await unitTests(folder));
    for (const ended of beside) await count(await ended());
    if (!python) console.log('\nThe LocalStack tests were skipped: LocalStack needs Python 3.12 or 3.13.');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  if (failures.length > 0) console.log(['\nFailed:', ...failures].join('\n  '));
  console.log(`\n${total.passed} passed, ${failures.length} failed, ${total.skipped} skipped`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}
