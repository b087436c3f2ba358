import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { UserError } from '#errors/user-error.ts';
import type { Target } from './target.ts';

const root = path.resolve(import.meta.dirname, '../..');
const require = createRequire(import.meta.url);
const cdk = require.resolve('aws-cdk/bin/cdk');

/** The last lines are kept for the error message: where CDK says why, it does so at its end. */
const keptLines = 30;

/**
 * Runs the CDK that this project depends on, in the project, against the target and nothing else.
 *
 * @param args as on its command line, such as `['deploy', 'Cifar10']`
 * @param tell takes each line that it prints
 * @throws {CdkFailed} it ended with an error
 */
export function runCdk(target: Target, args: readonly string[], tell: (line: string) => void): Promise<void> {
  // CDK allows one run at a time in a folder of output, and there may be several against different clouds.
  return inFolder((output) => run(target, [...args, '--output', output], { cwd: root, tell }));
}

/**
 * Makes in the account what CDK needs in each; it knows nothing of this project.
 *
 * @param environment such as `aws://123456789012/eu-west-1`
 * @throws {CdkFailed} it ended with an error
 */
export function bootstrapCdk(target: Target, environment: string): Promise<void> {
  // Where there is a cdk.json CDK synthesizes the project, which takes longer than all the rest of it.
  return inFolder((cwd) => run(target, ['bootstrap', environment], { cwd }));
}

/** One that is gone afterwards. */
async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'cifar10-cdk-'));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function run(
  target: Target,
  args: readonly string[],
  { cwd, tell = () => {} }: { readonly cwd: string; readonly tell?: (line: string) => void },
): Promise<void> {
  const child = spawn(process.execPath, [cdk, ...args, '--no-notices'], {
    cwd,
    env: {
      ...target.environment,
      NO_COLOR: '1',
      // It talks to the target and to nobody else.
      CDK_DISABLE_VERSION_CHECK: '1',
      CDK_DISABLE_CLI_TELEMETRY: '1',
      // Three seconds of every synthesis; on this machine the tests have validated the template.
      ...(target.name === 'local' ? { CDK_VALIDATION: 'false' } : {}),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const last: string[] = [];
  const read = async (stream: NodeJS.ReadableStream) => {
    for await (const line of createInterface({ input: stream })) {
      if (line.trim() === '') continue;
      tell(line);
      last.push(line);
      if (last.length > keptLines) last.shift();
    }
  };
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  await Promise.all([read(child.stdout), read(child.stderr)]);
  if ((await ended) !== 0) throw new CdkFailed(args[0] ?? '', last);
}

/** CDK itself says why, in what it printed last. */
class CdkFailed extends UserError {
  override readonly name = 'CdkFailed';

  constructor(command: string, lastLines: readonly string[]) {
    super(`"cdk ${command}" failed. It said:\n${lastLines.map((line) => `  ${line}`).join('\n')}`);
  }
}
