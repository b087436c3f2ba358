import { spawn } from 'node:child_process';
import { mkdir, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { home, localStore } from '#environment/home.ts';
import { variable } from '#environment/variables.ts';
import { UserError } from '#errors/user-error.ts';
import { cacheRoot, withLock } from '#setup/cache.mjs';
import { localstackPython } from '#setup/localstack.mjs';
import { askInstance, instanceFile, isInstance, type LocalStack, logFile, readInstanceFile } from './instance.ts';
import { freePort, isFree } from './port.ts';
import { type LocalImages, localImages } from './training-image.ts';

export { localEnvironment } from './environment.ts';
export type { LocalStack } from './instance.ts';

/** The folder of this clone's instance. */
export const defaultFolder = path.join(home, 'local');

const preferredPort = 4566;
const readySeconds = 120;
/** LocalStack takes one to ten seconds to end, and does nothing then that is worth a longer wait. */
const stopSeconds = 5;
/** The most that the watchdog needs after LocalStack's end. */
const watchdogSeconds = 10;

export interface StartOptions {
  /** The instance's folder; a folder has at most one instance. @default `.cifar10/local` in this clone */
  readonly folder?: string;
  /** @default 4566 if it is free, else any free port */
  readonly port?: number | 'any' | undefined;
  /** Whether the instance ends with this process, even after SIGKILL. @default false: it runs until `stopLocalStack` */
  readonly bound?: boolean;
  /** Whether to delete the folder and its log when the instance has ended. @default false: keeps the log */
  readonly ephemeral?: boolean;
  /** The folder that gets every change of the model bucket before it is answered. @default the clone's store for the clone's instance, else none */
  readonly store?: string;
  /** @default the training image, which runs this clone's training program */
  readonly images?: LocalImages;
  /** For tests, which cannot wait as long as AWS does. */
  readonly batch?: {
    /** The shortest timeout of an attempt. @default 60, as on AWS */
    readonly minimumTimeoutSeconds?: number;
    /** The time from SIGTERM to SIGKILL. @default 30, as on AWS */
    readonly stopGraceSeconds?: number;
  };
}

export interface StartedLocalStack extends LocalStack {
  /** Whether it was already running. */
  readonly wasRunning: boolean;
}

/**
 * Starts LocalStack in the folder unless it runs there, and returns when it is ready.
 *
 * @throws {UserError} there is no Python for it, the port is in use, or it did not start; the message has the log's end
 */
export async function startLocalStack(options: StartOptions = {}): Promise<StartedLocalStack> {
  const folder = path.resolve(options.folder ?? defaultFolder);
  const running = await findLocalStack(folder);
  if (running) return { ...running, wasRunning: true };
  // One at a time: a process that waited finds the instance that the other started.
  return withLock(`${folder}.lock`, async () => {
    const started = await findLocalStack(folder);
    if (started) return { ...started, wasRunning: true };
    await stopLocalStack(folder);
    return { ...(await startNew(folder, options)), wasRunning: false };
  });
}

/** @returns the instance in the folder, if it is ready */
export async function findLocalStack(folder: string = defaultFolder): Promise<LocalStack | undefined> {
  const file = await readInstanceFile(path.resolve(folder));
  return file && askInstance(path.resolve(folder), file);
}

/**
 * Ends the instance in the folder with all its jobs and functions, whatever its state.
 *
 * @returns whether one was running
 */
export async function stopLocalStack(folder: string = defaultFolder): Promise<boolean> {
  const absolute = path.resolve(folder);
  const file = await readInstanceFile(absolute);
  if (!file) return false;
  const isRunning = () => isInstance(file.pid, absolute);
  const found = await isRunning();
  if (found) {
    signal(file.pid, 'SIGTERM');
    await until(async () => !(await isRunning()), stopSeconds);
    // It leads a process group, which may contain its child processes.
    if (await isRunning()) signal(-file.pid, 'SIGKILL');
    await until(async () => !(await isRunning()), stopSeconds);
  }
  // The watchdog deletes the file when the last job and function have ended; without a watchdog we do.
  await until(async () => (await readInstanceFile(absolute)) === undefined, found ? watchdogSeconds : 0);
  await rm(instanceFile(absolute), { force: true });
  return found;
}

/** @returns the last lines of the instance's log; empty if there is none */
export async function readLog(lines: number, folder: string = defaultFolder): Promise<string> {
  const text = await readFile(logFile(path.resolve(folder)), 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}

async function startNew(folder: string, options: StartOptions): Promise<LocalStack> {
  const python = localstackPython();
  if (python === undefined) {
    throw new UserError(
      'LocalStack is not installed: set-up found no Python 3.12 or 3.13. Install one (or uv) and run "npm run setup", or serve without a cloud with "./cifar10 serve".',
    );
  }
  const { port: wanted = preferredPort } = options;
  for (let attempt = 1; ; attempt++) {
    const port = wanted === options.port && wanted !== 'any' ? wanted : await freePort(wanted);
    try {
      return await launch(python, folder, port, options);
    } catch (error) {
      // Another process may have taken the port since it was found free.
      if (!(error instanceof PortInUse) || port === options.port || attempt === 3) throw error;
    }
  }
}

/** Another process listens on the port. */
class PortInUse extends UserError {
  override readonly name = 'PortInUse';

  constructor(port: number) {
    super(`Port ${port} is in use. Choose another with --port, or omit --port to get a free one.`);
  }
}

async function launch(python: string, folder: string, port: number, options: StartOptions): Promise<LocalStack> {
  if (!(await isFree(port))) throw new PortInUse(port);
  await clear(folder);
  await writeFile(path.join(folder, 'images.json'), JSON.stringify(options.images ?? localImages()));
  const log = await open(logFile(folder), 'w');
  const bound = options.bound ?? false;
  const child = spawn(python, ['-m', 'cifar10_local', folder], {
    cwd: folder,
    env: environmentOf(folder, port, options),
    // In its own session: Ctrl-C in the terminal ends this process, which decides when LocalStack ends.
    detached: true,
    stdio: ['ignore', log.fd, log.fd, bound ? 'pipe' : 'ignore'],
  });
  await log.close();
  const lease = child.stdio[3];
  if (lease instanceof Socket) lease.on('error', () => undefined).unref();
  child.unref();
  const exit = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, killer) => resolve(killer ? `ended by ${killer}` : `exit code ${code}`));
  });
  let end: string | undefined;
  exit.then((how) => {
    end = how;
  });
  const { pid } = child;
  const deadline = Date.now() + 1000 * readySeconds;
  while (pid !== undefined && end === undefined && Date.now() < deadline) {
    // The first answer may take seconds, and LocalStack logs an error if its client has gone.
    const localStack = await askInstance(folder, { pid, port }, Math.max(1, deadline - Date.now()));
    if (localStack) return localStack;
    await sleep(50);
  }
  const why = end ?? (pid === undefined ? await exit : `no answer within ${readySeconds} s`);
  const tail = await readLog(15, folder);
  await stopLocalStack(folder);
  if (tail.includes('CannotListenError')) throw new PortInUse(port);
  throw new UserError(`LocalStack did not start (${why}). The end of ${logFile(folder)}:\n${tail}`);
}

