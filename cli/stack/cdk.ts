import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { UserError } from '#errors/user-error.ts';
import { awsAccount } from './aws-settings.ts';
import type { Target } from './target.ts';

const root = path.resolve(import.meta.dirname, '../..');
const require = createRequire(import.meta.url);
const cdk = require.resolve('aws-cdk/bin/cdk');

/** Lines kept for the error message: CDK prints the reason at the end. */
const keptLines = 30;

/**
 * Runs this project's own CDK, in the project, against the target only.
 *
 * @param args as on its command line, such as `['deploy', 'Cifar10']`
 * @param report is called with each line that it prints
 * @throws {UserError} it ended with an error, or the user's credentials have expired
 */
export function runCdk(target: Target, args: readonly string[], report: (line: string) => void): Promise<void> {
  // CDK allows one run at a time per output folder, and there may be several against different clouds.
  return inFolder((output) => run(target, [...args, '--output', output], { cwd: root, report }));
}

/**
 * Creates what CDK needs in an account ("cdk bootstrap"); that is the same for every project.
 *
 * @param environment such as `aws://123456789012/eu-west-1`
 * @throws {UserError} it ended with an error, or the user's credentials have expired
 */
export function bootstrapCdk(target: Target, environment: string): Promise<void> {
  // Next to a cdk.json CDK would synthesize the project first, which takes longer than bootstrapping.
  return inFolder((cwd) => run(target, ['bootstrap', environment], { cwd }));
}

/** A temporary folder, deleted afterwards. */
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
  { cwd, report = () => {} }: { readonly cwd: string; readonly report?: (line: string) => void },
): Promise<void> {
  const child = spawn(process.execPath, [cdk, ...args, '--no-notices'], {
    cwd,
    env: {
      ...target.environment,
      NO_COLOR: '1',
      // It sends requests to the target only.
      CDK_DISABLE_VERSION_CHECK: '1',
      CDK_DISABLE_CLI_TELEMETRY: '1',
      // It takes three seconds of every synthesis, and the tests have validated the template.
      ...(target.name === 'local' ? { CDK_VALIDATION: 'false' } : {}),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const last: string[] = [];
  const read = async (stream: NodeJS.ReadableStream) => {
    for await (const line of createInterface({ input: stream })) {
      if (/^\s*(at .*)?$/.test(line)) continue; // empty, or of a stack trace
      report(line);
      last.push(line);
      if (last.length > keptLines) last.shift();
    }
  };
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  // A signal that ends this process need not have reached the child.
  const endChild = () => void child.kill();
  process.once('exit', endChild);
  await Promise.all([read(child.stdout), read(child.stderr)]);
  process.off('exit', endChild);
  if ((await ended) === 0) return;
  // Of credentials that have expired meanwhile CDK says that there are none.
  if (target.name === 'aws') await awsAccount(target.clientConfig);
  throw new CdkFailed(args[0] ?? '', last);
}

/** The last lines that CDK printed say why. */
class CdkFailed extends UserError {
  override readonly name = 'CdkFailed';

  constructor(command: string, lastLines: readonly string[]) {
    super(`"cdk ${command}" failed. Its last output:\n${lastLines.map((line) => `  ${line}`).join('\n')}`);
  }
}
