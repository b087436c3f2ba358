/**
 * Runs set-up as a user does, in a project with two packages. A script replaces npm, and each test defines what else the
 * machine has.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { asBareUser } from '#environment/bare-user.fixture.ts';
import { serveIndex } from './index.fixture.ts';
import type { SetupState } from './state.mjs';
import { tensorflowWheels } from './wheels.mjs';

const lockedPackages = {
  'node_modules/@tensorflow/tfjs-node': { version: '4.22.0', integrity: 'sha512-a' },
  'node_modules/node-api-headers': { version: '1.9.0', integrity: 'sha512-b' },
};

/** A package that npm skips on this platform. */
const foreignPackages = {
  'node_modules/fsevents': { version: '2.3.3', integrity: 'sha512-c', optional: true, os: ['beos'] },
};

/** Does what `npm ci` does, or fails as `$FAKE_NPM` says. */
const npm = `
const fs = require('node:fs');
if (process.argv[2] === 'config') process.exit();
fs.appendFileSync(process.env.HOME + '/npm.log', process.argv.slice(2).join(' ') + '\\n');
process.chdir(process.argv.find((word) => word.startsWith('--prefix=')).slice('--prefix='.length));
const failures = {
  offline: 'npm error code ENOTFOUND\\nnpm error network request to the registry failed',
  full: 'npm error code ENOSPC\\nnpm error nospc no space left on device, write',
  corrupt: 'npm error code EINTEGRITY\\nnpm error sha512-x integrity checksum failed',
  other: 'npm error code E403\\nnpm error 403 Forbidden',
};
const failure = failures[process.env.FAKE_NPM];
if (failure) { console.error(failure); process.exit(1); }
fs.mkdirSync('node_modules/half', { recursive: true });
setTimeout(() => {
  fs.rmSync('node_modules', { recursive: true });
  for (const folder of ['@tensorflow/tfjs-node/binding', '@tensorflow/tfjs-node/scripts', 'node-api-headers']) {
    fs.mkdirSync('node_modules/' + folder, { recursive: true });
  }
  fs.writeFileSync('node_modules/@tensorflow/tfjs-node/package.json', '{}');
  fs.writeFileSync('node_modules/@tensorflow/tfjs-node/scripts/install.js', 'throw new Error("getaddrinfo ENOTFOUND")');
  fs.writeFileSync('node_modules/node-api-headers/package.json', '{"version":"1.9.0"}');
  fs.writeFileSync('node_modules/.package-lock.json', JSON.stringify({ packages: ${JSON.stringify(lockedPackages)} }));
}, Number(process.env.FAKE_NPM_MILLISECONDS ?? 0));
`;

let folder: string;
let project: string;
let environment: Record<string, string>;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'cifar10-setup-'));
  project = path.join(folder, 'project');
  await cp(import.meta.dirname, path.join(project, 'setup'), {
    recursive: true,
    filter: (source) => !source.endsWith('.ts'),
  });
  await mkdir(path.join(folder, 'bin'));
  await writeFile(path.join(folder, 'npm-cli.js'), npm);
  await writeFile(path.join(project, 'package.json'), '{"type":"module"}');
  await writeFile(
    path.join(project, 'package-lock.json'),
    JSON.stringify({ packages: { '': {}, ...lockedPackages, ...foreignPackages } }),
  );
  environment = {
    PATH: path.join(folder, 'bin'),
    HOME: folder,
    XDG_CACHE_HOME: path.join(folder, 'cache'),
    npm_execpath: path.join(folder, 'npm-cli.js'),
  };
});
afterEach(() => rm(folder, { recursive: true }));

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** @param onOutput is called with all output so far, and the process id */
function setup(args: string[] = [], onOutput?: (output: string, pid: number) => void): Promise<Ended> {
  return started(['setup/setup.mjs', ...args], project, onOutput);
}

function started(args: string[], cwd: string, onOutput?: (output: string, pid: number) => void): Promise<Ended> {
  const child = spawn(process.execPath, args, { cwd, env: environment });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
      onOutput?.(output, child.pid ?? 0);
    });
  }
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, output })));
}

async function program(name: string, script: string): Promise<void> {
  await writeFile(path.join(folder, 'bin', name), `#!/bin/sh\n${script}\n`);
  await chmod(path.join(folder, 'bin', name), 0o755);
}

const state = async (): Promise<SetupState> =>
  JSON.parse(await readFile(path.join(project, '.cifar10/setup.json'), 'utf8'));
const cached = () => readdir(path.join(environment.XDG_CACHE_HOME ?? '', 'cifar10')).catch(() => []);
const timesOfNpm = async () => (await readFile(path.join(folder, 'npm.log'), 'utf8')).trim().split('\n');

