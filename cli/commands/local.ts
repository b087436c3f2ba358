import { setTimeout as sleep } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import pc from 'picocolors';
import { localStore, shownPath } from '#environment/home.ts';
import { UserError } from '#errors/user-error.ts';
import { localEnvironment } from '#local/environment.ts';
import { logFile } from '#local/instance.ts';
import { defaultFolder, findLocalStack, readLog, startLocalStack, stopLocalStack } from '#local/localstack.ts';
import { followLog } from '#local/log.ts';
import { type Mirrored, saveModels } from '#local/mirror.ts';
import { activeJobs, endJob } from '../batch/batch-jobs.ts';
import { localTarget, type StackOutputs, type Target } from '../stack/target.ts';
import { step } from '../terminal/steps.ts';

const examples = `
LocalStack is an AWS of this machine: no account, no Docker, and no connection to anywhere else. It listens on 127.0.0.1.
It forgets everything when it ends; the models are kept in .cifar10/store, and come back with the next deployment.

Examples:
  ./cifar10 local up                    start it, or find the one that runs
  ./cifar10 deploy                      the stack, on it
  eval "$(./cifar10 local env)"         let this shell's aws, cdk and programs talk to it
  ./cifar10 local logs --follow         what it is asked, and what it answers
  ./cifar10 local down                  keep the models, and end it with all that it runs`;

export function localCommand(): Command {
  const command = new Command('local').description('LocalStack on this machine').addHelpText('after', examples);
  command
    .command('up')
    .description('start it, or find the one that runs')
    .option('--port <port>', 'where it listens (default: 4566 if that is free, else any)', parsePort)
    .option('--json', 'print JSON')
    .action(up);
  command
    .command('status')
    .description('whether it runs, and where; ends with 1 if it does not')
    .option('--json', 'print JSON')
    .action(status);
  command
    .command('logs')
    .description('the end of its log, also after it has ended')
    .option('-n, --lines <count>', 'how many lines', parseCount, 100)
    .option('-f, --follow', 'go on until Ctrl-C')
    .action(logs);
  command.command('env').description('what a shell must set to talk to it').option('--json', 'print JSON').action(env);
  command
    .command('down')
    .description('keep the models, and end it with all that it runs')
    .option('--json', 'print JSON')
    .action(down);
  return command;
}

async function up({ port, json }: { readonly port?: number; readonly json?: true }): Promise<void> {
  const localStack = await step('start LocalStack', () => startLocalStack({ port }));
  if (port !== undefined && localStack.port !== port) {
    throw new UserError(
      `LocalStack runs already, on port ${localStack.port}. End it with "./cifar10 local down" before you start it on ${port}.`,
    );
  }
  if (json) return print(localStack);
  printFacts([
    [localStack.wasRunning ? 'ran already' : 'endpoint', localStack.endpoint],
    ['process', String(localStack.pid)],
    ['log', logFile(localStack.folder)],
    ['next', './cifar10 deploy'],
  ]);
}

async function status({ json }: { readonly json?: true }): Promise<void> {
  const localStack = await findLocalStack();
  if (!localStack) {
    process.exitCode = 1;
    if (json) print({ isUp: false });
    else process.stdout.write('LocalStack is not running. Start it with "./cifar10 local up".\n');
    return;
  }
  const target = localTarget(localStack.endpoint);
  const stack = await deployed(target);
  const jobs = stack ? await activeJobs(target, stack) : [];
  const url = stack && target.apiUrl(stack);
  if (json) return print({ isUp: true, ...localStack, url, jobs: jobs.map(({ id }) => id) });
  printFacts([
    ['endpoint', localStack.endpoint],
    ['version', localStack.version],
    ['process', String(localStack.pid)],
    ['log', logFile(localStack.folder)],
    ['stack', url ?? 'not deployed: ./cifar10 deploy'],
    ['jobs', jobs.length === 0 ? 'none' : jobs.map(({ run, status }) => `${run} (${status})`).join(', ')],
  ]);
}

async function logs({ lines, follow }: { readonly lines: number; readonly follow?: true }): Promise<void> {
  const end = await readLog(lines);
  if (end === '') throw new UserError('LocalStack has not run in this clone. Start it with "./cifar10 local up".');
  process.stdout.write(`${end}\n`);
  if (follow) await followLog(defaultFolder, (text) => process.stdout.write(text));
}

async function env({ json }: { readonly json?: true }): Promise<void> {
  const localStack = await findLocalStack();
  if (!localStack) throw new UserError('LocalStack is not running. Start it with "./cifar10 local up".');
  const variables = localEnvironment(localStack.endpoint, {});
  if (json) return print(variables);
  // What would win over them.
  const others = Object.keys(process.env).filter((name) => name.startsWith('AWS_') && !(name in variables));
  for (const name of others) process.stdout.write(`unset ${name}\n`);
  for (const [name, value] of Object.entries(variables)) process.stdout.write(`export ${name}='${value}'\n`);
}

async function down({ json }: { readonly json?: true }): Promise<void> {
  const localStack = await findLocalStack();
  const kept = localStack && (await keepModels(localTarget(localStack.endpoint)));
  const wasRunning = await step('end LocalStack', () => stopLocalStack());
  if (json) return print({ wasRunning, ...kept });
  if (!wasRunning) process.stdout.write('LocalStack was not running.\n');
  if (kept?.mirrored.versions.length) {
    process.stdout.write(`${kept.mirrored.versions.length} new model versions are in ${shownPath(localStore)}.\n`);
  }
  for (const problem of kept?.mirrored.damaged ?? []) process.stderr.write(`${pc.yellow('!')} ${problem}\n`);
  for (const run of kept?.ended ?? []) {
    process.stdout.write(
      `The run ${run} has a checkpoint. Go on with "./cifar10 submit --run ${run}" and its recipe.\n`,
    );
  }
}

/** @returns `undefined` where nothing is deployed, and so nothing can have been made */
async function keepModels(target: Target): Promise<{ mirrored: Mirrored; ended: string[] } | undefined> {
  const stack = await deployed(target);
  if (!stack) return undefined;
  const jobs = await activeJobs(target, stack);
  if (jobs.length > 0) {
    await step('end what is training, with a checkpoint', async () => {
      for (const job of jobs) await endJob(target, job, 'LocalStack was ended');
      while ((await activeJobs(target, stack)).length > 0) await sleep(200);
    });
  }
  const mirrored = await step('keep the models', async () => saveModels(await target.store()));
  return { mirrored, ended: jobs.map(({ run }) => run) };
}

function deployed(target: Target): Promise<StackOutputs | undefined> {
  return target.stack().catch((error: unknown) => {
    if (error instanceof UserError) return undefined;
    throw error;
  });
}

function print(value: object): void {
  process.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
}

function printFacts(facts: readonly (readonly [string, string])[]): void {
  for (const [name, value] of facts) process.stdout.write(`${name.padEnd(12)}${value}\n`);
}

function parsePort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new InvalidArgumentError('A port is a whole number from 1 to 65535.');
}

function parseCount(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count > 0) return count;
  throw new InvalidArgumentError('The number of lines is a whole number, at least 1.');
}
