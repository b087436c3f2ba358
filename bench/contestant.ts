import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';

/**
 * A program that is measured in a process of its own. It prints a line of JSON when it is ready, `{"name", "version"}`, and
 * one for each line with a number that it reads: it does what is measured so many times, and prints what came of it.
 */
export interface Contestant {
  readonly name: string;
  readonly version: string;
  /** Of one that trains: of its first steps, on the first batch. */
  readonly losses: readonly number[];
  readonly pid: number;
  measure<Result>(times: number): Promise<Result>;
  end(): Promise<void>;
}

/** @throws {Error} it ended before it was ready; with what it said on stderr */
export async function startContestant(
  command: string,
  options: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<Contestant> {
  const child = spawn(command, options, { env: { ...process.env, ...environment } });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4_000);
  });
  const ended = once(child, 'close');
  const lines = createInterface(child.stdout);
  const next = async <Answer>(): Promise<Answer> => JSON.parse(await nextLine(lines, child, () => said)) as Answer;
  const { name, version, losses } = await next<{ name: string; version: string; losses?: number[] | null }>();
  return {
    name,
    version,
    losses: losses ?? [],
    pid: child.pid!,
    async measure<Result>(times: number) {
      child.stdin.write(`${times}\n`);
      return next<Result>();
    },
    async end() {
      child.stdin.end();
      await ended;
    },
  };
}

function nextLine(lines: Interface, child: ChildProcessWithoutNullStreams, said: () => string): Promise<string> {
  return new Promise((resolve, reject) => {
    const onClose = () => reject(new Error(`${child.spawnargs.join(' ')} ended: ${said()}`));
    child.once('close', onClose).once('error', reject);
    lines.once('line', (line) => {
      child.off('close', onClose).off('error', reject);
      resolve(line);
    });
  });
}