describe('on a machine that has only Node', () => {
  test('it continues without LocalStack and with WebAssembly, and reports why', async () => {
    const { code, output } = await setup();
    expect(output).toMatch(/no C\+\+ compiler .*: install one .*then run `npm run setup` again/);
    expect(output).toMatch(/Training uses the WebAssembly backend/);
    expect(output).toMatch(/No Python 3\.12 or 3\.13 was found for LocalStack, and no uv: install one of them/);
    expect(code).toBe(0);
    expect(await state()).toMatchObject({
      tensorflow: { backend: 'wasm', reason: expect.stringContaining('compiler') },
      localstack: { available: false, reason: expect.stringContaining('No Python') },
    });
    expect(await cached()).toEqual([]);
  });

  test('the tests need LocalStack', async () => {
    const { code, output } = await setup(['--with-tests']);
    expect(output.trim().split('\n').at(-1)).toMatch(/^No Python 3\.12 or 3\.13 was found.*again\.$/);
    expect(code).toBe(1);
  });

  test('--check reports what is missing and changes nothing', async () => {
    const before = await setup(['--check']);
    expect(before.code).toBe(1);
    expect(before.output).toMatch(/npm packages +missing/);
    expect(existsSync(path.join(project, 'node_modules'))).toBe(false);
    expect(existsSync(environment.XDG_CACHE_HOME ?? '')).toBe(false);
    await setup();
    const after = await setup(['--check']);
    expect(after.output).toMatch(/npm packages +2 packages/);
    expect(after.output).toMatch(/TensorFlow +missing\. There is no C\+\+ compiler/);
    expect(after.output).toMatch(/LocalStack +missing\. No Python/);
    expect(await timesOfNpm()).toHaveLength(1);
  });
});

test.each([
  ['offline', /^The npm packages could not be downloaded because the npm registry did not answer: check the network/],
  ['full', /^The disk of .*project became full during the set-up of npm packages: free some space, then/],
  ['corrupt', /^An npm package is corrupt.*run `npm cache verify`/],
  ['other', /^The npm packages could not be installed \(.*npm error 403 Forbidden\): fix that/],
])('if npm fails (%s), the error is one sentence, and nothing counts as installed', async (how, sentence) => {
  environment.FAKE_NPM = how;
  const { code, output } = await setup();
  const last = output.trim().split('\n').at(-1);
  expect(last).toMatch(sentence);
  expect(last).toMatch(/then run `npm run setup` again\.$|then `npm run setup` again\.$/);
  expect(output).not.toMatch(/\n {4}at /);
  expect(code).toBe(1);
  expect(existsSync(path.join(project, '.cifar10'))).toBe(false);
  expect((await setup(['--check'])).output).toMatch(/npm packages +missing/);
});

test.each([
  ['offline', /registry did not answer: check the network, the proxy http:\/\/proxy\.test:3128 of HTTPS_PROXY and/],
  ['other', /403 Forbidden\): fix that, or check the proxy http:\/\/proxy\.test:3128 of HTTPS_PROXY, then run/],
])('behind a proxy the error names it, without its password (%s)', async (how, sentence) => {
  environment.FAKE_NPM = how;
  environment.HTTPS_PROXY = 'http://me:secret@proxy.test:3128';
  const { output } = await setup();
  expect(output).toMatch(sentence);
  expect(output).not.toContain('secret');
});

test('packages are installed again only when the lockfile changes', async () => {
  await setup();
  await setup();
  expect(await timesOfNpm()).toHaveLength(1);
  const changed = {
    ...lockedPackages,
    ...foreignPackages,
    'node_modules/node-api-headers': { version: '1.9.1', integrity: 'sha512-c' },
  };
  await writeFile(path.join(project, 'package-lock.json'), JSON.stringify({ packages: changed }));
  await setup();
  expect(await timesOfNpm()).toHaveLength(2);
});

test('a running program finds its packages at every moment of an installation', async () => {
  await setup();
  const changed = {
    ...lockedPackages,
    'node_modules/another': { version: '1.0.0', integrity: 'sha512-d', optional: true },
  };
  await writeFile(
    path.join(project, 'package-lock.json'),
    JSON.stringify({ packages: { ...changed, ...foreignPackages } }),
  );
  await rm(path.join(project, 'node_modules/@tensorflow'), { recursive: true });
  const look = `setInterval(() => require('node:fs').readFileSync('node_modules/node-api-headers/package.json'), 1);`;
  const running = spawn(process.execPath, ['-e', look], { cwd: project });
  environment.FAKE_NPM_MILLISECONDS = '700';
  expect((await setup()).code).toBe(0);
  expect(await timesOfNpm()).toHaveLength(2);
  expect(existsSync(path.join(project, 'node_modules/@tensorflow/tfjs-node/package.json'))).toBe(true);
  expect((await readdir(path.join(project, 'node_modules'))).sort()).toEqual([
    '.package-lock.json',
    '@tensorflow',
    'node-api-headers',
  ]);
  expect(running.exitCode).toBe(null);
  running.kill();
});

