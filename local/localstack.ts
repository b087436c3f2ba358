import { spawn } from 'node:child_process';
import { mkdir, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { home } from '#environment/home.ts';
import { variable } from '#environment/variables.ts';
import { UserError } from '#errors/user-error.ts';
import { cacheRoot, withLock } from '#setup/cache.mjs';
import { localstackPython } from '#setup/localstack.mjs';
import { askInstance, instanceFile, isInstance, type LocalStack, logFile, readInstanceFile } from './instance.ts';
import { freePort, isFree } from './port.ts';
import { type LocalImages, localImages } from './training-image.ts';

export { localEnvironment } from './environment.ts';
export type { LocalStack } from './instance.ts';

/** Where the instance of this clone lives. */
export const defaultFolder = path.join(home, 'local');

const preferredPort = 4566;
const readySeconds = 120;
/** LocalStack ends in one to ten seconds, and nothing that it does in them is worth waiting for. */
const stopSeconds = 5;
/** What the watchdog needs after LocalStack's end, at most. */
const watchdogSeconds = 10;

export interface StartOptions {
  /** Where the instance lives; there is at most one in a folder. @default `.cifar10/local` in this clone */
  readonly folder?: string;
  /** @default 4566 if it is free, else `'any'` that is */
  readonly port?: number | 'any' | undefined;
  /** Ends with this process, however that ends, kill -9 included. @default lives on until `stopLocalStack` */
  readonly bound?: boolean;
  /** Deletes the folder, log and all, when the instance has ended. @default keeps the log */
  readonly ephemeral?: boolean;
  /** @default the training image, which runs this clone's training program */
  readonly images?: LocalImages;
  /** For tests, which cannot wait for as long as AWS does. */
  readonly batch?: {
    /** Shortest timeout of an attempt. @default 60, as on AWS */
    readonly minimumTimeoutSeconds?: number;
    /** From SIGTERM to SIGKILL. @default 30, as on AWS */
    readonly stopGraceSeconds?: number;
  };
}

export interface StartedLocalStack extends LocalStack {
  /** It ran already. */
  readonly wasRunning: boolean;
}

/**
 * Starts LocalStack, or finds the one that runs in the folder, and returns when it answers.
 *
 * @throws {UserError} there is no Python for it, the port is taken, or it did not start; the message has the log's end
 */
export async function startLocalStack(options: StartOptions = {}): Promise<StartedLocalStack> {
  const folder = path.resolve(options.folder ?? defaultFolder);
  const running = await findLocalStack(folder);
  if (running) return { ...running, wasRunning: true };
  // One at a time: whoever waited finds what the other has started.
  return withLock(`${folder}.lock`, async () => {
    const started = await findLocalStack(folder);
    if (started) return { ...started, wasRunning: true };
    await stopLocalStack(folder);
    return { ...(await startNew(folder, options)), wasRunning: false };
  });
}

/** @returns the instance that runs in the folder and answers */
export async function findLocalStack(folder: string = defaultFolder): Promise<LocalStack | undefined> {
  const file = await readInstanceFile(path.resolve(folder));
  return file && askInstance(path.resolve(folder), file);
}

/**
 * Ends the instance in the folder with all of its jobs and functions, whatever state it is in.
 *
 * @returns whether there was one
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
    // It leads a process group, in which it may have helpers.
    if (await isRunning()) signal(-file.pid, 'SIGKILL');
    await until(async () => !(await isRunning()), stopSeconds);
  }
  // Its watchdog deletes the file when the last job and function have ended; where there is no watchdog, we do.
  await until(async () => (await readInstanceFile(absolute)) === undefined, found ? watchdogSeconds : 0);
  await rm(instanceFile(absolute), { force: true });
  return found;
}

/** @returns the last lines that the instance has logged; empty if there is no log */
export async function readLog(lines: number, folder: string = defaultFolder): Promise<string> {
  const text = await readFile(logFile(path.resolve(folder)), 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}

async function startNew(folder: string, options: StartOptions): Promise<LocalStack> {
  const python = localstackPython();
  if (python === undefined) {
    throw new UserError(
      'LocalStack needs Python 3.12 or newer, and set-up found none. Install one (or uv) and run "npm run setup", or serve without a cloud by "./cifar10 serve".',
    );
  }
  const { port: wanted = preferredPort } = options;
  for (let attempt = 1; ; attempt++) {
    const port = wanted === options.port && wanted !== 'any' ? wanted : await freePort(wanted);
    try {
      return await launch(python, folder, port, options);
    } catch (error) {
      // Between looking for a free port and listening somebody else may have taken it.
      if (!(error instanceof PortTaken) || port === options.port || attempt === 3) throw error;
    }
  }
}

/** Somebody else listens at the port. */
class PortTaken extends UserError {
  override readonly name = 'PortTaken';

  constructor(port: number) {
    super(`Port ${port} is taken. Name another with --port, or none to get one that is free.`);
  }
}

async function launch(python: string, folder: string, port: number, options: StartOptions): Promise<LocalStack> {
  if (!(await isFree(port))) throw new PortTaken(port);
  await clear(folder);
  await writeFile(path.join(folder, 'images.json'), JSON.stringify(options.images ?? localImages()));
  const log = await open(logFile(folder), 'w');
  const bound = options.bound ?? false;
  const child = spawn(python, ['-m', 'cifar10_local', folder], {
    cwd: folder,
    env: environmentOf(folder, port, options),
    // Of its own session: a Ctrl-C in the terminal is for us, and we decide when it ends.
    detached: true,
    stdio: ['ignore', log.fd, log.fd, bound ? 'pipe' : 'ignore'],
  });
  await log.close();
  const leash = child.stdio[3];
  if (leash instanceof Socket) leash.on('error', () => undefined).unref();
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
    // The first answer may take seconds, and LocalStack logs an error when nobody waits for it.
    const localStack = await askInstance(folder, { pid, port }, Math.max(1, deadline - Date.now()));
    if (localStack) return localStack;
    await sleep(50);
  }
  const why = end ?? (pid === undefined ? await exit : `no answer within ${readySeconds} s`);
  const tail = await readLog(15, folder);
  await stopLocalStack(folder);
  if (tail.includes('CannotListenError')) throw new PortTaken(port);
  throw new UserError(`LocalStack did not start (${why}). The end of ${logFile(folder)}:\n${tail}`);
}

/** Nothing of an instance that has ended is of use to the next. */
async function clear(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const entry of await readdir(folder)) await rm(path.join(folder, entry), { recursive: true, force: true });
}

