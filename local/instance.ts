import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import * as z from 'zod/mini';

/** A running LocalStack. */
export interface LocalStack {
  /** The endpoint of every service: `http://127.0.0.1:<port>`. */
  readonly endpoint: string;
  readonly port: number;
  readonly pid: number;
  /** The folder below which it writes all its files, absolute. */
  readonly folder: string;
  /** LocalStack's version, such as `4.14.0`. */
  readonly version: string;
}

/**
 * An instance writes this file when it starts, and its watchdog deletes it when its last process has ended: while the file
 * exists, something may be running.
 */
const InstanceFile = z.object({ pid: z.number(), port: z.number() });
export type InstanceFile = z.infer<typeof InstanceFile>;

/** The instance's answer once it is ready. */
const Answer = z.object({ pid: z.number(), folder: z.string(), version: z.string() });

export function instanceFile(folder: string): string {
  return path.join(folder, 'instance.json');
}

export function logFile(folder: string): string {
  return path.join(folder, 'log');
}

/** @returns `undefined` if nothing was started, or everything has ended */
export async function readInstanceFile(folder: string): Promise<InstanceFile | undefined> {
  try {
    return z.parse(InstanceFile, JSON.parse(await readFile(instanceFile(folder), 'utf8')));
  } catch {
    // An incomplete file is from an instance that was killed while it wrote it, before it started anything.
    return undefined;
  }
}

/**
 * @param timeout in milliseconds: a process that hangs may still hold its port
 * @returns `undefined` if the instance is not ready, or if another program answers at its port
 */
export async function askInstance(
  folder: string,
  { pid, port }: InstanceFile,
  timeout = 10_000,
): Promise<LocalStack | undefined> {
  const endpoint = `http://127.0.0.1:${port}`;
  try {
    const response = await fetch(`${endpoint}/_cifar10/instance`, { signal: AbortSignal.timeout(timeout) });
    const answer = z.parse(Answer, await response.json());
    if (answer.pid !== pid || answer.folder !== folder) return undefined;
    return { endpoint, port, pid, folder, version: answer.version };
  } catch {
    return undefined;
  }
}

/** Whether a process is that of the instance in `folder`; the ids of ended processes are reused. */
export async function isInstance(pid: number, folder: string): Promise<boolean> {
  const command = await commandOf(pid);
  return command.includes('cifar10_local') && command.endsWith(` ${folder}`);
}

/** The program and its arguments; empty if the process does not exist, or is a zombie. */
async function commandOf(pid: number): Promise<string> {
  try {
    if (process.platform !== 'linux') {
      return (await promisify(execFile)('ps', ['-o', 'command=', '-p', String(pid)])).stdout.trim();
    }
    const words = await readFile(`/proc/${pid}/cmdline`, 'utf8');
    return words.split('\0').join(' ').trim();
  } catch {
    return '';
  }
}