test('packages that npm did not install as they are locked are an error, not a reason to install again and again', async () => {
  const locked = { ...lockedPackages, 'node_modules/another': { version: '1.0.0', integrity: 'sha512-d' } };
  await writeFile(path.join(project, 'package-lock.json'), JSON.stringify({ packages: locked }));
  const { code, output } = await setup();
  expect(output).toMatch(/npm did not install node_modules\/another as package-lock\.json has it: run `npm ci/);
  expect(code).toBe(1);
});

test('a user id without a name and a home folder has its cache in the clone', async () => {
  const { HOME: _home, XDG_CACHE_HOME: _cache, ...rest } = environment;
  environment = rest;
  const { code, output } = await started([asBareUser, 'setup/setup.mjs'], project);
  expect(output).toMatch(/✓ npm packages: 2 packages/);
  expect(code).toBe(0);
  const home = path.join(project, '.cifar10/home');
  expect(await readFile(path.join(home, 'npm.log'), 'utf8')).toMatch(/^ci /);
  expect(existsSync(path.join(home, '.cache/cifar10'))).toBe(true);
});

test('of two concurrent set-ups the second reports that it waits, and has nothing to do', async () => {
  environment.FAKE_NPM_MILLISECONDS = '700';
  const both = await Promise.all([setup(), setup()]);
  expect(both.map(({ code }) => code)).toEqual([0, 0]);
  expect(
    both.filter(({ output }) => /Waiting for process \d+, which is setting up this clone/.test(output)),
  ).toHaveLength(1);
  expect(await timesOfNpm()).toHaveLength(1);
  expect(await cached()).toEqual([]);
});

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s ends it, and the next run continues', async (signal, expected) => {
  environment.FAKE_NPM_MILLISECONDS = '60000';
  let isSent = false;
  const { code, output } = await setup([], (sofar, pid) => {
    if (isSent || !sofar.includes('npm packages …')) return;
    isSent = true;
    setTimeout(() => process.kill(pid, signal), 100);
  });
  expect(output).toMatch(/Interrupted\. Finished steps are kept/);
  expect(code).toBe(expected);
  expect(await cached()).toEqual([]);
  delete environment.FAKE_NPM_MILLISECONDS;
  expect((await setup()).code).toBe(0);
});

const wheel = tensorflowWheels({ gpu: false })?.[0];
describe.skipIf(wheel === undefined)('with a compiler and a Python index', () => {
  beforeEach(() => program('c++', 'exit 0'));

  test('a corrupt wheel is an error, without a fallback', async () => {
    await using index = await serveIndex({ [wheel?.file ?? '']: Buffer.from('another file') });
    environment.PIP_INDEX_URL = index.url;
    const { code, output } = await setup();
    expect(output.trim().split('\n').at(-1)).toMatch(
      /^The download of tensorflow.*\.whl is corrupt.*check the Python index/,
    );
    expect(code).toBe(1);
    expect(await cached()).toEqual([]);
  });

  test('if the index does not answer, there is a fallback', async () => {
    environment.PIP_INDEX_URL = 'http://127.0.0.1:1/simple/';
    const { code, output } = await setup();
    expect(output).toMatch(
      /tensorflow.*\.whl could not be downloaded because the Python index did not answer: check the network/,
    );
    expect(code).toBe(0);
    expect((await state()).tensorflow.backend).toBe('wasm');
  });
});

test('unknown options are refused', async () => {
  const { code, output } = await setup(['--wiht-tests']);
  expect(output).toMatch(/Unknown option '--wiht-tests'/);
  expect(code).toBe(2);
});

describe('the launcher', () => {
  beforeEach(async () => {
    const root = path.resolve(import.meta.dirname, '..');
    await cp(path.join(root, 'cifar10'), path.join(project, 'cifar10'));
    await writeFile(path.join(project, 'tsconfig.json'), '{}');
    await mkdir(path.join(project, 'cli'));
    await writeFile(
      path.join(project, 'cli', 'cifar10.ts'),
      'const args: string[] = process.argv.slice(2); console.log(JSON.stringify({ args })); process.exitCode = 7;',
    );
    await setup();
    // The real tsx, in this project's node_modules.
    await mkdir(path.join(project, 'node_modules', 'tsx', 'esm'), { recursive: true });
    await writeFile(
      path.join(project, 'node_modules', 'tsx', 'package.json'),
      '{"type":"module","exports":{"./esm/api":"./api.js"}}',
    );
    const api = path.join(root, 'node_modules', 'tsx', 'dist', 'esm', 'api', 'index.mjs');
    await writeFile(path.join(project, 'node_modules', 'tsx', 'api.js'), `export * from ${JSON.stringify(api)};`);
  });

  test('runs the program from any folder, with its arguments and exit code, and prints nothing', async () => {
    const { code, output } = await started([path.join(project, 'cifar10'), 'train', '--set', 'epochs=1'], folder);
    expect(output).toBe('{"args":["train","--set","epochs=1"]}\n');
    expect(code).toBe(7);
    // What was unavailable is not tried again on each command.
    expect(await timesOfNpm()).toHaveLength(1);
  });

  test('sets the clone up first', async () => {
    await rm(path.join(project, 'node_modules'), { recursive: true });
    environment.FAKE_NPM = 'offline';
    const { code, output } = await started([path.join(project, 'cifar10'), 'train'], folder);
    expect(output).toMatch(/npm registry did not answer/);
    expect(output).not.toContain('args');
    expect(code).toBe(1);
  });
});