/** Everything that LocalStack gets: of the user's own environment it needs nothing but the path of programs. */
function environmentOf(
  folder: string,
  port: number,
  { bound, ephemeral, batch = {} }: StartOptions,
): NodeJS.ProcessEnv {
  const { minimumTimeoutSeconds, stopGraceSeconds } = batch;
  return {
    PATH: process.env.PATH,
    LANG: 'C.UTF-8',
    // Caches that it keeps in the home folder are of no use to another clone, and one of them is wrong for it.
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
    ...(ephemeral && { [variable.localEphemeral]: '1' }),
    ...(minimumTimeoutSeconds && { [variable.localBatchMinimumTimeout]: String(minimumTimeoutSeconds) }),
    ...(stopGraceSeconds && { [variable.localBatchStopGrace]: String(stopGraceSeconds) }),

    GATEWAY_LISTEN: `127.0.0.1:${port}`,
    GATEWAY_SERVER: 'loopback',
    LAMBDA_RUNTIME_EXECUTOR: 'process',
    PROVIDER_OVERRIDE_S3: 'folder',
    FILESYSTEM_ROOT: path.join(folder, 'files'),
    // A container in which this runs is not LocalStack's own.
    OVERRIDE_IN_DOCKER: '0',
    // A type that there is not is an error, not a resource that is left out.
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
