import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { home } from '#environment/home.ts';
import { makeFolder } from '#environment/make-folder.ts';
import { variable } from '#environment/variables.ts';
import type { PlanKind } from '#models/plans/plan.ts';
import { TRAINING_CORES } from './local-capacity.ts';
import { shardsCommand } from './submit-plan.ts';

/** Which child of a plan. */
export interface Child {
  readonly plan: string;
  readonly kind: PlanKind;
  readonly submission: string;
  readonly child: number;
  /** The store of the plan, a folder or `s3://<bucket>`. */
  readonly store: string;
}

/** How a process ended: by itself, or by a signal. */
export type ProcessEnd = { readonly exitCode: number } | { readonly signal: NodeJS.Signals };

export interface ChildProcess {
  readonly pid: number;
  /** Its output, in one file for all attempts. */
  readonly log: string;
  readonly ended: Promise<ProcessEnd>;
  /** SIGTERM: it keeps a checkpoint. SIGKILL: its whole process group ends. */
  end(signal: 'SIGTERM' | 'SIGKILL'): void;
}

/** Where the output of a plan's children of this machine is. */
export function logFolder(plan: string): string {
  return path.join(home, 'logs', plan);
}

/** Starts the program of the training image for a child. It ends with this process, whatever ends this one. */
export async function startChild({ plan, kind, submission, child, store }: Child): Promise<ChildProcess> {
  const log = path.join(logFolder(plan), `${submission}-${child}.log`);
  await makeFolder(path.dirname(log));
  const output = await open(log, 'a');
  const program = spawn(
    process.execPath,
    [
      ...['--import', new URL('../../setup/typescript.mjs', import.meta.url).href],
      ...['--import', new URL('./end-with-parent.mjs', import.meta.url).href],
      ...[fileURLToPath(new URL('../../jobs/main.ts', import.meta.url))],
      ...[...shardsCommand({ plan, submission, child }), '--store', store],
    ],
    {
      env: environmentOf(kind),
      // In a process group of its own: Ctrl-C in the terminal is for this process, which then ends its children.
      detached: true,
      stdio: ['ignore', output.fd, output.fd, 'pipe'],
    },
  );
  await output.close();
  program.stdio[3]?.on('error', () => {});
  const ended = new Promise<ProcessEnd>((resolve, reject) => {
    program.once('error', reject);
    program.once('exit', (exitCode, signal) => resolve(signal === null ? { exitCode: exitCode ?? 1 } : { signal }));
  });
  if (program.pid === undefined) await Promise.race([ended, once(program, 'spawn')]);
  const pid = program.pid!;
  return { pid, log, ended, end: (signal) => signalTo(signal === 'SIGKILL' ? -pid : pid, signal) };
}

function environmentOf(kind: PlanKind): NodeJS.ProcessEnv {
  const { [variable.jobId]: _, [variable.arrayIndex]: __, ...environment } = process.env;
  return kind === 'sweep' ? { [variable.threads]: String(TRAINING_CORES), ...environment } : environment;
}

function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** The last lines of a child's output. */
export async function lastLines(log: string, count: number): Promise<string[]> {
  const text = await readFile(log, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-count);
}
