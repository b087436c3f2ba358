import { spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { Command, InvalidArgumentError } from 'commander';
import { defaultStore } from '#environment/home.ts';
import { shellWord } from '#environment/shell-word.ts';
import { UsageError, UserError } from '#errors/user-error.ts';
import { neutralEnvironment } from '#local/environment.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import { SetupFailure } from '#setup/failure.mjs';
import { tensorboardPython } from '#setup/tensorboard.mjs';
import { step } from '../terminal/steps.ts';

interface Options {
  readonly store: string;
  readonly port: number;
}

const examples = `
The store of this clone has the runs of "train" and those of LocalStack. The first call installs
TensorBoard, about 140 MB, into ~/.cache/cifar10; nothing else is needed.

Examples:
  ./cifar10 tensorboard                       the runs of this clone, until Ctrl-C
  ./cifar10 tensorboard --store models        those in another folder
  ./cifar10 tensorboard --port 0              on any free port`;

export function tensorboardCommand(): Command {
  return new Command('tensorboard')
    .description('Show the curves of all runs in TensorBoard, also of those in progress.')
    .option('--store <folder>', 'the folder with the runs', defaultStore)
    .option('--port <number>', 'port to listen on; 0 for any that is free', parsePort, 6006)
    .addHelpText('after', examples)
    .action(tensorboard);
}

async function tensorboard({ store, port }: Options): Promise<void> {
  if (store.includes('://')) throw new UsageError(bucketRemedy(store));
  const folder = folderStore(store).url;
  if (!(await hasRuns(folder))) {
    throw new UserError(`${folder} has no runs yet. Begin one with "./cifar10 train quick --out ${shellWord(store)}".`);
  }
  const python = await install();
  process.exitCode = await serve(python, path.join(folder, 'runs'), port);
}

/** TensorBoard reads a bucket only with TensorFlow's Python package, which is several times as large. */
function bucketRemedy(store: string): string {
  const copy = `aws s3 sync ${shellWord(store)}/runs copy/runs --exclude '*' --include '*/events.out.tfevents.*'`;
  return `TensorBoard reads a folder. Copy the event files of the bucket into one with "${copy}", then give --store copy.`;
}

async function hasRuns(folder: string): Promise<boolean> {
  for await (const _ of folderStore(folder).list('runs/')) return true;
  return false;
}

async function install(): Promise<string> {
  try {
    return await step('find TensorBoard, or install it', (report) => tensorboardPython({ onProgress: report }));
  } catch (error) {
    if (!(error instanceof SetupFailure)) throw error;
    throw new UserError(error.message.replaceAll('npm run setup', './cifar10 tensorboard'), { cause: error });
  }
}

/** @returns the exit code: 0 where it was ended by Ctrl-C, which the terminal sends to it as well */
async function serve(python: string, folder: string, port: number): Promise<number> {
  const address = ['--host', '127.0.0.1', '--port', String(port)];
  // The faster loader announces itself as an experiment at each start.
  const options = ['--logdir', folder, ...address, '--load_fast', 'false'];
  const child = spawn(python, ['-m', 'tensorboard.main', ...options], {
    env: { ...neutralEnvironment(), PYTHONWARNINGS: 'ignore', PYTHONUNBUFFERED: '1' },
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  let isEnded = false;
  const end = () => {
    isEnded = true;
    child.kill('SIGTERM');
  };
  process.on('SIGINT', end).on('SIGTERM', end);
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(isEnded ? 0 : (code ?? 1)));
  });
  for await (const line of createInterface({ input: child.stderr })) {
    if (!isNoise(line)) process.stderr.write(`${line}\n`);
  }
  return ended;
}

/** What TensorBoard says at each start, whatever is well. */
function isNoise(line: string): boolean {
  return line.trim() === '' || /TensorFlow installation not found|^All log messages before absl/.test(line);
}

function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port < 65_536) return port;
  throw new InvalidArgumentError('A port is a whole number from 0 to 65535.');
}
