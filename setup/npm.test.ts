/** Runs set-up with the real npm, in a project of four packages that a registry on this machine has. */
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { programsOnPath } from './processes.mjs';

interface Package {
  readonly manifest: Readonly<Record<string, unknown>>;
  readonly files?: Readonly<Record<string, string>>;
  /** What the lockfile says beside version and hash. */
  readonly locked?: Readonly<Record<string, unknown>>;
}

const packages: Record<string, Package> = {
  '@tensorflow/tfjs-node': {
    manifest: { version: '4.22.0', scripts: { install: 'touch "$HOME/script-ran"; exit 1' } },
    files: { 'binding/binding.cc': '', 'scripts/install.js': 'throw new Error("getaddrinfo ENOTFOUND")' },
    locked: { hasInstallScript: true },
  },
  'node-api-headers': { manifest: { version: '1.9.0' } },
  'for-developers': { manifest: { version: '2.0.0' }, locked: { dev: true } },
  'if-possible': { manifest: { version: '3.0.0' }, locked: { optional: true } },
};

/** Users' settings, each of which would change what is installed, or what npm does at all. */
const settings = {
  omit: 'dev',
  only: 'production',
  production: 'true',
  optional: 'false',
  include: 'peer',
  ignore_scripts: 'false',
  foreground_scripts: 'true',
  dry_run: 'true',
  global: 'true',
  location: 'global',
  package_lock: 'false',
  package_lock_only: 'true',
  shrinkwrap: 'false',
  offline: 'true',
  before: '2001-01-01',
  install_strategy: 'linked',
  legacy_peer_deps: 'true',
  bin_links: 'false',
  os: 'beos',
  cpu: 'm68k',
  workspace: 'another',
  workspaces: 'true',
  json: 'true',
  loglevel: 'silent',
  usage: 'true',
  script_shell: '/bin/false',
};

let folder: string;
let project: string;
interface Registry {
  readonly url: string;
  /** The names that were asked for. */
  readonly requests: string[];
  readonly server: Server;
  /** @default none is asked for */
  password?: string;
}

let registry: Registry;
let environment: Record<string, string>;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'cifar10-npm-'));
  project = path.join(folder, 'project');
  const archives = new Map<string, Buffer>();
  for (const [name, each] of Object.entries(packages)) archives.set(name, await archive(name, each));
  registry = await serveRegistry(archives);
  await cp(import.meta.dirname, path.join(project, 'setup'), {
    recursive: true,
    filter: (source) => !source.endsWith('.ts'),
  });
  const [development, production] = [true, false].map((dev) =>
    Object.fromEntries(
      Object.entries(packages)
        .filter(([, { locked }]) => !locked?.optional && (locked?.dev ?? false) === dev)
        .map(([name, { manifest }]) => [name, manifest.version]),
    ),
  );
  const root = {
    name: 'project',
    dependencies: production,
    devDependencies: development,
    optionalDependencies: { 'if-possible': '3.0.0' },
  };
  const locked = Object.entries(packages).map(([name, { manifest, locked }]) => {
    const integrity = `sha512-${createHash('sha512').update(archives.get(name)!).digest('base64')}`;
    return [`node_modules/${name}`, { version: manifest.version, integrity, ...locked }];
  });
  await writeFile(path.join(project, 'package.json'), JSON.stringify({ ...root, type: 'module' }));
  await writeFile(
    path.join(project, 'package-lock.json'),
    JSON.stringify({ name: 'project', lockfileVersion: 3, packages: { '': root, ...Object.fromEntries(locked) } }),
  );
  // A machine that has only Node.
  await mkdir(path.join(folder, 'bin'));
  await symlink(process.execPath, path.join(folder, 'bin/node'));
  const [npm] = programsOnPath('npm');
  if (npm !== undefined) await symlink(npm, path.join(folder, 'bin/npm'));
  environment = { PATH: path.join(folder, 'bin'), HOME: folder, XDG_CACHE_HOME: path.join(folder, 'cache') };
});
afterEach(async () => {
  registry.server.closeAllConnections();
  registry.server.close();
  await rm(folder, { recursive: true });
});

async function archive(name: string, { manifest, files = {} }: Package): Promise<Buffer> {
  const place = await mkdtemp(path.join(folder, 'archive-'));
  for (const [file, text] of Object.entries({ ...files, 'package.json': JSON.stringify({ name, ...manifest }) })) {
    await mkdir(path.dirname(path.join(place, 'package', file)), { recursive: true });
    await writeFile(path.join(place, 'package', file), text);
  }
  await promisify(execFile)('tar', ['-czf', 'package.tgz', 'package'], { cwd: place });
  return readFile(path.join(place, 'package.tgz'));
}

async function serveRegistry(archives: ReadonlyMap<string, Buffer>): Promise<Registry> {
  const server = createServer((request, response) => {
    const name = decodeURIComponent(request.url ?? '').slice(1);
    if (served.password !== undefined && request.headers.authorization !== `Bearer ${served.password}`) {
      response.writeHead(401).end();
      return;
    }
    served.requests.push(name);
    const found = archives.get(name.replace(/\.tgz$/, ''));
    const version = String(packages[name]?.manifest.version);
    if (found === undefined) response.writeHead(404).end();
    else if (name.endsWith('.tgz')) response.end(found);
    else {
      const integrity = `sha512-${createHash('sha512').update(found).digest('base64')}`;
      const dist = { tarball: `http://${request.headers.host}/${name}.tgz`, integrity };
      const versions = { [version]: { ...packages[name]?.manifest, name, dist } };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ name, 'dist-tags': { latest: version }, versions }));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const served: Registry = { url, requests: [], server };
  return served;
}

async function setup(): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawn(process.execPath, ['setup/setup.mjs'], { cwd: project, env: environment });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, output })));
}

/** All packages are there after the first set-up, none has run a script, and the second installs nothing. */
async function expectOneInstallation(): Promise<void> {
  const first = await setup();
  expect(first.output).toMatch(/✓ npm packages: 4 packages/);
  expect(first.code).toBe(0);
  for (const name of Object.keys(packages)) {
    expect(existsSync(path.join(project, 'node_modules', name, 'package.json')), name).toBe(true);
  }
  expect(existsSync(path.join(folder, 'script-ran'))).toBe(false);
  const requests = registry.requests.length;
  expect(requests).toBeGreaterThan(0);
  expect((await setup()).output).not.toMatch(/npm packages/);
  expect(registry.requests).toHaveLength(requests);
}

test('no setting of npm in a variable changes what is installed; the registry in one is used', async () => {
  for (const [name, value] of Object.entries(settings)) environment[`npm_config_${name}`] = value;
  environment.NODE_ENV = 'production';
  environment.NPM_CONFIG_REGISTRY = registry.url;
  await expectOneInstallation();
}, 60_000);

test('nor does one in the user’s .npmrc; the registry in it is used, and its password reaches it', async () => {
  const lines = Object.entries(settings).map(([name, value]) => `${name.replaceAll('_', '-')} = ${value}`);
  registry.password = 'secret';
  environment.TOKEN = registry.password;
  const connection = [
    `registry="${registry.url}"`,
    `${registry.url.slice('http:'.length)}:_authToken=\${TOKEN} ; ours`,
  ];
  await writeFile(path.join(folder, '.npmrc'), ['# mine', ...lines, ...connection, ''].join('\n'));
  await expectOneInstallation();
}, 60_000);
