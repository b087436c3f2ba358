import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';

/**
 * A measured program, in its own process. It prints a line of JSON when it is ready: `{"name", "version"}`. For each line
 * with a number that it reads, it repeats the measured work that many times and prints a line of JSON with the result.
 */
export interface Contestant {
  readonly name: string;
  readonly version: string;
  /** Losses of its first training steps, on the first batch; empty unless it trains. */
  readonly losses: readonly number[];
  readonly pid: number;
  measure<Result>(times: number): Promise<Result>;
  end(): Promise<void>;
}

/** @throws {Error} it ended before it was ready; the message holds its stderr */
export async function startContestant(
  command: string,
  options: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<Contestant> {
  const child = spawn(command, options, { env: { ...process.env, ...environment } });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-4_000);
  });
  const ended = once(child, 'close');
  const lines = createInterface(child.stdout);
  const next = async <Answer>(): Promise<Answer> => JSON.parse(await nextLine(lines, child, () => errors)) as Answer;
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

function nextLine(lines: Interface, child: ChildProcessWithoutNullStreams, errors: () => string): Promise<string> {
  return new Promise((resolve, reject) => {
    const onClose = () => reject(new Error(`${child.spawnargs.join(' ')} ended unexpectedly: ${errors()}`));
    child.once('close', onClose).once('error', reject);
    lines.once('line', (line) => {
      child.off('close', onClose).off('error', reject);
      resolve(line);
    });
  });
}