/** Deletes the files of the previous instance. */
async function clear(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const entry of await readdir(folder)) await rm(path.join(folder, entry), { recursive: true, force: true });
}

/** LocalStack's whole environment: it inherits only the PATH from the user's. */
function environmentOf(
  folder: string,
  port: number,
  { bound, ephemeral, store = folder === defaultFolder ? localStore : undefined, batch = {} }: StartOptions,
): NodeJS.ProcessEnv {
  const { minimumTimeoutSeconds, stopGraceSeconds } = batch;
  return {
    PATH: process.env.PATH,
    LANG: 'C.UTF-8',
    // Its caches in the home folder are useless to other clones, and one of them is wrong for them.
    HOME: path.join(folder, 'home'),
    PYTHONPATH: path.join(import.meta.dirname, 'plugin'),
    PYTHONNOUSERSITE: '1',
    PYTHONUNBUFFERED: '1',
    PYTHONWARNINGS: 'ignore',

    [variable.localFolder]: folder,
    [variable.localCache]: path.join(cacheRoot(), 'localstack-index'),
    [variable.localImages]: path.join(folder, 'images.json'),
    [variable.localNode]: process.execPath,
    ...(bound && { [variable.localLease]: '3' }),
    ...(store !== undefined && { [variable.localStore]: store }),
    ...(ephemeral && { [variable.localEphemeral]: '1' }),
    ...(minimumTimeoutSeconds && { [variable.localBatchMinimumTimeout]: String(minimumTimeoutSeconds) }),
    ...(stopGraceSeconds && { [variable.localBatchStopGrace]: String(stopGraceSeconds) }),

    GATEWAY_LISTEN: `127.0.0.1:${port}`,
    GATEWAY_SERVER: 'loopback',
    LAMBDA_RUNTIME_EXECUTOR: 'process',
    PROVIDER_OVERRIDE_S3: 'folder',
    FILESYSTEM_ROOT: path.join(folder, 'files'),
    // If this runs in a container, it is not LocalStack's own.
    OVERRIDE_IN_DOCKER: '0',
    // An unknown resource type is an error instead of a silently missing resource.
    CFN_IGNORE_UNSUPPORTED_RESOURCE_TYPES: '0',
    DISABLE_EVENTS: '1',
    SKIP_SSL_CERT_DOWNLOAD: '1',
    DNS_ADDRESS: '0',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function until(claim: () => Promise<boolean>, seconds: number): Promise<void> {
  const deadline = Date.now() + 1000 * seconds;
  while (!(await claim()) && Date.now() < deadline) await sleep(30);
}
