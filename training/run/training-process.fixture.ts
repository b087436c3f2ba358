import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TrainingEvent } from '../record/events.ts';

const root = join(import.meta.dirname, '../..');

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly events: readonly TrainingEvent[];
  readonly errors: string;
}

interface Options {
  /** Is given every event as it is printed, and the process. */
  readonly onEvent?: (event: TrainingEvent, child: ChildProcess) => void;
  /** As soon as there is a process. */
  readonly onStart?: (child: ChildProcess) => void;
  readonly environment?: NodeJS.ProcessEnv;
  /** Bytes that a file may grow to, as on a disk that is nearly full. @default any number */
  readonly largestFile?: number;
}

/**
 * The real program in a process of its own, as the container runs it, with `--json`.
 *
 * @param words such as `['train', 'tiny', '--run', 'a']`
 */
export async function trainingProcess(
  words: readonly string[],
  { onEvent = () => {}, onStart = () => {}, environment = {}, largestFile }: Options = {},
): Promise<Ended> {
  const program = [
    process.execPath,
    '--import',
    './setup/typescript.mjs',
    join(root, 'jobs/main.ts'),
    ...words,
    '--json',
  ];
  const limit = largestFile === undefined ? 'unlimited' : String(Math.floor(largestFile / 1024));
  const child = spawn('bash', ['-c', 'ulimit -f "$0" && exec "$@"', limit, ...program], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  });
  const events: TrainingEvent[] = [];
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  createInterface(child.stdout).on('line', (line) => {
    const event = eventOf(line);
    if (event === undefined) return;
    events.push(event);
    onEvent(event, child);
  });
  onStart(child);
  return await new Promise((resolve, reject) => {
    child.once('error', reject).once('close', (code, signal) => resolve({ code, signal, events, errors }));
  });
}

/** The last line of a process that was killed may be cut off. */
function eventOf(line: string): TrainingEvent | undefined {
  try {
    return JSON.parse(line) as TrainingEvent;
  } catch {
    return undefined;
  }
}
