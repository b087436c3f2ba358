import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import * as z from 'zod/mini';

/** A LocalStack that runs. */
export interface LocalStack {
  /** The same for every service: `http://127.0.0.1:<port>`. */
  readonly endpoint: string;
  readonly port: number;
  readonly pid: number;
  /** All that it writes lies below, absolute. */
  readonly folder: string;
  /** Of LocalStack, such as `4.14.0`. */
  readonly version: string;
}

/**
 * Written by whoever starts an instance, and deleted by its watchdog when the last process of it is gone: as long as it is
 * there something may be running.
 */
const InstanceFile = z.object({ pid: z.number(), port: z.number() });
export type InstanceFile = z.infer<typeof InstanceFile>;

/** What the instance answers, once everything in it has started. */
const Answer = z.object({ pid: z.number(), folder: z.string(), version: z.string() });

export function instanceFile(folder: string): string {
  return path.join(folder, 'instance.json');
}

export function logFile(folder: string): string {
  return path.join(folder, 'log');
}

/** @returns `undefined` where nothing was started, or everything has ended */
export async function readInstanceFile(folder: string): Promise<InstanceFile | undefined> {
  try {
    return z.parse(InstanceFile, JSON.parse(await readFile(instanceFile(folder), 'utf8')));
  } catch {
    // Half a file is that of somebody who was killed while he wrote it, before there was a process.
    return undefined;
  }
}

/**
 * @param patience in milliseconds: what stands still may still hold its port
 * @returns `undefined` if it is not ready, or if what answers at its port is something else
 */
export async function askInstance(
  folder: string,
  { pid, port }: InstanceFile,
  patience = 10_000,
): Promise<LocalStack | undefined> {
  const endpoint = `http://127.0.0.1:${port}`;
  try {
    const response = await fetch(`${endpoint}/_cifar10/instance`, { signal: AbortSignal.timeout(patience) });
    const answer = z.parse(Answer, await response.json());
    if (answer.pid !== pid || answer.folder !== folder) return undefined;
    return { endpoint, port, pid, folder, version: answer.version };
  } catch {
    return undefined;
  }
}

/** Whether a process is that of the instance in `folder`: numbers of dead processes are given to others. */
export async function isInstance(pid: number, folder: string): Promise<boolean> {
  const command = await commandOf(pid);
  return command.includes('cifar10_local') && command.endsWith(` ${folder}`);
}

/** The program and its arguments; empty where there is no such process, or where it has ended and was not waited for. */
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
